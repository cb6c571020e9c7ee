from __future__ import annotations

import math

import numpy as np
import pytest

from tumorboard.evaluation.lesion_detection import Detection, detect
from tumorboard.records import Bools


def drawn(*boxes: tuple[int, int]) -> Bools:
    """Bars of a plane, each (first, last) along a row of their own."""
    mask = np.zeros((2 * len(boxes), 30), dtype=np.bool_)
    for row, (first, last) in enumerate(boxes):
        mask[2 * row, first:last] = True
    return mask


def test_found_missed_and_false_by_hand() -> None:
    reference = drawn((0, 10), (0, 20), (0, 5), (0, 0), (0, 0))
    prediction = drawn((0, 10), (18, 30), (0, 0), (3, 9), (1, 2))
    found = detect(reference, prediction)
    # 2 of 20 voxels are 10 %; of the predicted bar 2 of 12
    assert found == Detection(n_lesions=3, n_found=2, n_predicted=4, n_false=2)
    assert found.sensitivity == pytest.approx(2 / 3)
    assert found.precision == 0.5
    assert found.f1 == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))


def test_a_touch_finds_nothing() -> None:
    assert detect(drawn((0, 20)), drawn((19, 30))) == Detection(1, 0, 1, 1)
    assert detect(drawn((0, 20)), drawn((19, 30))).f1 == 0


def test_one_prediction_over_two_lesions_finds_both() -> None:
    reference = np.zeros((5, 5, 5), dtype=np.bool_)
    reference[0] = reference[4] = True
    assert detect(reference, np.ones_like(reference)) == Detection(2, 2, 1, 0)


def test_what_touches_over_a_corner_is_one_lesion_unless_asked() -> None:
    mask = np.eye(3, dtype=np.bool_)
    assert detect(mask, mask).n_lesions == 1
    assert detect(mask, mask, connectivity="faces").n_lesions == 3


def test_empty_masks() -> None:
    none, some = drawn((0, 0)), drawn((0, 5))
    missed = detect(some, none)
    assert (missed.sensitivity, missed.precision, missed.f1) == (0, 0, 0)
    alarm = detect(none, some)
    assert (alarm.precision, alarm.f1, alarm.n_false) == (0, 0, 1)
    assert math.isnan(alarm.sensitivity)
    neither = detect(none, none)
    assert all(map(math.isnan, (neither.sensitivity, neither.precision, neither.f1)))
