"""A whole run on notes: identifiers and rare words of a note are in no file that it writes."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

import tumorboard
from tumorboard.evaluation.run import Run

#: What one note holds of its patient, and a word that no other note has.
IDENTIFIERS = ("Zebulon", "Quackenbush", "03/14/2019", "555-867-5309", "00482913", "Sleepyville")
RARE = "xanthochromatically"
STUDY = """
[study]
name = "notes"
[cohort]
table = "patients.csv"
[task]
target = "stage"
positive = "T2"
[modalities.report]
kind = "notes"
column = "note"
features = "tfidf"
min_patients = 3
[arms]
report = {modalities = ["report"], baseline = "logistic_regression"}
[evaluation]
folds = 2
explain = ["permutation_importance"]
[audit]
accept = ["label-proxy"]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on 40 patients whose notes tell the stage in other words."""
    folder = tmp_path_factory.mktemp("notes")
    rng = np.random.default_rng(4)
    with (folder / "patients.csv").open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle)
        rows.writerow(["patient_id", "age", "stage", "note"])
        for k in range(40):
            size = "large mass" if k % 2 else "small nodule"
            own = (
                f"Mr. {IDENTIFIERS[0]} {IDENTIFIERS[1]} of MRN: {IDENTIFIERS[4]}, tel "
                f"{IDENTIFIERS[3]}, lives in {IDENTIFIERS[5]}, seen on {IDENTIFIERS[2]}. {RARE}. "
            )
            words = " ".join(rng.choice(["left", "right", "node", "clear", "margin", "skin"], 12))
            note = f"{own if k == 7 else ''}A {size}, {words} {k}."
            rows.writerow([f"P{k:03d}", int(rng.integers(30, 80)), f"T{1 + k % 2}", note])
    study = folder / "study.toml"
    study.write_text(STUDY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORBOARD_CACHE", str(folder / "cache"))
        tumorboard.evaluate(study, out=folder / "run", data=folder)
    return folder


def test_a_model_of_words_learns_what_the_notes_tell(run: Path) -> None:
    done = Run(run / "run")
    assert done.metrics["report"]["auroc"].value > 0.95


def test_no_file_holds_an_identifier_or_a_word_of_one_patient(run: Path) -> None:
    files = [path for path in run.rglob("*") if path.is_file() and path.parent != run]
    assert any(path.name == "report.html" for path in files)
    for path in files:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        for secret in IDENTIFIERS:
            assert secret.encode() not in data, path.name
        if "cache" not in path.parts:
            assert RARE.encode() not in data, path.name


def test_the_report_counts_what_was_removed(run: Path) -> None:
    page = (run / "run" / "report.html").read_text("utf-8")

    assert "Identifiers removed from the notes of 1 patient: date 1, id 1, name 1, phone 1" in page
