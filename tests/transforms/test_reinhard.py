"""Reinhard: CIELAB against values of the standard, and colours that arrive at their target."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.transforms.reinhard import (
    LabMoments,
    lab_moments,
    lab_to_rgb,
    reinhard_normalise,
    rgb_to_lab,
    typical_moments,
)


def lab_by_hand(pixel: tuple[int, int, int]) -> list[float]:
    """CIELAB step by step from IEC 61966-2-1 and CIE 15, in double precision."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (v / 255 for v in pixel)
    ]
    rows = [(0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)]
    white = (0.95047, 1.0, 1.08883)
    f = []
    for row, w in zip(rows, white, strict=True):
        t = sum(a * b for a, b in zip(row, linear, strict=True)) / w
        f.append(t ** (1 / 3) if t > (6 / 29) ** 3 else t * (29 / 6) ** 2 / 3 + 4 / 29)
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]


def test_lab_has_the_published_primaries() -> None:
    # sRGB red, green, blue, white and black in CIELAB, D65, as colour tables print them
    pixels = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)]
    published = [
        [53.24, 80.09, 67.20],
        [87.73, -86.18, 83.18],
        [32.30, 79.19, -107.86],
        [100.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
    ]
    assert rgb_to_lab(np.array(pixels, np.uint8)) == pytest.approx(np.array(published), abs=0.02)


def test_lab_is_that_of_the_formulas() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 3)).astype(np.uint8)
    expected = [lab_by_hand(tuple(int(v) for v in pixel)) for pixel in pixels]  # type: ignore[arg-type]
    # the formulas above have the matrix in four digits
    assert rgb_to_lab(pixels) == pytest.approx(np.array(expected), abs=0.03)


def test_every_colour_comes_back() -> None:
    steps = np.arange(0, 256, 5, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    assert np.abs(lab_to_rgb(rgb_to_lab(cube)).astype(int) - cube).max() <= 1


def make_patches(centre: tuple[int, int, int], spread: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = np.asarray(centre).reshape(1, 3, 1, 1) + rng.normal(0, spread, (40, 3, 16, 15))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def moments_of(patches: np.ndarray) -> LabMoments:
    return lab_moments(patches.transpose(0, 2, 3, 1).reshape(-1, 3))


def test_colours_arrive_at_the_targets_mean_and_spread() -> None:
    one, other = make_patches((190, 120, 170), 12, 1), make_patches((160, 110, 180), 8, 2)
    moved = moments_of(reinhard_normalise(one, moments_of(one), moments_of(other)))
    assert moved.mean == pytest.approx(moments_of(other).mean, abs=0.1)
    assert moved.sd == pytest.approx(moments_of(other).sd, rel=0.02)


def test_a_slide_normalised_to_itself_stays_as_it_is() -> None:
    one = make_patches((190, 120, 170), 30, 1)
    same = reinhard_normalise(one, moments_of(one), moments_of(one))
    assert np.abs(same.astype(int) - one).max() <= 1


@pytest.mark.parametrize("pixels", [np.full((50, 3), 90), np.repeat(np.arange(90), 3)])
def test_one_colour_and_greys_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"Case_1: the standard deviations .* have one colour or"):
        lab_moments(pixels.reshape(-1, 3).astype(np.uint8), where="Case_1")


def test_no_pixel_is_refused() -> None:
    with pytest.raises(InputError, match="found no pixel with tissue"):
        lab_moments(np.zeros((0, 3), np.uint8))


def test_typical_moments_are_medians_and_survive_json() -> None:
    many = [moments_of(make_patches((m, 120, 170), 12, 1)) for m in (100, 180, 181)]
    typical = typical_moments(many)
    assert typical.mean[0] == many[1].mean[0]
    back = LabMoments.from_plain(json.loads(json.dumps(typical.to_plain())))
    assert np.array_equal(back.mean, typical.mean)
    assert np.array_equal(back.sd, typical.sd)
    with pytest.raises(InputError, match="no training slide"):
        typical_moments([])


def test_patches_are_normalised_one_by_one_as_together() -> None:
    """More patches than are worked on at once; noise has dark pixels, where CIELAB is linear."""
    patches = np.random.default_rng(4).integers(0, 256, (21, 3, 64, 64)).astype(np.uint8)
    pale = LabMoments(mean=np.array([70.0, 15.0, -8.0]), sd=np.array([9.0, 7.0, 6.0]))
    deep = LabMoments(mean=np.array([55.0, 22.0, -12.0]), sd=np.array([11.0, 8.0, 7.0]))
    alone = [reinhard_normalise(patch[None], pale, deep) for patch in patches]
    assert np.array_equal(reinhard_normalise(patches, pale, deep), np.concatenate(alone))
    pixels = np.ascontiguousarray(np.moveaxis(patches, 1, -1)).reshape(-1, 3)
    scale = deep.sd / pale.sd
    moved = (rgb_to_lab(pixels) - pale.mean) * scale + deep.mean
    together = np.moveaxis(reinhard_normalise(patches, pale, deep), 1, -1).reshape(-1, 3)
    difference = lab_to_rgb(moved.astype(np.float32)).astype(int) - together
    assert np.abs(difference).max() <= 1  # rounded at another place
