"""Sizes of lesions against ellipsoids whose size is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tumorboard.evaluation.lesion_size import GONE, measure_lesion, perpendicular
from tumorboard.records import Bools
from tumorboard.transforms.mask_diameter import longest, outline


def ellipsoid(
    radii_mm: tuple[float, float, float], spacing: tuple[float, float, float], turn: float = 0.0,
    offset: float = 0.0,
) -> Bools:  # fmt: skip
    """Turned about the last axis by `turn`; the middle `offset` voxels off the grid's."""
    n = [2 * math.ceil(max(radii_mm) / s) + 5 for s in spacing]
    x, y, z = np.meshgrid(
        *[(np.arange(k) - k // 2 + offset) * s for k, s in zip(n, spacing, strict=True)],
        indexing="ij",
    )
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    a, b, c = radii_mm
    return (u / a) ** 2 + (v / b) ** 2 + (z / c) ** 2 <= 1


@pytest.mark.parametrize("turn", [0.0, 0.4, math.pi / 4, 1.3])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 3.0), (1.0, 1.5, 2.0)])
def test_an_ellipsoid_is_measured(turn: float, spacing: tuple[float, float, float]) -> None:
    found = measure_lesion(ellipsoid((20.0, 11.0, 14.0), spacing, turn), spacing)
    pixel = math.sqrt(spacing[0] * spacing[1])
    assert found.volume_ml == pytest.approx(4 / 3 * math.pi * 20 * 11 * 14 / 1000, rel=0.02)
    assert found.diameter_mm == pytest.approx(40.0, abs=pixel)
    assert found.perpendicular_mm == pytest.approx(22.0, abs=pixel)
    assert found.diameter_error_mm == pytest.approx(pixel)


def test_the_place_in_the_grid_changes_little() -> None:
    found = [
        measure_lesion(ellipsoid((15.0, 15.0, 15.0), (1.0, 1.0, 1.0), offset=o), (1.0, 1.0, 1.0))
        for o in np.linspace(0, 0.9, 7)
    ]
    # the longest of many directions: up to a pixel more, never less
    assert all(30.0 <= f.diameter_mm <= 31.0 for f in found)
    assert np.mean([f.volume_ml for f in found]) == pytest.approx(14.137, rel=0.01)


def test_the_error_of_a_ball_is_what_its_border_would_change() -> None:
    found = measure_lesion(ellipsoid((20.0, 20.0, 20.0), (1.0, 1.0, 1.0)), (1.0, 1.0, 1.0))
    shell = 4 / 3 * math.pi * (20.5**3 - 19.5**3) / 2 / 1000
    assert found.volume_error_ml == pytest.approx(shell, rel=0.1)  # a staircase is a little larger
    stated = measure_lesion(
        ellipsoid((20.0, 20.0, 20.0), (1.0, 1.0, 1.0)), (1.0, 1.0, 1.0), border_error_mm=2.0
    )
    assert stated.volume_error_ml == pytest.approx(4 * found.volume_error_ml)
    assert stated.diameter_error_mm == 4.0


def test_boxes_by_hand() -> None:
    mask = np.zeros((9, 9, 4), dtype=np.bool_)
    mask[2:5, 3:7, 1] = True  # 3 x 4 pixels
    mask[2:4, 3:4, 2] = True
    found = measure_lesion(mask, (1.0, 1.0, 1.0))
    assert (found.volume_ml, found.slice) == (pytest.approx(0.014), 1)
    # half a pixel beyond the centres of the corners, along one axis
    assert found.diameter_mm == pytest.approx(math.hypot(2, 4))
    assert measure_lesion(mask & False, (1.0, 1.0, 1.0)) is GONE
    one = np.zeros((3, 3, 3), dtype=np.bool_)
    one[1, 1, 1] = True
    single = measure_lesion(one, (2.0, 2.0, 5.0))
    assert (single.diameter_mm, single.perpendicular_mm) == (2.0, 2.0)


def test_longest_and_perpendicular_of_a_rectangle() -> None:
    hull = np.asarray([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]])
    length, ends = longest(hull)
    assert length == 5.0
    # the chord at a right angle through a corner: twice the area over the diagonal
    assert perpendicular(hull, ends) == pytest.approx(3 / (4 / 5))
    plane = np.ones((5, 4), dtype=np.bool_)
    assert longest(outline(plane, (1.0, 1.0)))[0] == pytest.approx(math.hypot(5, 3))
