"""Margins of balls, and around walls, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tumorboard.records import Bools
from tumorboard.transforms.margins import margin_around


def ball(radius_mm: float, spacing: tuple[float, float, float], n_mm: float = 80) -> Bools:
    axes = [(np.arange(round(n_mm / s)) + 0.5) * s - n_mm / 2 for s in spacing]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return x**2 + y**2 + z**2 <= radius_mm**2


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.0), (2.0, 2.0, 2.0)])
@pytest.mark.parametrize("margin", [5.0, 10.0, 20.0])
def test_a_ball_grows_to_a_larger_ball(spacing: tuple[float, float, float], margin: float) -> None:
    grown = margin_around(ball(12, spacing), spacing, margin_mm=margin)
    radius = (3 / (4 * math.pi) * grown.sum() * math.prod(spacing)) ** (1 / 3)
    assert radius == pytest.approx(12 + margin, abs=max(spacing) / 2)


def test_the_way_around_a_wall_is_longer() -> None:
    spacing = (1.0, 1.0, 1.0)
    mask = np.zeros((61, 61, 21), dtype=np.bool_)
    mask[20, 30, 10] = True
    wall = np.zeros_like(mask)
    wall[25, :36] = True  # ends at y = 35
    free = margin_around(mask, spacing, margin_mm=10)
    grown = margin_around(mask, spacing, margin_mm=10, barrier=wall)
    assert free[28, 30, 10]
    # straight 8 mm; around the end of the wall hypot(5, 6) + hypot(3, 6) = 14.5 mm
    assert not grown[28, 30, 10]
    assert not (grown & wall).any()
    wide = margin_around(mask, spacing, margin_mm=16, barrier=wall)
    assert wide[28, 30, 10]
    assert not margin_around(mask, spacing, margin_mm=13, barrier=wall)[28, 30, 10]
    far = np.zeros_like(mask)
    far[25] = True  # from end to end: nothing gets through
    assert not margin_around(mask, spacing, margin_mm=25, barrier=far)[26:].any()


def test_without_barriers_in_the_way_both_ways_agree() -> None:
    spacing = (1.0, 1.5, 2.0)
    mask = ball(8, spacing, 60)
    wall = np.zeros_like(mask)
    wall[0] = True
    straight = margin_around(mask, spacing, margin_mm=8)
    around = margin_around(mask, spacing, margin_mm=8, barrier=wall)
    dice = 2 * (straight & around).sum() / (straight.sum() + around.sum())
    assert dice > 0.97


def test_no_margin_no_tumour_and_the_edge() -> None:
    mask = ball(8, (2.0, 2.0, 2.0), 20)
    assert np.array_equal(margin_around(mask, (2, 2, 2), margin_mm=0), mask)
    assert not margin_around(mask & False, (2, 2, 2), margin_mm=5).any()
    assert margin_around(mask, (2, 2, 2), margin_mm=50).all()
    tumour_in_wall = margin_around(mask, (2, 2, 2), margin_mm=2, barrier=mask)
    assert tumour_in_wall[mask].all()
