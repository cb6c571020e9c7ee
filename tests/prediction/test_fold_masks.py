"""Locked patients and external cohorts of a segmentation, from the study file to the report."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.evaluation.mask_rules import MaskRule, mean_rule
from tumorboard.evaluation.predicted_dice import DiceCalibration, mean_calibration
from tumorboard.formats.volumes import read_volume
from tumorboard.study import Study
from tumorboard.training.fitted import FittedArm
from tumorboard.training.mask_table import own_probabilities
from tumorboard.training.other_cohorts import read_others
from tumorboard.training.plan import fit_folder
from tumorboard.training.prepare import prepare
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.score import score
from tumorboard.verbs.study_splits import split_study

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

from small_masks import AFFINE, SHAPE, write_balls

KEYS = (
    "training.epochs=2", "evaluation.locked_test=0.25", "evaluation.bootstrap=100",
    'evaluation.external={elsewhere="other/patients.csv"}', "evaluation.controls=[]",
)  # fmt: skip


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve patients and five others, one of whom has no whole numbers in the mask."""
    study = write_balls(tmp_path_factory.mktemp("balls") / "data", n=12)
    other = study.parent / "other"
    write_balls(other, n=5, seed=9)
    for kind in ("ct", "mask"):
        for i in range(5):
            (other / kind / f"p{i}.nii.gz").rename(other / kind / f"q{i}.nii.gz")
    table = other / "patients.csv"
    table.write_text(table.read_text().replace("\np", "\nq"))
    odd = np.full(SHAPE, 0.4, dtype=np.float32)
    nib.save(nib.Nifti1Image(odd, AFFINE), other / "mask" / "q4.nii.gz")
    return study


@pytest.fixture(scope="module")
def run(balls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluate(balls, out=tmp_path_factory.mktemp("runs") / "run", overrides=KEYS).folder


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_locked_patients_are_in_no_fold_and_scored_by_every_model(balls: Path, run: Path) -> None:
    locked = {r["patient_id"] for r in _rows(run / "splits.csv") if r["part"] == "locked"}
    assert len(locked) == 3
    rows = _rows(run / "predictions.csv")
    assert not locked & {row["patient_id"] for row in rows}
    own = _rows(run / "locked_test.csv")
    for arm in ("image", "guided"):
        for model in ("1-1", "1-2", "ensemble"):
            found = [r for r in own if (r["arm"], r["model"]) == (arm, model)]
            assert {row["patient_id"] for row in found} == locked
    evidence = json.loads((run / "evidence" / "locked_test.json").read_text())
    dice = [float(r["dice_ball"]) for r in own if (r["arm"], r["model"]) == ("image", "ensemble")]
    entry = evidence["arms"]["image"]
    assert entry["ensemble"]["dice"]["value"] == pytest.approx(np.mean(dice))
    assert len(entry["models"]["dice"]) == 2
    (line, _) = (balls.parent / "study.ledger.jsonl").read_text().splitlines()
    assert json.loads(line)["metrics"]["dice"]["value"] == pytest.approx(np.mean(dice))


def test_an_external_cohort_is_measured_against_its_own_masks(
    balls: Path, run: Path, tmp_path: Path
) -> None:
    own = [r for r in _rows(run / "external.csv") if r["model"] == "ensemble"]
    table = {row["unit_id"]: row for row in own if row["arm"] == "image"}
    assert sorted(table) == ["q0", "q1", "q2", "q3"]
    evidence = json.loads((run / "evidence" / "external.json").read_text())
    document = evidence["cohorts"]["elsewhere"]
    assert document["n_patients"] == 4
    assert any(line.startswith("q4") for line in document["rejected"])
    masks, other = run / "masks" / "image" / "external-elsewhere", balls.parent / "other" / "mask"
    (other / "q4.nii.gz").rename(tmp_path / "q4.nii.gz")
    score(other, masks, out=tmp_path / "scores.csv", tolerance_mm=1.0)
    (tmp_path / "q4.nii.gz").rename(other / "q4.nii.gz")
    for row in _rows(tmp_path / "scores.csv"):
        found = table[row["file"].removesuffix(".nii.gz")]
        assert float(row["dice"]) == pytest.approx(float(found["dice_ball"]), rel=1e-6)
        assert float(row["hd95_mm"]) == pytest.approx(float(found["hd95_ball_mm"]), rel=1e-6)


def test_the_ensemble_is_the_mean_of_the_probabilities(balls: Path, run: Path) -> None:
    study = Study.load(balls, overrides=KEYS)
    with Cache() as cache:
        prepared = prepare(study, balls.parent, cache=cache)
        (other,) = read_others(study, balls.parent, prepared.outcomes, cache=cache)
    assert other.references is not None
    splits = split_study(study, prepared, prepared.locked)
    models = [FittedArm.open(fit_folder(run, "image", split)) for split in splits]
    cases = other.references.cases
    mean = np.mean([own_probabilities(m, other.measured, cases, 1)[0] for m in models], axis=0)
    rules = [model.masks.rules[0] for model in models if model.masks]
    joint = mean_rule(rules)
    expected = joint.apply(mean, voxel_volume=12 / 1000)
    path = run / "masks" / "image" / "external-elsewhere" / "q1.nii.gz"
    found = read_volume(path).array[0] > 0
    np.testing.assert_array_equal(found, expected)


def test_the_report_sets_inside_against_outside(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert "The locked test set holds 3 patients that no fold has seen" in page
    assert "External cohorts" in page
    assert "by the ensemble of its fold models on external patients: elsewhere 0." in page


def test_a_cohort_without_the_image_is_refused_before_training(balls: Path) -> None:
    study = Study.load(balls, overrides=KEYS)
    with Cache() as cache:
        prepared = prepare(study, balls.parent, cache=cache)
        table = balls.parent / "other" / "none.csv"
        (balls.parent / "other" / "ct" / "q3.nii.gz").rename(balls.parent / "q3.nii.gz")
        table.write_text("patient,note\nq3,A note alone.\n")
        lone = Study.load(
            balls, overrides=[*KEYS[:3], 'evaluation.external={lone="other/none.csv"}']
        )
        with pytest.raises(InputError, match=r"nobody has ct, which is segmented .task.image"):
            read_others(lone, balls.parent, prepared.outcomes, cache=cache)
        (balls.parent / "q3.nii.gz").rename(balls.parent / "other" / "ct" / "q3.nii.gz")


def test_rules_and_calibrations_of_several_models_as_one() -> None:
    rules = [MaskRule(0.3, True, 0.2, False), MaskRule(0.5, True, 0.0, True), MaskRule(0.4)]
    joint = mean_rule(rules)
    assert joint.threshold == pytest.approx(0.4)
    assert (joint.keep_largest, joint.smallest_ml, joint.fill_holes) == (True, 0.0, False)
    assert mean_rule([MaskRule(0.5, True, 0.2), MaskRule(0.5)]) == MaskRule()  # ties: the plainer
    line, flat = (
        DiceCalibration((0.0, 0.5), (0.0, 1.0), 12),
        DiceCalibration((0.0, 1.0), (0.6, 0.6), 11),
    )
    both = mean_calibration([line, flat, DiceCalibration()])
    assert both.n_cases == 23
    at = np.array([0.0, 0.25, 0.5, 0.8, 1.0])
    by_hand = (np.array([0, 0.5, 1, 1, 1]) + 0.6 + at) / 3
    np.testing.assert_allclose(both.apply(at), by_hand)
    assert mean_calibration([DiceCalibration()] * 2) == DiceCalibration()
