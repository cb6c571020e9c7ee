"""Which patches a row has, how large their windows are, and how few stand for many."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.slides import SlideInfo
from tumorboard.transforms.patch_positions import Positions, WindowSize, too_small


def test_patches_of_rows_are_counted_and_thinned_evenly() -> None:
    n = [0, 10, 3]
    start = np.array([0, 0, 10, 13])
    at = Positions(np.zeros(13, np.int64), np.zeros(13), np.zeros(13), start)
    patches, place = at.of(np.array([2, 0, 1, 2]))
    assert patches.tolist() == [10, 11, 12, *range(10), 10, 11, 12]
    assert place.tolist() == [0] * 3 + [2] * 10 + [3] * 3
    patches, place = at.of(np.array([1, 2]), most=5)
    assert patches.tolist() == [0, 2, 4, 6, 8, 10, 11, 12]
    assert np.bincount(place).tolist() == [5, 3]
    patches, place = at.of(np.array([0]), most=5)
    assert len(patches) == len(place) == n[0]


def test_a_window_in_micrometres_follows_each_slides_pixel() -> None:
    infos = [SlideInfo(Path(f"{mpp}.svs"), 1000, 900, mpp) for mpp in (0.25, 0.5, math.nan)]
    um = WindowSize(px=64, um=32.0, mpp="auto", context=1.5)
    assert um.of(infos[:2], name="tissue").tolist() == [192, 96]
    with pytest.raises(InputError, match=r"1 of 3 slides do not say.*: nan\.svs\."):
        um.of(infos, name="tissue")
    stated = WindowSize(px=64, um=32.0, mpp=1.0, context=1.0)
    assert stated.of(infos, name="tissue").tolist() == [32, 32, 32]
    pixels = WindowSize(px=64, um=0.0, mpp="auto", context=2.0)
    assert pixels.of(infos, name="tissue").tolist() == [128, 128, 128]
    assert list(too_small(infos, np.array([900, 901, 5]))) == [Path("0.5.svs")]
