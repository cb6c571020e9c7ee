"""The source `lung1`: TCIA's layout, made small, and the real table."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from made_scans import SHAPE, write_ct, write_segmentation

from tumorboard.cohorts.lung1 import Lung1
from tumorboard.errors import InputError
from tumorboard.records import Cohort

ROW = {
    "PatientID": "LUNG1-001", "age": "78.75", "clinical.T.Stage": "2.0", "Clinical.N.Stage": "3",
    "Clinical.M.Stage": "0", "Overall.Stage": "IIIb", "Histology": "large cell", "gender": "male",
    "Survival.time": "2165", "deadstatus.event": "1",
}  # fmt: skip


def written(root: Path, *rows: dict[str, str]) -> Path:
    names = list(dict.fromkeys(name for row in ({**ROW}, *rows) for name in row))
    with (root / "annotations.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, names)
        writer.writeheader()
        for number, row in enumerate(rows, start=1):
            writer.writerow({**ROW, "PatientID": f"LUNG1-{number:03d}", **row})
    return root


def read(root: Path, **settings: str) -> Cohort:
    return Lung1(**settings).read(root, name="lung1", files={})  # type: ignore[arg-type]


def test_columns_of_the_record(tmp_path: Path) -> None:
    cells = {"Overall.Stage": "", "age": "NA", "Survival.time": "10.0", "deadstatus.event": "0"}
    cohort = read(written(tmp_path, {}, cells, {"Overall.Stage": "I"}))
    assert cohort.columns["tumor_stage"] == ("IIIB", None, "I")
    assert cohort.columns["time_days"] == ("2165", "10", "2165")
    assert cohort.columns["event"] == ("1", "0", "1")
    assert cohort.columns["age"] == ("78.75", None, "78.75")
    assert "tumour_center_mm" not in cohort.columns
    assert set(cohort.known_later) == {"Survival.time", "deadstatus.event", "time_days", "event"}


def test_centers_in_either_convention(tmp_path: Path) -> None:
    written(tmp_path, {"coordX": "82.3", "coordY": "-201.5", "coordZ": "-456.8"}, {"coordX": "1"})
    assert read(tmp_path).columns["tumour_center_mm"] == ("82.300 -201.500 -456.800", None)
    other = read(tmp_path, coordinates="ras").columns["tumour_center_mm"]
    assert other == ("-82.300 201.500 -456.800", None)


def test_scans_give_what_the_table_lacks(tmp_path: Path) -> None:
    written(tmp_path, {"coordX": "1", "coordY": "2", "coordZ": "3"}, {})
    for patient in ("LUNG1-001", "LUNG1-002"):
        study = tmp_path / "images" / patient / "study"
        slices = write_ct(study / "ct", patient=patient)
        mask = np.zeros(SHAPE[::-1], np.uint8)
        mask[2, 3, 4] = 1
        write_segmentation(study / "seg" / "1-1.dcm", slices, mask)
    source = Lung1(images="images")
    cohort = source.read(tmp_path, name="lung1", files={"ct": "images/{ct_series}"})
    assert [len(paths) for paths in cohort.files["ct"]] == [SHAPE[2]] * 2
    assert cohort.columns["tumour_center_mm"] == ("1.000 2.000 3.000", "-92.000 -41.000 30.000")
    assert cohort.columns["segmentation"][1] == "LUNG1-002/study/seg/1-1.dcm"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"Overall.Stage": "late"}, r"Overall\.Stage: no stage: row 3 patient LUNG1-002: 'late'"),
        ({"deadstatus.event": "2"}, r"deadstatus\.event: .* row 3 patient LUNG1-002: '2'"),
        ({"Survival.time": "-4"}, r"Survival\.time: negative days in row 3 patient LUNG1-002: -4"),
        ({"Survival.time": "long"}, r"Survival\.time: 1 value is not a number"),
    ],
)
def test_faults_of_the_table_name_their_rows(
    cells: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        read(written(tmp_path, {}, cells))


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "annotations.csv").write_text("PatientID,Overall_Stage\nLUNG1-001,I\n")
    with pytest.raises(InputError, match=r"no column .*'Overall\.Stage'\. Did you mean"):
        read(tmp_path)


@pytest.mark.realdata
def test_the_real_table() -> None:
    data = os.environ.get("TUMORBOARD_DATA")
    if data is None or not (Path(data) / "lung1").is_dir():
        pytest.skip("TUMORBOARD_DATA does not name a folder that holds lung1/")
    cohort = Lung1(table="lung1/annotations.csv").read(Path(data), name="lung1", files={})
    assert len(cohort.patients) == cohort.n_rows == 421
    assert Counter(cohort.columns["tumor_stage"]) == {
        "I": 93, "II": 40, "IIIA": 111, "IIIB": 176, None: 1,
    }  # fmt: skip
    assert Counter(cohort.columns["event"]) == {"1": 373, "0": 48}
    assert sum(cell is not None for cell in cohort.columns["tumour_center_mm"]) == 421
    (note,) = [n for n in cohort.notes if "no category of the AJCC's manual" in n]
    assert "clinical.T.Stage 5.0 (2 patients), Clinical.N.Stage 4 (3 patients)" in note
