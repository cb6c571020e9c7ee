"""The source eicu: stays, history of certain order, events, faults; the demo by hand counts."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tumorboard.cohorts.eicu import Eicu
from tumorboard.errors import InputError, StudyError
from tumorboard.records import Cohort

PATIENT = (
    "patientunitstayid,patienthealthsystemstayid,uniquepid,gender,age,ethnicity,hospitalid,"
    "apacheadmissiondx,hospitaladmitoffset,hospitaldischargeyear,hospitaldischargeoffset,"
    "hospitaldischargestatus,unitvisitnumber,unitdischargeoffset,unitdischargestatus,admissionweight"
)
#: Patient a: hospital stay 1 of 2014 with visits 1 and 2, hospital stays 2 and 3 of 2015.
STAYS = (
    "11,1,a,Female,70,Caucasian,5,Sepsis,-10,2014,900,Alive,1,300,Alive,60.5",
    "12,1,a,Female,70,Caucasian,5,Sepsis,-400,2014,510,Alive,2,200,Alive,60",
    "13,2,a,Female,71,Caucasian,5,CABG,0,2015,800,Alive,1,700,Alive,",
    "14,3,a,Female,71,Caucasian,5,,0,2015,800,Expired,1,700,Expired,",
    "21,4,b,Male,> 89,Asian,6,CVA,0,2015,500,Alive,1,400,Alive,80",
)
DIAGNOSES = (
    '1,11,10,"428.0, I50.9"', '2,12,10,"250.40, E11.22"', "3,13,10,", '4,14,10,"584.9, N17.9"',
    '5,21,10,"V45.1, Z99.2"', "6,21,20,70.32",
)  # fmt: skip
LABS = (
    "1,11,-60,potassium,4.0,mmol/L,mmol/L", "2,11,120,potassium,5.0,mmol/L,mEq/L",
    "3,11,90,potassium,3.0,mmol/L,mmol/L", "4,11,2000,potassium,9.0,mmol/L,mmol/L",
    "5,11,100,-bands,,%,%", "6,12,100,-bands,7,%,%", "7,99,100,potassium,1,mmol/L,mmol/L",
)  # fmt: skip
TREATMENTS = (
    "1,11,30,cardiovascular|shock|vasopressors",
    "2,11,3000,burns/trauma|x",
    "3,21,5,renal|y",
)
MEDICATION = (
    "1,11,5,No,HEPARIN 5000 UNIT", "2,11,5,Yes,fentaNYL", "3,11,9000,No,LASIX", "4,12,5,No,",
    "5,21,5,No,aspirin 81 mg",
)  # fmt: skip
HEADERS: Mapping[str, str] = {
    "patient": PATIENT,
    "diagnosis": "diagnosisid,patientunitstayid,diagnosisoffset,icd9code",
    "lab": "labid,patientunitstayid,labresultoffset,labname,labresult,labmeasurenamesystem,"
    "labmeasurenameinterface",
    "treatment": "treatmentid,patientunitstayid,treatmentoffset,treatmentstring",
    "medication": "medicationid,patientunitstayid,drugstartoffset,drugordercancelled,drugname",
}


def write(folder: Path, **changed: Sequence[str]) -> Path:
    rows = {
        "patient": STAYS, "diagnosis": DIAGNOSES, "lab": LABS, "treatment": TREATMENTS,
        "medication": MEDICATION,
    }  # fmt: skip
    for name, lines in {**rows, **changed}.items():
        (folder / f"{name}.csv").write_text("\n".join([HEADERS[name], *lines]) + "\n")
    return folder


def by_stay(folder: Path, column: str, source: Eicu | None = None) -> dict[str, object]:
    table = (source or Eicu(rows="admission")).tabulate(folder).frame
    return dict(table.select("admission_id", column).iter_rows())


def test_stays_and_their_facts(tmp_path: Path) -> None:
    cohort = Eicu(rows="admission").read(write(tmp_path), name="x", files={})
    assert cohort.patient_id == ("a", "a", "a", "a", "b")
    assert cohort.unit_id == ("11", "12", "13", "14", "21")
    assert cohort.line == (2, 3, 4, 5, 6)
    assert cohort.columns["age"] == ("70", "70", "71", "71", "90")
    assert cohort.columns["age_over_89"] == ("0", "0", "0", "0", "1")
    assert cohort.columns["admissionweight"] == ("60.5", "60", None, None, "80")
    assert cohort.columns["admission_diagnosis"][3] is None
    assert cohort.known_later["hospitaldischargestatus"] == "at discharge"
    assert cohort.known_later["lab_potassium_mean"] == "during the stay"
    assert "elixhauser_chf" not in cohort.known_later
    assert any("1 stay of patients over 89 years" in note for note in cohort.notes)
    assert any("'70.32' (ICD-9)" in note for note in cohort.notes)
    assert Eicu.defaults["task"] == {"target": "hospitaldischargestatus", "positive": "Expired"}


def test_history_is_of_stays_that_certainly_came_before(tmp_path: Path) -> None:
    """13 and 14 are two hospital stays of one year: neither is the other's history."""
    folder = write(tmp_path)
    assert by_stay(folder, "elixhauser_chf") == {
        "11": None, "12": 1, "13": 1, "14": 1, "21": None,
    }  # fmt: skip
    assert by_stay(folder, "charlson_diabwc") == {
        "11": None, "12": 0, "13": 1, "14": 1, "21": None,
    }  # fmt: skip
    own = by_stay(folder, "elixhauser_rf", Eicu(rows="admission", same_admission_codes=True))
    assert own == {"11": 0, "12": 0, "13": 0, "14": 0, "21": 1}
    cohort = Eicu(same_admission_codes=True).read(folder, name="x", files={})
    assert "diagnoses are written down" in cohort.known_later["elixhauser_rf"]


def test_labs_by_hand(tmp_path: Path) -> None:
    folder = write(tmp_path)
    row = Eicu(rows="admission").tabulate(folder).frame.row(0, named=True)
    cells = [row[f"lab_potassium_{name}"] for name in ("mean", "min", "max", "last", "count")]
    assert cells == [5.25, 3.0, 9.0, 9.0, 4]
    assert (row["lab_bands_mean"], row["lab_bands_count"]) == (None, 0)
    row = Eicu(rows="admission", lab_window_hours=(-1, 2)).tabulate(folder).frame.row(0, named=True)
    cells = [row[f"lab_potassium_{name}"] for name in ("mean", "min", "max", "last", "count")]
    assert cells == [4.0, 3.0, 5.0, 5.0, 3]
    assert by_stay(folder, "lab_potassium_count") == {
        "11": 4, "12": 0, "13": None, "14": None, "21": None,
    }  # fmt: skip
    kept = by_stay(folder, "lab_potassium_mean", Eicu(lab_units={"potassium": "mEq/L"}))
    assert kept["11"] == 5.0
    names = Eicu(labs=("-bands",), rows="admission").tabulate(folder).frame.columns
    assert next(name for name in names if name.startswith("lab_")) == "lab_bands_mean"
    assert "lab_potassium_mean" not in names


def test_treatments_and_drugs_in_the_window(tmp_path: Path) -> None:
    folder = write(tmp_path)
    none = {"12": None, "13": None, "14": None}
    assert by_stay(folder, "treatment_cardiovascular") == {"11": 1, "21": 0, **none}
    assert by_stay(folder, "treatment_burns_trauma") == {"11": 1, "21": 0, **none}
    day = Eicu(rows="admission", lab_window_hours=(-1, 24))
    early = by_stay(folder, "treatment_burns_trauma", day)
    assert early == {"11": 0, "21": 0, **none}
    burns = "1,11,3000,burns/trauma|x", "2,21,5,renal|y"
    late = by_stay(
        write(tmp_path, treatment=burns, medication=MEDICATION[2:]), "treatment_renal", day
    )
    assert late == {"11": None, "21": 1, **none}  # that a treatment follows is not known yet
    assert by_stay(folder, "drug_diuretic", day)["11"] is None
    write(tmp_path)
    assert by_stay(folder, "drug_anticoagulant") == {"11": 1, "21": 0, **none}
    assert by_stay(folder, "drug_opioid")["11"] == 0  # the order was cancelled
    assert by_stay(folder, "drug_diuretic")["11"] == 1
    assert by_stay(folder, "drug_diuretic", day)["11"] == 0


def test_a_window_is_known_at_its_end(tmp_path: Path) -> None:
    folder = write(tmp_path)
    at_admission = Eicu(lab_window_hours=(-1, 24)).read(folder, name="x", files={})
    assert at_admission.known_later["drug_opioid"] == "up to 24 hours after unit admission"
    then = Eicu(rows="admission", lab_window_hours=(-1, 5), predict_at_hours=5)
    at_5 = then.read(folder, name="x", files={})
    assert set(at_5.known_later) == {"hospitaldischargestatus", "unitdischargestatus"}


def test_who_is_gone_before_the_prediction_is_left_out(tmp_path: Path) -> None:
    at_5 = Eicu(rows="admission", predict_at_hours=5).read(write(tmp_path), name="x", files={})
    assert at_5.unit_id == ("13", "14", "21")  # 11 leaves at minute 300, 12 at 200
    (step,) = at_5.flow
    assert (step.reason, step.n_patients, step.n_rows) == (
        "discharged or dead within 5 hours", 0, 2,
    )  # fmt: skip


def test_cohort_by_codes_and_index_stay(tmp_path: Path) -> None:
    folder = write(tmp_path)
    index = Eicu(icd=("584", "E11")).read(folder, name="x", files={})
    assert index.unit_id == ("12",)
    assert [(s.n_patients, s.n_rows) for s in index.flow] == [(1, 1), (0, 3)]
    later = Eicu(icd=("584.9",)).read(folder, name="x", files={})
    assert later.unit_id == ("14",)
    assert Eicu().read(folder, name="x", files={}).unit_id == ("11", "21")
    unsure = write(tmp_path, patient=[STAYS[3], STAYS[2], STAYS[4]])
    cohort = Eicu().read(unsure, name="x", files={})
    assert cohort.unit_id == ("14", "21")
    assert any("1 patient with several hospital stays in one year" in n for n in cohort.notes)
    with pytest.raises(InputError, match="no stay is left"):
        Eicu(icd=("C50",)).tabulate(folder)


def test_nobody_dies_before_the_first_code(tmp_path: Path) -> None:
    """Stays that certainly came before the first coded one are left out, those that may not."""
    folder = write(tmp_path)

    def read(*icd: str, before: bool = False) -> Cohort:
        source = Eicu(icd=icd, rows="admission", before_first_code=before)
        return source.read(folder, name="x", files={})

    every = read("584", "E11")  # 12 and 14
    assert every.unit_id == ("12", "13", "14")
    assert [(s.n_patients, s.n_rows, s.patients) for s in every.flow] == [
        (1, 1, ("b",)), (0, 1, ()),
    ]  # fmt: skip
    assert every.flow[-1].reason == "before the first stay with such a code"
    assert not any("nobody" in note for note in every.notes)  # 13 came after 12
    later = read("584")  # 14; 13 is another hospital stay of that year
    assert later.unit_id == ("13", "14")
    assert "1 stay of a hospital stay in the same year" in " ".join(later.notes)
    kept = read("584", before=True)
    assert kept.unit_id == ("11", "12", "13", "14")
    assert any(note.startswith("2 rows are of admissions before") for note in kept.notes)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"patient": [*STAYS, STAYS[0]]}, r"patientunitstayid: an id stands in several rows: 11"),
        ({"patient": [STAYS[0].replace(",a,", ",,")]}, r"uniquepid: empty in row 2"),
        ({"patient": [STAYS[0].replace(",70,", ",7o,")]}, r"age: row 2: '7o'; expected years"),
        ({"patient": [STAYS[0].replace(",70,", ",170,")]}, r"age: row 2: '170'"),
        ({"patient": [STAYS[0].replace(",300,", ",-300,")]},
         r"row 2 \(stay 11\): the unit discharge is before the unit admission"),
        ({"patient": [STAYS[0].replace(",900,", ",-20,")]},
         r"row 2 \(stay 11\): the hospital discharge is before the hospital admission"),
        ({"patient": [STAYS[0].replace(",900,", ",99999999,")]}, r"more than ten years"),
        ({"patient": [STAYS[0].replace(",900,", ",9oo,")]}, r"hospitaldischargeoffset: row 2"),
        ({"lab": [*LABS, "8,11,5,potassium,4,mg/dL,mg/dL"]},
         r"units differ within a lab item: potassium: 'mmol/l' 4, 'mg/dl' 1"),
        ({"lab": ["8,11,99999999,potassium,4,mg/dL,mg/dL"]}, r"labresultoffset: more than ten"),
        ({"lab": ["8,11,5,pH,4,,", "9,11,5,-PH,4,,"]}, r"differ only in signs or case: -PH, pH"),
    ],
)  # fmt: skip
def test_faults_of_tables(
    tmp_path: Path, changed: Mapping[str, Sequence[str]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Eicu(rows="admission").tabulate(write(tmp_path, **changed))


def test_missing_tables_and_columns(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "lab.csv").unlink()
    assert "lab_potassium_mean" not in Eicu().tabulate(folder).frame.columns
    with pytest.raises(InputError, match="no table lab"):
        Eicu(labs=("potassium",)).tabulate(folder)
    text = (folder / "patient.csv").read_text().replace("uniquepid", "person", 1)
    (folder / "patient.csv").write_text(text)
    with pytest.raises(InputError, match=r"patient\.csv: no column uniquepid"):
        Eicu().tabulate(folder)
    (folder / "patient.csv").unlink()
    with pytest.raises(InputError, match="no table patient"):
        Eicu().tabulate(folder)


def test_faults_of_the_study() -> None:
    with pytest.raises(StudyError, match="expected \\[from, to\\]"):
        Eicu(lab_window_hours=(24, 0))
    with pytest.raises(StudyError, match=r"cohort\.icd: ICD prefix: found '17-'"):
        Eicu(icd=("17-",))
    with pytest.raises(StudyError, match=r"before_first_code = true needs cohort\.icd"):
        Eicu(icd=("174",), before_first_code=True)


def test_a_prefix_of_both_versions_says_which(tmp_path: Path) -> None:
    folder = write(tmp_path)
    with pytest.raises(StudyError, match='"9:V45" or "10:V45"'):
        Eicu(icd=("V45",)).tabulate(folder)
    assert Eicu(icd=("9:V45",)).tabulate(folder).frame["patient_id"].to_list() == ["b"]
    only_9 = write(tmp_path, diagnosis=["5,21,10,V45.1"])
    assert Eicu(icd=("V45",)).tabulate(only_9).frame["patient_id"].to_list() == ["b"]


def test_values_far_apart_under_another_unit_are_noted(tmp_path: Path) -> None:
    labs = [f"{i},11,{i},Temperature,{37 + i / 10},C,deg C" for i in range(5)]
    labs += [f"{i},11,{i},Temperature,{98 + i / 10},C,F" for i in range(5, 9)]
    folder = write(tmp_path, lab=labs)
    notes = " ".join(Eicu().read(folder, name="x", files={}).notes)
    assert "Temperature: 'degc' 37 to 37.4 (5 values), 'f' 98.5 to 98.8 (4 values)" in notes
    cohort = Eicu(lab_units={"Temperature": "deg C"}).read(folder, name="x", files={})
    assert cohort.columns["lab_temperature_max"][0] == "37.4"
    assert "4 values of Temperature in another unit than deg C left out" in cohort.notes


def demo() -> Path:
    root = os.environ.get("TUMORBOARD_DATA")
    if root is None or not Path(root, "eicu-demo").is_dir():
        pytest.skip("TUMORBOARD_DATA does not name a folder that holds eicu-demo/")
    return Path(root, "eicu-demo")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if any(row.values())]


@pytest.mark.realdata
def test_demo_counts() -> None:
    """174 stays of 100 patients in 144 hospital stays; 9 deaths in hospital, 3 outcomes unknown."""
    cohort = Eicu(rows="admission").read(demo(), name="eicu", files={})
    assert (cohort.n_rows, len(cohort.patients)) == (174, 100)
    status = cohort.columns["hospitaldischargestatus"]
    assert [status.count(value) for value in ("Alive", "Expired", None)] == [162, 9, 3]
    assert cohort.columns["age"].count("90") == 4
    assert cohort.notes[0] == "patient.csv: 4 empty rows left out"
    assert "Temperature: 'degc' 36.1 to 38" in " ".join(cohort.notes)


@pytest.mark.realdata
def test_demo_potassium_and_history_by_another_path() -> None:
    table = Eicu(rows="admission").tabulate(demo()).frame
    potassium: dict[str, list[tuple[int, float]]] = {}
    for row in rows_of(demo() / "lab.csv"):
        if row["labname"] == "potassium" and row["labresult"]:
            event = (int(row["labresultoffset"]), float(row["labresult"]))
            potassium.setdefault(row["patientunitstayid"], []).append(event)
    stays = {row["patientunitstayid"]: row for row in rows_of(demo() / "patient.csv")}
    coded: dict[str, str] = {}
    for row in rows_of(demo() / "diagnosis.csv"):
        coded[row["patientunitstayid"]] = coded.get(row["patientunitstayid"], "") + row["icd9code"]
    for row in table.iter_rows(named=True):
        values = [value for _, value in potassium.get(row["admission_id"], [])]
        if values:
            assert row["lab_potassium_mean"] == pytest.approx(sum(values) / len(values))
            assert (row["lab_potassium_min"], row["lab_potassium_max"]) == (
                min(values),
                max(values),
            )
            last = max(minute for minute, _ in potassium[row["admission_id"]])
            assert (last, row["lab_potassium_last"]) in potassium[row["admission_id"]]
        assert (row["lab_potassium_count"] or 0) == len(values)
        this = stays[row["admission_id"]]
        before = [
            coded[other]
            for other, that in stays.items()
            if other in coded
            and that["uniquepid"] == this["uniquepid"]
            and (
                that["unitvisitnumber"] < this["unitvisitnumber"]
                if that["patienthealthsystemstayid"] == this["patienthealthsystemstayid"]
                else that["hospitaldischargeyear"] < this["hospitaldischargeyear"]
            )
        ]
        expected = any("I48" in codes or "427.3" in codes for codes in before)
        if expected:
            assert row["elixhauser_carit"] == 1, row["admission_id"]
        assert (row["elixhauser_carit"] is None) == (not before)
