"""The source `nsclc_radiogenomics`: TCIA's layout, made small, and the real clinical table."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_scans import SHAPE, aim_text, write_ct, write_segmentation

from tumorboard.cohorts.nsclc_radiogenomics import MISSING, NsclcRadiogenomics
from tumorboard.errors import InputError
from tumorboard.records import Cohort

ROW = {
    "Case ID": "R01-001", "Patient affiliation": "VA", "Histology ": "Adenocarcinoma",
    "Tumor Location (choice=RUL)": "Checked", "Tumor Location (choice=RML)": "Unchecked",
    "Tumor Location (choice=LUL)": "Unchecked", "Tumor Location (choice=Unknown)": "Unchecked",
    "Pathological T stage": "T2a", "Pathological N stage": "N0", "Pathological M stage": "M0",
    "Recurrence": "no", "Survival Status": "Alive", "Date of Death": "N/A",
    "Date of Last Known Alive": "3/1/1995", "Time to Death (days)": "N/A", "CT Date": "1/1/1995",
    "Days between CT and surgery": "10",
}  # fmt: skip


def written(root: Path, *rows: dict[str, str]) -> Path:
    with (root / "clinical.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(ROW))
        writer.writeheader()
        for number, row in enumerate(rows, start=1):
            writer.writerow({**ROW, "Case ID": f"R01-{number:03d}", **row})
    return root


def read(root: Path, **settings: Any) -> Cohort:
    files = {"ct": "images/{ct_series}"} if "images" in settings else {}
    return NsclcRadiogenomics(**settings).read(root, name="nsclc", files=files)


def test_columns_of_the_record(tmp_path: Path) -> None:
    both = {"Tumor Location (choice=RML)": "Checked"}
    none = {"Tumor Location (choice=RUL)": "Unchecked", "Pathological T stage": "Not Collected"}
    cohort = read(written(tmp_path, {}, both, none))
    assert cohort.patient_id == ("R01-001", "R01-002", "R01-003")
    assert cohort.columns["Histology"] == ("Adenocarcinoma",) * 3
    assert cohort.columns["tumor_location"] == ("RUL", "RUL&RML", None)
    assert cohort.columns["tumor_stage"] == ("IB", "IB", None)
    assert cohort.columns["Pathological T stage"][2] is None
    assert "ct_series" not in cohort.columns


def test_follow_up_counts_from_surgery(tmp_path: Path) -> None:
    dead = {"Survival Status": "Dead", "Date of Death": "2/10/1995", "Time to Death (days)": "30"}
    earlier = {**dead, "Time to Death (days)": "20"}
    unknown = {"CT Date": "Not Collected"}
    cohort = read(written(tmp_path, {}, dead, earlier, unknown, {"Survival Status": "N/A"}))
    # surgery 11 January; alive until 1 March: 49 days; dead on 10 February: 30 days
    assert cohort.columns["time_days"] == ("49", "30", "30", None, None)
    assert cohort.columns["event"] == ("0", "1", "1", None, None)
    (note,) = [n for n in cohort.notes if "Time to Death" in n]
    assert "1 patient, mostly that of the last day known alive: R01-003 (30 and 20)" in note


def test_a_ct_after_surgery(tmp_path: Path) -> None:
    """Days between CT and surgery have no sign: the follow-up would end before surgery."""
    dead = {"Survival Status": "Dead", "Date of Death": "1/5/1995", "Time to Death (days)": "14"}
    cohort = read(written(tmp_path, dead))
    assert cohort.columns["time_days"] == ("14",)
    assert any("has no sign: in 1 patient (R01-001)" in note for note in cohort.notes)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"Pathological T stage": "T9"}, r"row 3 patient R01-002: Pathological T stage 'T9'"),
        ({"Survival Status": "alive?"}, r"Survival Status: .* row 3 patient R01-002: 'alive\?'"),
        ({"CT Date": "1995-01-01"}, r"CT Date: expected month/day/year, found row 3 patient R01"),
        ({"Days between CT and surgery": "ten"}, r"Days between CT and surgery: 1 value is not"),
        ({"Date of Last Known Alive": "3/1/1990"}, r"before surgery in 1 row: row 3 patient R01"),
    ],
)
def test_faults_of_the_table_name_their_rows(
    cells: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        read(written(tmp_path, {}, cells))


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clinical.csv").write_text("Case ID,Pathologic T stage\nR01-001,T1a\n")
    message = r"no column 'Pathological T stage'\. Did you mean 'Pathologic T stage'.*as TCIA has"
    with pytest.raises(InputError, match=message):
        read(tmp_path)


def test_scans_give_columns_and_files(tmp_path: Path) -> None:
    written(tmp_path, {}, {}, {})
    study = tmp_path / "images" / "R01-001" / "04-30-1994-NA-CT"
    slices = write_ct(study / "3.000000-Chest-08618", patient="R01-001")
    mask = np.zeros(SHAPE[::-1], np.uint8)
    mask[2, 3, 4] = 1
    write_segmentation(study / "1000.000000-seg" / "1-1.dcm", slices, mask)
    (tmp_path / "images" / "R01-002.zip").write_bytes(b"PK")
    (tmp_path / "aim").mkdir()
    (tmp_path / "aim" / "R01-003.xml").write_text(
        aim_text([(1.5, -2, 30)], kind="ThreeDimensionPoint")
    )
    cohort = read(tmp_path, images="images", annotations="aim")
    assert [len(paths) for paths in cohort.files["ct"]] == [SHAPE[2], 1, 0]
    assert cohort.columns["ct_series"][0] == "R01-001/04-30-1994-NA-CT/3.000000-Chest-08618"
    assert cohort.columns["tumour_center_mm"] == (
        "-92.000 -41.000 30.000", None, "1.500 -2.000 30.000",
    )  # fmt: skip
    states = Counter(record.state for record in cohort.records)
    assert states == {"used": 1 + SHAPE[2] + 1 + 1 + 1}  # table, slices, SEG, ZIP, AIM
    assert cohort.rejections == ()


def test_facts_of_the_follow_up_are_known_later(tmp_path: Path) -> None:
    later = read(written(tmp_path, {})).known_later
    assert {"Recurrence", "Time to Death (days)", "time_days", "event"} <= set(later)
    assert not {"Histology", "CT Date", "tumor_stage", "Chemotherapy"} & set(later)


def test_a_study_takes_the_codes_of_the_source() -> None:
    cohort = NsclcRadiogenomics.defaults["cohort"]
    assert (cohort["patient_id"], cohort["institution"]) == ("Case ID", "Patient affiliation")
    assert tuple(cohort["missing"]) == MISSING


@pytest.mark.realdata
def test_the_real_table() -> None:
    data = os.environ.get("TUMORBOARD_DATA")
    if data is None or not (Path(data) / "nsclc-radiogenomics").is_dir():
        pytest.skip("TUMORBOARD_DATA does not name a folder that holds nsclc-radiogenomics/")
    source = NsclcRadiogenomics(
        table="nsclc-radiogenomics/clinical.csv", images="nsclc-radiogenomics"
    )
    files = {"ct": "nsclc-radiogenomics/{ct_series}"}
    cohort = source.read(Path(data), name="nsclc", files=files)
    assert len(cohort.patients) == cohort.n_rows == 211
    assert Counter(cohort.columns["tumor_stage"]) == {
        "0": 6, "IA": 58, "IB": 35, "IIA": 16, "IIB": 18, "IIIA": 23, "IIIB": 1, "IV": 5, None: 49,
    }  # fmt: skip
    assert Counter(cohort.columns["event"]) == {"0": 148, "1": 63}
    by_patient = dict(zip(cohort.patient_id, cohort.columns["time_days"], strict=True))
    # the table's own days to death; 1995-07-28 less 1994-12-15 for the CT after surgery
    assert (by_patient["AMC-001"], by_patient["R01-106"]) == ("872", "225")
    assert sum("15 patients" in note for note in cohort.notes) == 1
    assert [p for p, own in zip(cohort.patient_id, cohort.files["ct"], strict=True) if own] == [
        "AMC-002"
    ]
