"""Heat maps as arrays: shares, peaks, spread, rank correlation, by hand and by scipy."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from scipy.stats import spearmanr

from tumorboard.transforms.heat_maps import (
    around_points,
    enlarge,
    entropy,
    peaks,
    rank_correlation,
    share_inside,
)


def test_share_inside_by_hand() -> None:
    maps = np.asarray([[[1, 2], [3, 4]], [[0, 0], [0, 0]]], dtype=np.float32)
    masks = np.asarray([[[True, False], [False, True]]] * 2)
    shares = share_inside(maps, masks)
    assert shares[0] == 0.5
    assert np.isnan(shares[1])


def test_a_flat_map_has_the_share_of_the_mask() -> None:
    mask = np.random.default_rng(0).random((1, 9, 7, 5)) < 0.3
    flat = np.full((1, 9, 7, 5), 0.2, dtype=np.float32)
    assert share_inside(flat, mask)[0] == pytest.approx(mask.mean(), rel=1e-6)


def test_around_points_is_a_disc_within_the_image() -> None:
    mask = around_points(np.asarray([[0, 0], [3, 4]]), (5, 6), radius=1)
    assert np.argwhere(mask).tolist() == [
        [0, 0], [0, 1], [1, 0], [2, 4], [3, 3], [3, 4], [3, 5], [4, 4],
    ]  # fmt: skip
    assert not around_points(np.empty((0, 2)), (5, 6), radius=3).any()


def test_enlarge_keeps_the_peak_in_its_place_in_two_and_three_dimensions() -> None:
    maps = np.zeros((1, 4, 4), dtype=np.float32)
    maps[0, 3, 0] = 1
    large = enlarge(maps, (16, 32))
    assert large.shape == (1, 16, 32)
    assert peaks(large).tolist() == [[14, 0]]
    volume = np.zeros((1, 2, 2, 2), dtype=np.float32)
    volume[0, 1, 0, 1] = 1
    assert enlarge(volume, (4, 4, 4))[0, 3, 0, 3] == 1


def test_entropy_is_one_for_a_flat_map_and_zero_for_one_place() -> None:
    maps = np.zeros((3, 4, 4), dtype=np.float32)
    maps[0] = 0.7
    maps[1, 2, 2] = 5
    values = entropy(maps)
    assert values[:2] == pytest.approx([1, 0])
    assert np.isnan(values[2])


def test_rank_correlation_equals_scipy_and_names_constant_maps() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (2, 3, 6, 6)).astype(np.float32)
    first[1], first[2], second[2] = 0, 0, 0
    found = rank_correlation(first, second)
    expected = cast(Any, spearmanr(first[0].ravel(), second[0].ravel()))
    assert found[0] == pytest.approx(expected.statistic)
    assert found[1] == 0
    assert np.isnan(found[2])
