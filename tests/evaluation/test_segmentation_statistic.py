"""Means over patients against hand counts."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.segmentation_statistic import (
    SegmentationStatistic,
    patient_values,
    where_both,
)

NAN = np.nan


def units(
    dice: list[list[float]], patient: list[int], repeat: list[int],
    reference: list[list[float]] | None = None,
) -> OutcomeUnits:  # fmt: skip
    said = np.asarray(dice)
    n = max(patient) + 1
    return OutcomeUnits(
        patients=tuple(f"P{k}" for k in range(n)), patient=np.asarray(patient),
        repeat=np.asarray(repeat), fold=np.ones(len(said), dtype=np.int64),
        outcome=np.asarray(reference or [[1.0, 1.0]] * len(said)), predictions=said,
        outcome_names=("reference_core_ml", "reference_rim_ml"),
        names=("dice_core", "dice_rim"),
    )  # fmt: skip


def test_labels_then_cases_then_repeats_then_patients() -> None:
    made = units(
        [[0.4, 0.8], [0.6, NAN], [1.0, 1.0], [0.2, 0.0], [NAN, NAN]],
        patient=[0, 0, 0, 1, 2], repeat=[1, 1, 2, 1, 1],
    )  # fmt: skip
    # patient 0: repeat 1 has the cases 0.6 and 0.6, repeat 2 has 1.0; patient 2 has nothing
    np.testing.assert_allclose(patient_values(made, ["dice"])[:, 0], [0.8, 0.1, NAN])
    statistic = SegmentationStatistic(made)
    assert statistic.names == ("dice", "dice_core", "dice_rim")
    one, doubled = statistic(np.asarray([[1.0, 1.0, 1.0], [2.0, 1.0, 5.0]]))
    np.testing.assert_allclose(one, [0.45, (0.75 + 0.2) / 2, (0.9 + 0.0) / 2])
    np.testing.assert_allclose(doubled[0], (1.6 + 0.1) / 3)
    assert (statistic.n_defined(0), statistic.n_excluded(0)) == (2, 1)
    assert np.isnan(statistic(np.asarray([[0.0, 0.0, 1.0]]))).all()


def test_a_difference_takes_cases_that_both_arms_were_scored_on() -> None:
    one = units([[NAN, 0.5], [0.7, 0.1]], [0, 1], [1, 1])
    two = units([[0.0, 0.4], [0.6, NAN]], [0, 1], [1, 1])
    first, second = where_both(one, two)
    np.testing.assert_array_equal(first.predictions, [[NAN, 0.5], [0.7, NAN]])
    np.testing.assert_array_equal(second.predictions, [[NAN, 0.4], [0.6, NAN]])


def test_a_difference_counts_what_one_arm_invents_where_there_is_nothing() -> None:
    # patient 0 has no core: the first arm rightly says so, the second invents one; patient 1's rim
    # is in neither mask
    reference = [[0.0, 1.0], [1.0, 0.0]]
    one = units([[NAN, 0.5], [0.7, NAN]], [0, 1], [1, 1], reference)
    two = units([[0.0, 0.4], [0.6, NAN]], [0, 1], [1, 1], reference)
    first, second = where_both(one, two)
    np.testing.assert_array_equal(first.predictions, [[1.0, 0.5], [0.7, NAN]])
    np.testing.assert_array_equal(second.predictions, [[0.0, 0.4], [0.6, NAN]])
    again, swapped = where_both(two, one)
    np.testing.assert_array_equal(again.predictions, second.predictions)
    np.testing.assert_array_equal(swapped.predictions, first.predictions)
