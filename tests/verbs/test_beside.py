"""A study of rows that is also split by row: whole run, resumed run, numbers kept apart."""

from __future__ import annotations

import csv
import json
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from tumorboard.verbs.evaluate import evaluate

STUDY = """
[study]
name = "rows"
question = "Does x tell the class of a lesion?"
[cohort]
table = "rows.csv"
patient_id = "id"
[task]
kind = "classification"
target = "y"
classes = ["a", "b"]
unit = "row"
[modalities.record]
kind = "table"
numeric = ["x"]
[arms]
logistic = {modalities = ["record"], baseline = "logistic_regression"}
[arms.trees]
modalities = ["record"]
baseline = {name = "gradient_boosting", rounds = 20, stop_after = 3}
[arms.forest]
modalities = ["record"]
baseline = {name = "random_forest"}
[evaluation]
folds = 3
primary = {arm = "trees", reference = "logistic"}
bootstrap = 100
split_beside = "unit"
validation_by = "unit"
probes = []
explain = []
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 patients with 4 rows each; x is the patient's own, and the class is too."""
    folder = tmp_path_factory.mktemp("beside")
    rng = np.random.default_rng(0)
    lines = ["id,x,y"]
    for patient in range(36):
        own = rng.normal()
        for row in range(4):
            label = "c" if (patient, row) == (0, 0) else "ab"[patient % 2]
            lines.append(f"P{patient:02d},{own + 0.01 * rng.normal():.4f},{label}")
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    (folder / "study.toml").write_text(STUDY)
    evaluate(folder / "study.toml", out=folder / "run")
    return folder


def parts_of(path: Path) -> dict[tuple[str, str], set[str]]:
    parts: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            parts[row["patient_id"], row["fold"]].add(row["part"])
    return dict(parts)


def test_only_the_second_split_has_patients_on_two_sides(folder: Path) -> None:
    run = folder / "run"
    assert all(len(parts) == 1 for parts in parts_of(run / "predictions.csv").values())
    beside = parts_of(run / "split_by_unit" / "predictions.csv")
    assert any(len(parts) == 2 for parts in beside.values())


def test_the_numbers_stand_side_by_side_and_the_flattering_ones_nowhere_else(folder: Path) -> None:
    run = folder / "run"
    document = json.loads((run / "evidence" / "split_beside.json").read_text())
    honest = json.loads((run / "metrics.json").read_text())
    flattered = json.loads((run / "split_by_unit" / "metrics.json").read_text())
    assert set(document["arms"]) == {"trees", "logistic"}  # those that the study compares
    trees = document["arms"]["trees"]["auroc"]
    assert trees["difference"] > 0.1  # the class is the patient's, so rows of a patient tell it
    assert trees["by_patient"]["value"] == honest["trees"]["auroc"]["value"]
    assert trees["by_unit"]["value"] == flattered["trees"]["auroc"]["value"]
    trained = document["n_training_patients"]
    assert trained["by_patient"] == 24
    assert 33 <= trained["by_unit"] <= 36  # that none of four rows trains is rare
    codes = {finding["code"] for finding in json.loads((run / "audit.json").read_text())}
    assert "split-not-by-patient" in codes


def test_a_run_that_was_cut_off_in_the_second_split_goes_on_alike(folder: Path) -> None:
    run, cut = folder / "run", folder / "cut"
    shutil.copytree(run, cut)
    fits = sorted((cut / "split_by_unit" / "models").glob("*/*"))
    assert len(fits) == 6
    shutil.rmtree(fits[1])
    shutil.rmtree(fits[-1])
    (cut / "split_by_unit" / "predictions.csv").unlink()
    evaluate(folder / "study.toml", out=cut)
    for name in ("predictions.csv", "metrics.json"):
        again = (cut / "split_by_unit" / name).read_bytes()
        assert again == (run / "split_by_unit" / name).read_bytes()


def test_a_trial_run_of_a_study_that_selects_classes(folder: Path) -> None:
    evaluate(folder / "study.toml", out=folder / "fast", fast=True)
    with (folder / "fast" / "predictions.csv").open(encoding="utf-8", newline="") as handle:
        assert {row["y"] for row in csv.DictReader(handle)} == {"a", "b"}  # one row was a c
