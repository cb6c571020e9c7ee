"""Distances between boxes and balls whose distance is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tumorboard.evaluation.structure_distances import structure_distance


def test_boxes_by_hand() -> None:
    first = np.zeros((30, 12, 12), dtype=np.bool_)
    second = first.copy()
    first[2:6, 2:10, 2:10] = True
    second[13:20, 2:10, 2:10] = True  # 7 voxels between
    found = structure_distance(first, second, (1.5, 1.0, 1.0))
    assert found.least_mm == pytest.approx(7 * 1.5)
    assert (found.overlap_ml, found.overlap_share) == (0.0, 0.0)
    assert found.near_mm >= found.least_mm


def test_balls_and_what_lies_inside() -> None:
    x, y, z = np.meshgrid(*[np.arange(60.0)] * 3, indexing="ij")
    first = (x - 20) ** 2 + (y - 30) ** 2 + (z - 30) ** 2 <= 10**2
    second = (x - 45) ** 2 + (y - 30) ** 2 + (z - 30) ** 2 <= 8**2
    found = structure_distance(first, second, (1, 1, 1))
    assert found.least_mm == pytest.approx(7.0, abs=1.0)
    # 5 % of the area of this ball is a cap 1 mm high, whose edge is at x = 29
    assert found.near_mm == pytest.approx(math.hypot(16, math.sqrt(19)) - 8, abs=0.5)
    inside = structure_distance(second, first | second | (x > 5), (1, 1, 1))
    assert (inside.least_mm, inside.near_mm) == (0.0, 0.0)
    assert inside.overlap_ml == pytest.approx(second.sum() / 1000)


def test_nothing_there() -> None:
    one, none = np.ones((4, 4, 4), dtype=np.bool_), np.zeros((4, 4, 4), dtype=np.bool_)
    assert math.isnan(structure_distance(one, none, (1, 1, 1)).least_mm)
    assert math.isnan(structure_distance(none, one, (1, 1, 1)).near_mm)
