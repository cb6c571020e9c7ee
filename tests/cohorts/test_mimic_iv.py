"""Admissions of MIMIC-IV and MIMIC-III: hand-made tables with every fault; real patients."""

from __future__ import annotations

import csv
import gzip
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tumorboard import registry
from tumorboard.cohorts import Source
from tumorboard.cohorts.mimic_iv import MimicIv
from tumorboard.errors import InputError, StudyError

PATIENTS = """subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod
1,F,60,2150,2008 - 2010,2153-02-01
2,M,91,2150,2008 - 2010,
3,,40,2150,2008 - 2010,
4,M,17,2150,2008 - 2010,
5,F,50,2150,2008 - 2010,
"""
ADMISSIONS = """subject_id,hadm_id,admittime,dischtime,deathtime,admission_type,\
admission_location,discharge_location,insurance,language,marital_status,race,hospital_expire_flag
1,12,2153-01-01 00:00:00,2153-02-01 12:00:00,2153-02-01 12:00:00,URGENT,ER,,Other,ENGLISH,,WHITE,1
1,11,2151-01-01 00:00:00,2151-01-03 12:00:00,,URGENT,ER,HOME,Other,ENGLISH,WIDOWED,WHITE,0
2,20,2151-01-01 00:00:00,2151-01-02 00:00:00,,URGENT,ER,HOME,Other,ENGLISH,,ASIAN,0
3,30,2151-01-01 00:00:00,2151-01-02 00:00:00,,URGENT,ER,HOME,Other,ENGLISH,,ASIAN,0
4,40,2150-01-01 00:00:00,2150-01-02 00:00:00,,URGENT,ER,HOME,Other,ENGLISH,,ASIAN,0
"""
ALIVE = PATIENTS.replace("2153-02-01", "")
SURVIVED = ADMISSIONS.replace("2153-02-01 12:00:00,URGENT", ",URGENT").replace("WHITE,1", "WHITE,0")
AFTER = "1,13,2153-06-01 00:00:00,2153-06-02 00:00:00,,URGENT,ER,HOME,Other,,,WHITE,0\n"
DIAGNOSES = """subject_id,hadm_id,seq_num,icd_code,icd_version
1,11,1,4280,9
1,12,1,C50911,10
1,12,2,I509,10
2,20,1,1749,9
3,30,1,0389,9
4,40,1,V103,9
"""
LABS = """labevent_id,subject_id,hadm_id,itemid,charttime,valuenum,valueuom
1,1,12,50912,2153-01-01 05:00:00,2.5,mg/dL
2,1,12,50912,2153-01-09 05:00:00,3.5,mg/dL
"""
III_PATIENTS = """ROW_ID,SUBJECT_ID,GENDER,DOB,DOD
1,1,F,2100-06-01 00:00:00,
2,2,M,1850-01-01 00:00:00,2151-01-05 00:00:00
"""
III_ADMISSIONS = """ROW_ID,SUBJECT_ID,HADM_ID,ADMITTIME,DISCHTIME,DEATHTIME,ADMISSION_TYPE,\
ETHNICITY,HOSPITAL_EXPIRE_FLAG
1,1,11,2150-05-31 12:00:00,2150-06-02 00:00:00,,EMERGENCY,WHITE,0
2,2,20,2151-01-01 00:00:00,2151-01-02 00:00:00,,NEWBORN,WHITE,0
"""
III_DIAGNOSES = "ROW_ID,SUBJECT_ID,HADM_ID,SEQ_NUM,ICD9_CODE\n1,1,11,1,0700\n2,1,11,2,\n"


def write(root: Path, **texts: str) -> Path:
    given = {"patients": PATIENTS, "admissions": ADMISSIONS, "diagnoses_icd": DIAGNOSES, **texts}
    for name, text in given.items():
        (root / f"{name}.csv").write_text(text, encoding="utf-8")
    return root


def by_id(source: MimicIv, root: Path) -> dict[str, dict[str, Any]]:
    return {row["admission_id"]: row for row in source.tabulate(root).frame.iter_rows(named=True)}


def test_registry_finds_it_with_its_defaults() -> None:
    component = registry.load("cohorts", "mimic_iv")
    settings = registry.resolve(component, {"icd": ["C50"], "labs": [50912]}, where="cohort")
    source = component(**registry.arguments(component, settings))
    assert isinstance(source, MimicIv)
    assert isinstance(source, Source)
    assert (source.labs, source.rows) == ((50912,), "patient")
    assert source.defaults["task"] == {"target": "hospital_expire_flag", "positive": "1"}


def test_every_admission_with_what_was_known(tmp_path: Path) -> None:
    rows = by_id(MimicIv(rows="admission", require_demographics=False), write(tmp_path))
    assert list(rows) == ["11", "12", "20", "30", "40"]  # by patient and time
    first, second = rows["11"], rows["12"]
    assert (first["patient_id"], first["age"], second["age"]) == ("1", 61.0, 63.0)
    assert rows["20"]["age"] == 92.0  # anchor_age 91 stands for everybody over 89
    assert (first["n_earlier_admissions"], second["n_earlier_admissions"]) == (0, 1)
    assert first["days_since_prior_discharge"] is None
    assert second["days_since_prior_discharge"] == 728.5
    assert (first["length_of_stay_days"], second["days_to_death"]) == (2.5, 31.5)
    assert first["days_to_death"] == 762.0
    assert (first["elixhauser_chf"], second["elixhauser_chf"]) == (None, 1)
    assert second["elixhauser_solidtum"] == 0  # the cancer is coded at discharge of this admission
    assert first["admittime"] == datetime(2151, 1, 1)


def test_codes_of_an_admission_that_goes_on_are_not_known_yet(tmp_path: Path) -> None:
    goes_on = ADMISSIONS.replace("2151-01-03 12:00:00", "2153-01-01 00:00:00")
    rows = by_id(MimicIv(rows="admission"), write(tmp_path, admissions=goes_on))
    assert rows["12"]["elixhauser_chf"] is None  # codes are assigned at or after the discharge
    assert rows["12"]["n_earlier_admissions"] == 1
    third = "1,13,2153-01-15 00:00:00,2153-01-20 00:00:00,,URGENT,ER,HOME,Other,,,WHITE,0\n"
    rows = by_id(MimicIv(rows="admission"), write(tmp_path, admissions=ADMISSIONS + third))
    assert (rows["13"]["elixhauser_chf"], rows["13"]["elixhauser_solidtum"]) == (1, 0)


def test_rows_are_those_of_the_file(tmp_path: Path) -> None:
    cohort = MimicIv(rows="admission").read(write(tmp_path), name="c", files={})
    assert dict(zip(cohort.unit_id, cohort.line, strict=True))["11"] == 3  # it stands below 12


def test_who_is_gone_before_the_prediction_is_left_out(tmp_path: Path) -> None:
    source = MimicIv(rows="admission", require_demographics=False, predict_at_hours=24)
    cohort = source.read(write(tmp_path), name="c", files={})
    assert cohort.unit_id == ("11", "12")
    step = cohort.flow[-1]
    gone = ("2", "3", "4")  # after a day to the minute, and sooner
    assert (step.reason, step.patients) == ("discharged or dead within 24 hours", gone)


def test_codes_of_the_admission_itself_when_asked_for(tmp_path: Path) -> None:
    source = MimicIv(rows="admission", same_admission_codes=True)
    cohort = source.read(write(tmp_path), name="c", files={})
    flags = dict(zip(cohort.unit_id, cohort.columns["elixhauser_solidtum"], strict=True))
    assert flags == {"11": "0", "12": "1", "20": "1", "40": "0"}
    assert cohort.known_later["elixhauser_solidtum"] == "at discharge, when codes are assigned"
    assert cohort.known_later["charlson_chf"].startswith("at discharge")


def test_cohort_and_its_flow(tmp_path: Path) -> None:
    root = write(tmp_path)
    cohort = MimicIv(icd=("174", "C50")).read(root, name="c", files={})
    assert (cohort.patient_id, cohort.unit_id) == (("1", "2"), ("12", "20"))  # first with a code
    steps = [(s.reason, s.n_patients, s.n_rows, s.patients) for s in cohort.flow]
    assert steps == [
        ("without an admission", 1, 0, ("5",)),
        ("no diagnosis code that begins with 174, C50", 2, 2, ("3", "4")),
        ("not the index admission", 0, 1, ()),
    ]
    assert cohort.line == (2, 4)  # as in admissions.csv
    assert {record.path.name for record in cohort.records if record.state == "used"} == {
        "patients.csv", "admissions.csv", "diagnoses_icd.csv",
    }  # fmt: skip
    adults = MimicIv(min_age=18).read(root, name="c", files={})
    assert adults.unit_id == ("11", "20")
    assert [s.reason for s in adults.flow[2:]] == ["age or sex not known", "under 18 years"]


def test_nobody_dies_before_the_first_code(tmp_path: Path) -> None:
    """The patient lived to get the code: an admission before it says nothing of death."""
    root = write(tmp_path, patients=ALIVE, admissions=SURVIVED + AFTER)
    since = MimicIv(icd=("174", "C50"), rows="admission").read(root, name="c", files={})
    assert since.unit_id == ("12", "13", "20")  # 11 had no such code yet; 13 has none itself
    step = since.flow[-1]
    assert (step.reason, step.n_patients, step.n_rows) == (
        "before the first admission with such a code", 0, 1,
    )  # fmt: skip
    assert not any("before_first_code" in note for note in since.notes)
    every = MimicIv(icd=("174", "C50"), rows="admission", before_first_code=True)
    cohort = every.read(root, name="c", files={})
    assert cohort.unit_id == ("11", "12", "13", "20")
    (note,) = [note for note in cohort.notes if "before_first_code" in note]
    assert note.startswith("1 row is of an admission before the patient's first with a code")
    assert "nobody dies in them" in note
    everybody = MimicIv(rows="admission").read(root, name="c", files={})
    assert everybody.unit_id == ("11", "12", "13", "20", "40")
    assert "before" not in everybody.flow[-1].reason


def test_earlier_is_what_began_and_discharged_what_ended(tmp_path: Path) -> None:
    """13 goes on beside 12 and 14: it is no discharge for 12, and not the last one for 14."""
    more = """\
1,13,2152-12-01 00:00:00,2153-03-01 00:00:00,,URGENT,ER,HOME,Other,,,WHITE,0
1,14,2153-03-11 00:00:00,2153-03-11 00:00:00,,URGENT,ER,HOME,Other,,,WHITE,0
1,15,2153-03-11 00:00:00,2153-03-12 00:00:00,,URGENT,ER,HOME,Other,,,WHITE,0
1,16,2153-03-12 00:00:00,,,URGENT,ER,HOME,Other,,,WHITE,0
1,17,2153-03-14 00:00:00,,,URGENT,ER,HOME,Other,,,WHITE,0
"""
    rows = by_id(
        MimicIv(rows="admission"), write(tmp_path, patients=ALIVE, admissions=SURVIVED + more)
    )
    found = {
        i: (row["n_earlier_admissions"], row["days_since_prior_discharge"])
        for i, row in rows.items()
        if i.startswith("1")
    }
    assert found == {
        "11": (0, None),
        "13": (1, 697.5),
        "12": (2, 728.5),
        "14": (3, 10.0),
        "15": (3, 10.0),  # neither of two that begin at once came earlier
        "16": (5, 0.0),  # at the minute of the discharge from 15
        "17": (6, 2.0),  # 16 has not ended
    }


def test_labs_of_an_admission_that_nobody_knows_are_counted(tmp_path: Path) -> None:
    odd = LABS + "3,1,99,50912,2153-01-09 05:00:00,3.5,mg/dL\n"
    root = write(tmp_path, labevents=odd + "4,1,11,50912,2151-01-02 05:00:00,3.5,mg/dL\n")
    notes = MimicIv(icd=("C50",)).read(root, name="c", files={}).notes  # 11 is left out, and known
    (note,) = [note for note in notes if "labevents" in note]
    assert "1 lab event of an admission that the table admissions lacks left out" in note


def test_prefixes_of_two_versions_and_of_nobody(tmp_path: Path) -> None:
    root = write(tmp_path)
    with pytest.raises(StudyError, match=r'"V10" begins codes of ICD-9 and of ICD-10.*"9:V10"'):
        MimicIv(icd=("V10",)).tabulate(root)
    only_9 = "".join(x for x in DIAGNOSES.splitlines(keepends=True) if not x.endswith("10\n"))
    assert set(by_id(MimicIv(icd=("V10",)), write(tmp_path, diagnoses_icd=only_9))) == {"40"}
    root = write(tmp_path, diagnoses_icd=DIAGNOSES + "2,20,2,V1031,10\n")
    assert set(by_id(MimicIv(icd=("9:V10.3",)), root)) == {"40"}
    with pytest.raises(StudyError, match=r"no admission of diagnoses_icd\.csv .* begins with X99"):
        MimicIv(icd=("X99",)).tabulate(root)


def test_labs_are_facts_of_later_unless_their_window_is_over(tmp_path: Path) -> None:
    root = write(tmp_path, labevents=LABS)
    whole = MimicIv(rows="admission").read(root, name="c", files={})
    assert whole.columns["lab_50912_mean"][1] == "3"
    assert whole.known_later["lab_50912_mean"] == "during the admission, up to discharge"
    day = MimicIv(rows="admission", lab_window_hours=(0, 24))
    assert by_id(day, root)["12"]["lab_50912_max"] == 2.5
    assert "lab_50912_max" in day.read(root, name="c", files={}).known_later
    later = MimicIv(rows="admission", lab_window_hours=(0, 24), predict_at_hours=24)
    assert "lab_50912_max" not in later.read(root, name="c", files={}).known_later
    none = MimicIv(rows="admission", labs="none").tabulate(root).frame
    assert not any(name.startswith("lab_") for name in none.columns)


def test_layout_of_mimic_iii(tmp_path: Path) -> None:
    for name, text in (
        ("PATIENTS", III_PATIENTS), ("ADMISSIONS", III_ADMISSIONS), ("DIAGNOSES_ICD", III_DIAGNOSES)
    ):  # fmt: skip
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    source = MimicIv(same_admission_codes=True)
    rows = by_id(source, tmp_path)
    assert rows["11"]["age"] == 49.0  # one day before the fiftieth birthday
    assert rows["20"]["age"] == 91.4
    assert rows["20"]["days_to_death"] == 4.0
    assert rows["11"]["race"] == "WHITE"
    assert rows["11"]["elixhauser_ld"] == 0  # 0700 is none of 0702 to 0709
    assert rows["20"]["elixhauser_ld"] is None  # no code at all: not known
    assert any("1 patient over 89" in n for n in source.read(tmp_path, name="c", files={}).notes)


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("patients", "2,M", "1,M", r"patients\.csv, column subject_id: .*1 \(rows 2, 3\)"),
        ("admissions", "2,20,", "2,11,", r"admissions\.csv, column hadm_id: .*11 \(rows 3, 4\)"),
        ("admissions", "2,20,", "7,20,", r"admission 20 \(row 4\) is of a subject_id that pat"),
        ("admissions", "hospital_expire_flag", "died", r"no column hospital_expire_flag; expected"),
        ("patients", "anchor_age", "age", r"no column anchor_age; .*anchor_age: Known: age"),
        ("diagnoses_icd", "icd_version", "v", r"diagnoses_icd\.csv: no column icd_version"),
        ("admissions", "2151-01-03 12:00:00", "2150-01-03 12:00:00",
         r"1 admission: admission 11 of 1 \(admissions\.csv row 3\): discharge before admission"),
        ("admissions", "12:00:00,2153-02-01", "12:00:00,2152-02-01",
         r"death in hospital before admission.*impossible_dates = \"exclude\""),
        ("patients", "2153-02-01", "2152-02-01", r"patients\.csv row 2\): death before admission"),
        ("patients", "17,2150", "17,2190", r"40 of 4 \(patients\.csv row 5\): birth after admiss"),
        ("admissions", "2,20,2151-01-01 00:00:00", "2,20,", r"column admittime: empty in row 4"),
        ("patients", "M,91", "M,300", r"anchor_age: row 3: 300; expected years from 0 to 120"),
        ("admissions", "ASIAN,0", "ASIAN,2", r"hospital_expire_flag: row 4: 2; expected 0 or 1"),
    ],
)  # fmt: skip
def test_faults(tmp_path: Path, table: str, old: str, new: str, message: str) -> None:
    texts = {"patients": PATIENTS, "admissions": ADMISSIONS, "diagnoses_icd": DIAGNOSES}
    assert old in texts[table]
    root = write(tmp_path, **{table: texts[table].replace(old, new, 1)})
    with pytest.raises(InputError, match=message):
        MimicIv(rows="admission", require_demographics=False).tabulate(root)


def test_impossible_dates_can_be_left_out(tmp_path: Path) -> None:
    root = write(tmp_path, patients=PATIENTS.replace("2153-02-01", "2152-02-01"))
    cohort = MimicIv(rows="admission", impossible_dates="exclude").read(root, name="c", files={})
    assert cohort.unit_id == ("11", "20", "40")
    assert [(s.reason, s.n_rows) for s in cohort.flow][-1] == ("impossible dates", 1)


def test_settings_that_cannot_be() -> None:
    with pytest.raises(StudyError) as caught:
        MimicIv(
            lab_window_hours=(24, 0),
            prescriptions=("opiod",),
            lab_units={"x": "g"},
            icd=("*",),
            before_first_code=True,
        )
    assert len(caught.value.problems) == 5
    assert 'before_first_code = true needs cohort.icd and cohort.rows = "admission"' in str(
        caught.value
    )
    assert "Did you mean 'opioid'" in str(caught.value)


def _demo() -> Path:
    folder = Path(os.environ.get("TUMORBOARD_DATA", "")) / "mimic3-demo"
    if not os.environ.get("TUMORBOARD_DATA") or not folder.is_dir():
        pytest.skip("TUMORBOARD_DATA names no folder with mimic3-demo")
    return folder


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.realdata
def test_real_patients_against_the_csv_module() -> None:
    """Age, earlier admissions, death and codes, counted with nothing but csv and datetime."""
    folder = _demo()
    source = MimicIv(rows="admission", same_admission_codes=True)
    frame = source.tabulate(folder).frame
    assert (frame.height, frame["patient_id"].n_unique()) == (129, 100)
    born = {r["subject_id"]: r["dob"] for r in _rows(folder / "PATIENTS.csv.gz")}
    stays = _rows(folder / "ADMISSIONS.csv.gz")
    codes = _rows(folder / "DIAGNOSES_ICD.csv.gz")
    drugs = _rows(folder / "PRESCRIPTIONS.csv.gz")
    found = {row["admission_id"]: row for row in frame.iter_rows(named=True)}
    for stay in stays:
        row = found[stay["hadm_id"]]
        own = [s for s in stays if s["subject_id"] == stay["subject_id"]]
        day, birth = stay["admittime"][:10], born[stay["subject_id"]][:10]
        age = int(day[:4]) - int(birth[:4]) - (day[5:] < birth[5:])
        assert row["age"] == (91.4 if age > 200 else age)
        assert row["n_earlier_admissions"] == sum(s["admittime"] < stay["admittime"] for s in own)
        assert row["hospital_expire_flag"] == int(stay["hospital_expire_flag"])
        assert row["elixhauser_carit"] in (0, 1)
        of_stay = {c["icd9_code"] for c in codes if c["hadm_id"] == stay["hadm_id"]}
        if "42731" in of_stay:  # atrial fibrillation
            assert row["elixhauser_carit"] == 1
        names = [d["drug"].lower() for d in drugs if d["hadm_id"] == stay["hadm_id"]]
        insulin = int(any("insulin" in n for n in names)) if names else None
        assert row["drug_insulin"] == insulin
    assert frame.filter(pl.col("hospital_expire_flag") == 1).height == sum(
        s["hospital_expire_flag"] == "1" for s in stays
    )


@pytest.mark.realdata
def test_real_patients_chosen_by_codes() -> None:
    folder = _demo()
    codes = _rows(folder / "DIAGNOSES_ICD.csv.gz")
    people = {c["subject_id"] for c in codes if c["icd9_code"].startswith("428")}
    table = MimicIv(icd=("428",)).tabulate(folder).frame
    assert set(table["patient_id"]) == people
    coded = {c["hadm_id"] for c in codes if c["icd9_code"].startswith("428")}
    assert set(table["admission_id"]) <= coded
