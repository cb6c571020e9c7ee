"""Classes of drugs by their names, and by the time they start."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from tumorboard.formats.hospital_tables import find_tables
from tumorboard.transforms.prescriptions import DRUG_CLASSES, classes_of, drug_columns

STAYS = pl.DataFrame(
    {"stay": [0, 1, 2], "hadm_id": [10, 20, 30], "admittime": [datetime(2150, 1, 2, 12)] * 3}
)


@pytest.mark.parametrize(
    ("drug", "classes"),
    [
        ("Heparin", {"anticoagulant"}),
        ("Heparin Flush (10 units/ml)", set[str]()),
        ("CefTRIAXone", {"antibiotic"}),
        ("Acetaminophen", set[str]()),
        ("Oxycodone-Acetaminophen", {"opioid"}),
        ("NORepinephrine", {"vasopressor"}),
        ("Lisinopril-Hydrochlorothiazide", {"ace_inhibitor_or_arb", "diuretic"}),
        ("Tamoxifen Citrate", {"endocrine_therapy"}),
        ("Insulin Human Regular", {"insulin"}),
    ],
)
def test_names(drug: str, classes: set[str]) -> None:
    assert classes_of(drug) == classes


def test_no_part_of_a_name_is_listed_twice() -> None:
    parts = [part for names in DRUG_CLASSES.values() for part in names]
    assert len(parts) == len(set(parts))
    assert all(part == part.lower() for part in parts)


def test_columns_and_windows(tmp_path: Path) -> None:
    (tmp_path / "prescriptions.csv").write_text(
        "subject_id,hadm_id,starttime,drug\n"
        "1,10,2150-01-02 13:00:00,Heparin\n"
        "1,10,2150-01-05 13:00:00,Morphine\n"
        "1,20,2150-01-03 00:00:00,Warfarin\n"
        "1,99,2150-01-03 00:00:00,Morphine\n",
        encoding="utf-8",
    )
    table = find_tables(tmp_path, ["prescriptions"])["prescriptions"]
    classes = ("anticoagulant", "opioid")
    found = drug_columns(table, STAYS, classes=classes).sort("stay")
    assert found.rows() == [(0, 1, 1), (1, 1, 0)]  # 30 has no prescriptions: not known
    day = drug_columns(table, STAYS, classes=classes, window_hours=(0, 24)).sort("stay")
    assert day.rows() == [(0, 1, 0)]  # a day that ends after the window may be too late
    two = drug_columns(table, STAYS, classes=classes, window_hours=(0, 48)).sort("stay")
    assert two.rows() == [(0, 1, 0), (1, 1, 0)]
