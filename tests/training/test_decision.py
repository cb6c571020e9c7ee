import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.training.decision import decide_on_validation
from tumorboard.training.fit import fit_arm
from tumorboard.training.fitted import FittedArm
from tumorboard.training.plan import predict_parts


@pytest.fixture(scope="module")
def decided(small, tmp_path_factory: pytest.TempPathFactory):
    study, prepared, split = small
    tables = study.as_tables()
    tables["evaluation"]["calibration"] = "platt"
    tables["evaluation"]["conformal"] = {"coverage": 0.7, "by": "all"}
    study = type(study).from_tables(tables, path=study.path)
    folder = tmp_path_factory.mktemp("decided")
    fit = fit_arm(study, prepared, split, study.arms["logistic"], checkpoint=folder / "c.ckpt")
    raw = predict_parts(fit.fitted, prepared, split)
    table, remarks = decide_on_validation(study, fit.fitted, raw)
    return study, fit.fitted, raw, table, remarks, folder


def test_calibration_keeps_the_order_and_changes_the_probabilities(decided) -> None:
    _, fitted, raw, table, _, _ = decided
    assert fitted.calibration.kind == "platt"
    np.testing.assert_array_equal(
        np.argsort(table.probabilities[:, 1]), np.argsort(raw.probabilities[:, 1])
    )
    assert np.abs(table.probabilities - raw.probabilities).max() > 1e-3


def test_test_patients_have_no_part_in_what_is_decided(decided) -> None:
    study, fitted, raw, _, _, _ = decided
    is_test = raw.part == "test"
    outcome = np.where(is_test, 1 - raw.outcome, raw.outcome)
    probabilities = np.where(is_test[:, None], 1 - raw.probabilities, raw.probabilities)
    other = dataclasses.replace(raw, outcome=outcome, probabilities=probabilities)
    copy = dataclasses.replace(fitted)
    decide_on_validation(study, copy, other)
    assert copy.calibration == fitted.calibration
    assert copy.threshold == fitted.threshold
    assert copy.conformal == fitted.conformal


def test_the_threshold_is_one_of_calibrated_probabilities(decided) -> None:
    study, fitted, _, table, _, _ = decided
    chosen, _ = choose_thresholds(table, study.keys.evaluation.threshold)
    assert fitted.threshold == next(iter(chosen.values()))


def test_all_of_it_travels_with_the_model(decided) -> None:
    _, fitted, raw, table, _, folder = decided
    fitted.save(folder / "model")
    again = FittedArm.open(folder / "model")
    assert again.calibration == fitted.calibration
    assert again.conformal == fitted.conformal
    np.testing.assert_array_equal(again.calibrate(raw.probabilities), table.probabilities)
    assert Path(folder / "model" / "model.json").read_text().count('"platt"') >= 1
