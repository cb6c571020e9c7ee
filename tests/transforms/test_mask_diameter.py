"""Longest axial diameter against balls, boxes and all pairs of points of a contour."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from tumorboard.evaluation.lesion_size import measure_lesion
from tumorboard.transforms.mask_diameter import longest_diameter_mm

AFFINE = np.diag([2.0, 1.5, 5.0, 1.0])


def test_diameter_is_the_longest_distance_within_one_slice() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((14, 18, 5)) < 0.08
    mask[:2, :3, 2] = True
    half = np.asarray([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    points = [
        (np.argwhere(mask[:, :, k])[:, None] + half).reshape(-1, 2) * (2.0, 1.5) for k in range(5)
    ]
    longest = max(float(pdist(own).max()) for own in points)
    assert longest_diameter_mm(mask, AFFINE) == pytest.approx(longest)


def test_a_line_along_the_body_is_a_voxel_wide_and_an_empty_mask_has_no_diameter() -> None:
    mask = np.zeros((6, 6, 6), dtype=np.bool_)
    assert longest_diameter_mm(mask, AFFINE) == 0.0
    mask[3, 3, :] = True
    assert longest_diameter_mm(mask, AFFINE) == 2.0
    mask[1:5, 3, 4] = True
    assert longest_diameter_mm(mask, AFFINE) == pytest.approx(8.0)  # four voxels of 2 mm


def test_it_is_the_diameter_that_lesions_are_measured_by() -> None:
    x, y, z = np.meshgrid(*[np.arange(40)] * 3, indexing="ij")
    ball = (x - 20) ** 2 + (y - 18) ** 2 + (z - 20) ** 2 <= 9**2
    measured = measure_lesion(ball, (2.0, 1.5, 5.0)).diameter_mm
    assert longest_diameter_mm(ball, AFFINE) == pytest.approx(measured, abs=1e-9)
