from __future__ import annotations

import math

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.predicted_dice import (
    DiceCalibration,
    expected_dice,
    fit_dice_calibration,
    uncertainty,
    voxel_entropy,
)


def test_expected_dice_by_hand() -> None:
    p = np.array([[0.9, 0.6], [0.3, 0.0]])
    assert expected_dice(p, p >= 0.5) == pytest.approx(2 * 1.5 / (2 + 1.8))
    assert expected_dice(p, p > 1) == 0
    assert math.isnan(expected_dice(np.zeros((2, 2)), np.zeros((2, 2), dtype=np.bool_)))


def test_expected_dice_is_dice_where_the_probabilities_are_true() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(0.4, 1.2, (40, 40, 10))
    mask = p >= 0.5
    drawn = [rng.random(p.shape) < p for _ in range(200)]
    dice = np.mean([2 * (mask & true).sum() / (mask.sum() + true.sum()) for true in drawn])
    assert expected_dice(p, mask) == pytest.approx(dice, abs=0.002)
    assert expected_dice(p.astype(np.float16), mask) == pytest.approx(dice, abs=0.002)


def test_entropy_in_bits() -> None:
    found = voxel_entropy(np.array([0.0, 0.5, 1.0, 0.25]))
    np.testing.assert_allclose(found, [0, 1, 0, 0.811278], atol=1e-6)


def test_uncertainty_looks_at_what_may_be_tumour() -> None:
    p = np.zeros((50, 50), dtype=np.float16)
    assert uncertainty(p) == 0
    p[0, :2] = 0.5, 1.0
    assert uncertainty(p) == pytest.approx(0.5)
    assert uncertainty(np.full((3, 3), 0.04)) == pytest.approx(0.2423, abs=1e-4)


def test_a_line_is_found_again_and_cut_at_its_ends() -> None:
    x = np.linspace(0.6, 0.95, 20)
    found, remarks = fit_dice_calibration(x, 2 * x - 0.95)
    assert remarks == []
    assert found.n_cases == 20
    np.testing.assert_allclose(
        found.apply(np.array([0.7, 0.9, 0.2, 1.0, np.nan])), [0.45, 0.85, 0, 1, np.nan], atol=1e-12
    )


def test_many_cases_give_steps_that_never_fall() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.3, 1, 200)
    found, _ = fit_dice_calibration(x, np.clip(x**3 + rng.normal(0, 0.05, 200), 0, 1))
    grid = found.apply(np.linspace(0, 1, 50))
    assert (np.diff(grid) >= 0).all()
    assert found.apply(np.array([0.8]))[0] == pytest.approx(0.8**3, abs=0.06)


def test_guesses_that_say_nothing_give_the_mean() -> None:
    x = np.linspace(0.5, 0.9, 12)
    found, (remark,) = fit_dice_calibration(x, 1 - x)
    assert "do not tell good masks from bad" in remark
    np.testing.assert_allclose(found.apply(np.array([0.1, 0.9])), 0.3)
    constant, _ = fit_dice_calibration(np.full(12, 0.7), x)
    np.testing.assert_allclose(constant.apply(np.array([0.7])), 0.7)


def test_too_few_cases_are_left_alone() -> None:
    x = np.append(np.linspace(0.5, 0.9, 9), np.nan)
    found, (remark,) = fit_dice_calibration(x, x)
    assert "9 validation cases with a mask, fewer than 10" in remark
    np.testing.assert_array_equal(found.apply(x), x)


def test_plain_data() -> None:
    made, _ = fit_dice_calibration(np.linspace(0.5, 0.9, 12), np.linspace(0.4, 0.9, 12))
    assert DiceCalibration.from_plain(made.to_plain()) == made
    for damaged in (
        {},
        {"x": [1, 0], "y": [0, 1], "n_cases": 2},
        {"x": [0], "y": [], "n_cases": 0},
    ):
        with pytest.raises(InputError, match="predicted Dice: damaged"):
            DiceCalibration.from_plain(damaged)
