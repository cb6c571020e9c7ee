"""Volumes and guessed Dice against hand counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mask_table import mask_table
from scipy.stats import pearsonr

from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.segmentation_agreement import guessed_dice, volume_agreement


def test_bland_altman_by_patient_without_empty_pairs() -> None:
    table = mask_table().of_arm("image")
    found = volume_agreement(OutcomeUnits.of(table), n_bootstrap=500, rng=np.random.default_rng(1))[
        "tumour"
    ]
    names = table.prediction_names
    gap = table.predictions[:-1, names.index("volume_tumour_ml")] - table.outcome[:-1, 0]
    assert found["n"] == 39
    assert found["bias"]["value"] == pytest.approx(gap.mean())
    assert found["low"] == pytest.approx(gap.mean() - 1.96 * gap.std(ddof=1))
    assert found["bias"]["ci_low"] < gap.mean() < found["bias"]["ci_high"]
    assert np.asarray(found["points"]).shape == (39, 2)


def test_a_guess_is_held_against_what_was_reached() -> None:
    table = mask_table(repeats=2).of_arm("image")
    found = guessed_dice(OutcomeUnits.of(table), n_bootstrap=200, rng=np.random.default_rng(1))
    assert found is not None
    points = np.asarray(found["points"])
    assert found["n"] == 39
    said = found["metrics"]
    result: Any = pearsonr(points[:, 0], points[:, 1])
    assert said["pearson"]["value"] == pytest.approx(result.statistic)
    assert said["mae"]["value"] == pytest.approx(np.abs(points[:, 0] - points[:, 1]).mean())
    assert sum(group["n"] for group in found["bins"]) == 39
    kept = found["kept"]
    assert kept["dice"][-1] == pytest.approx(points[:, 1].mean()) == kept["best"][-1]
    assert kept["dice"][4] == pytest.approx(
        points[np.argsort(-points[:, 0], kind="stable")[:5], 1].mean()
    )


def test_no_guess_no_numbers() -> None:
    table = mask_table().of_arm("image")
    said = table.predictions.copy()
    said[:, table.prediction_names.index("predicted_dice_tumour")] = np.nan
    units = OutcomeUnits.of(table)
    silent = replace(units, predictions=said)
    assert guessed_dice(silent, n_bootstrap=10, rng=np.random.default_rng(1)) is None


def test_a_label_without_a_dice_is_no_part_of_the_guess() -> None:
    table = mask_table(labels=("tumour", "node")).of_arm("image")
    names, said = table.prediction_names, table.predictions.copy()
    said[:10, names.index("dice_node")] = np.nan  # in neither mask
    said[:10, names.index("predicted_dice_node")] = 0.0
    units = replace(OutcomeUnits.of(table), predictions=said)
    found = guessed_dice(units, n_bootstrap=10, rng=np.random.default_rng(1))
    assert found is not None
    wanted = said[:10, names.index("predicted_dice_tumour")]
    np.testing.assert_allclose(np.asarray(found["points"])[:10, 0], wanted)
