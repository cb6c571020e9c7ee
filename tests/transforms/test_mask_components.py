from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tumorboard.records import Bools
from tumorboard.transforms.mask_components import (
    bounding_box,
    clean_components,
    components,
    fill_holes,
    kept_components,
)


def bars(*lengths: int) -> Bools:
    mask = np.zeros((2 * len(lengths), 12), dtype=np.bool_)
    for row, length in enumerate(lengths):
        mask[2 * row, :length] = True
    return mask


def test_components_by_hand() -> None:
    labels, sizes = components(bars(3, 7, 1))
    assert sizes.tolist() == [3, 7, 1]
    assert labels[2].tolist() == [2] * 7 + [0] * 5
    assert components(np.eye(4, dtype=np.bool_))[1].tolist() == [4]  # over corners


def test_largest_and_least() -> None:
    mask = bars(3, 7, 1, 7)
    assert clean_components(mask, largest=True).sum(axis=1).tolist() == [0, 0, 7, 0, 0, 0, 0, 0]
    assert clean_components(mask, least=3).sum(axis=1).tolist() == [3, 0, 7, 0, 0, 0, 7, 0]
    assert not clean_components(mask, largest=True, least=8).any()
    np.testing.assert_array_equal(clean_components(mask), mask)
    assert kept_components(np.array([2, 5]), largest=False, least=2.5).tolist() == [False, True]


def test_nothing_stays_nothing() -> None:
    none = np.zeros((4, 4, 4), dtype=np.bool_)
    assert not clean_components(none, largest=True).any()
    assert not fill_holes(none).any()
    assert bounding_box(none) == (slice(0, 0),) * 3


def test_box() -> None:
    mask = np.zeros((5, 6, 7), dtype=np.bool_)
    mask[1, 2, 3] = mask[3, 2, 6] = True
    assert bounding_box(mask) == (slice(1, 4), slice(2, 3), slice(3, 7))


def test_a_hollow_ball_is_filled_and_an_open_ring_is_not() -> None:
    mask = np.zeros((7, 7, 7), dtype=np.bool_)
    mask[1:6, 1:6, 1:6] = True
    mask[2:5, 2:5, 2:5] = False
    assert fill_holes(mask).sum() == 125
    mask[3, 3, :] = False
    assert not fill_holes(mask)[3, 3, 3]


@pytest.mark.parametrize("shape", [(30, 40), (14, 15, 16)])
def test_holes_are_those_of_a_second_implementation(shape: tuple[int, ...]) -> None:
    noise = np.random.default_rng(0).standard_normal(shape)
    smooth = ndimage.gaussian_filter(noise, 1)
    mask = smooth > np.quantile(smooth, 0.15)
    np.testing.assert_array_equal(fill_holes(mask), ndimage.binary_fill_holes(mask))
    assert fill_holes(mask).sum() > mask.sum()
