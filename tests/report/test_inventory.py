"""Manifest and cohort counts."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tumorboard.cache import Cache
from tumorboard.cohorts.folder import Folder
from tumorboard.records import Cohort, FileRecord, FlowStep, Outcomes
from tumorboard.report.inventory import cohort_summary, write_cohort, write_manifest


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    for name in ("a.png", "=b.png", "spare.png"):
        (root / "images" / name).write_bytes(name.encode())
    (root / "t.csv").write_text(
        "patient_id,file,label,age\n=p1,a.png,benign,5\n=p1,=b.png,benign,\np2,gone.png,malignant,7\n"
        "p3,,,8\n"
    )
    return Folder(table="t.csv").read(root, name="test", files={"image": "images/{file}"})


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_manifest_has_every_file_once_with_its_hash(cohort: Cohort, tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        write_manifest(tmp_path / "manifest.csv", cohort, cache, cohort.root)
    found = rows(tmp_path / "manifest.csv")
    assert list(found[0]) == ["path", "sha256", "state", "reason", "modality", "patient_id"]
    assert [(r["path"], r["state"], r["modality"], r["patient_id"]) for r in found] == [
        ("t.csv", "used", "", ""),
        ("images/a.png", "used", "image", "'=p1"),
        ("images/=b.png", "used", "image", "'=p1"),
        ("images/gone.png", "rejected", "image", "p2"),
        ("images/spare.png", "ignored", "", ""),
    ]
    assert found[1]["sha256"] == hashlib.sha256(b"a.png").hexdigest()
    assert found[3]["sha256"] == ""
    assert found[3]["reason"] == "absent: named in row 4"


def test_the_strongest_record_of_a_file_wins(cohort: Cohort, tmp_path: Path) -> None:
    from dataclasses import replace

    image = cohort.root / "images/a.png"
    again = replace(
        cohort,
        records=(
            FileRecord(image, "rejected", "damaged", "image", "p9"),
            FileRecord(image, "used"),
            FileRecord(tmp_path / "elsewhere.txt", "ignored"),
        ),
    )
    write_manifest(tmp_path / "m.csv", again, Cache(tmp_path / "cache"), cohort.root)
    found = rows(tmp_path / "m.csv")
    assert [(r["path"], r["state"], r["reason"]) for r in found] == [
        ("t.csv", "used", "cohort table"),
        ("images/a.png", "rejected", "damaged"),
        ((tmp_path / "elsewhere.txt").as_posix(), "ignored", ""),
    ]


def test_cohort_summary_by_hand(cohort: Cohort, tmp_path: Path) -> None:
    outcomes = Outcomes(
        kept=np.array([True, True, True, False]),
        target=np.array([0, 0, 1, 0]),
        strata=np.array([0, 0, 1, 0]),
        columns={"label": ("benign", "benign", "malignant", "")},
        classes=("benign", "malignant"),
        counts={"benign": 1, "malignant": 1},
        flow=(FlowStep("label missing", 1, 1, ("p3",)),),
    )
    present = {
        "image": np.array([True, True, False, False]),
        "record": np.array([True, False, True, True]),
    }
    summary = cohort_summary(cohort, outcomes, present)
    assert summary == {
        "patients": 3,
        "rows": 4,
        "outcome": {"benign": 1, "malignant": 1},
        "outcome_rows": {"benign": 2, "malignant": 1},
        "modalities": {
            "image": {"files": 2, "patients": 1},
            "record": {"files": 0, "patients": 3},
        },
        "missing": {"patient_id": 0, "file": 1, "label": 1, "age": 1},
        "flow": [{"reason": "label missing", "patients": 1, "rows": 1}],
        "notes": ["t.csv: encoding utf-8, delimiter comma"],
    }
    write_cohort(tmp_path / "cohort.json", summary)
    assert json.loads((tmp_path / "cohort.json").read_text(encoding="utf-8")) == summary


def test_outcomes_that_are_no_column_are_counted_as_they_are(cohort: Cohort) -> None:
    outcomes = Outcomes(
        kept=np.ones(4, dtype=np.bool_),
        target=np.zeros(4, dtype=np.int64),
        strata=np.zeros(4, dtype=np.int64),
        columns={"event": ("yes", "no", "no", "")},
        classes=("yes", "no"),
        counts={},
    )
    assert cohort_summary(cohort, outcomes, {})["outcome_rows"] == {"no": 2, "yes": 1}
