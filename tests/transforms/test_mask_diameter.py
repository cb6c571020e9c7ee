"""Longest axial diameter against balls, boxes and all pairs of voxels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from tumorboard.transforms.mask_diameter import longest_diameter_mm

AFFINE = np.diag([2.0, 1.5, 5.0, 1.0])


def test_diameter_is_the_longest_distance_within_one_slice() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((14, 18, 5)) < 0.08
    mask[:2, :3, 2] = True
    slices = [np.argwhere(mask[:, :, k]) * (2.0, 1.5) for k in range(5)]
    longest = max(float(pdist(own).max()) for own in slices if len(own) > 1)
    assert longest_diameter_mm(mask, AFFINE) == pytest.approx(longest, rel=2e-4)


def test_a_line_along_the_body_has_no_diameter_and_an_empty_mask_none() -> None:
    mask = np.zeros((6, 6, 6), dtype=np.bool_)
    assert longest_diameter_mm(mask, AFFINE) == 0.0
    mask[3, 3, :] = True
    assert longest_diameter_mm(mask, AFFINE) == 0.0
    mask[1:5, 3, 4] = True
    assert longest_diameter_mm(mask, AFFINE) == pytest.approx(6.0)
