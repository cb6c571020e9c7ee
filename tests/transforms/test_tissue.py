"""Tissue: found by its colour, not in glass, ink or dust, and windows by the share they hold."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.slides import open_slide
from tumorboard.transforms.tissue import (
    kept_thumbnail,
    otsu,
    thumbnail,
    tissue_mask,
    tissue_tiles,
    window_shares,
)

GLASS, PINK, PURPLE = (243, 241, 242), (226, 160, 200), (120, 70, 150)
BLUE_PEN, GREEN_PEN, BLACK = (40, 70, 190), (40, 150, 90), (12, 8, 10)


def draw(height: int = 300, width: int = 400) -> np.ndarray:
    """Glass with grain, one piece of tissue in rows 100:200 and columns 50:250."""
    rng = np.random.default_rng(3)
    picture = np.empty((height, width, 3))
    picture[:] = GLASS
    picture[100:200, 50:250] = PINK
    picture[120:160, 80:140] = PURPLE
    picture += rng.normal(0, 2, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def truth() -> np.ndarray:
    mask = np.zeros((300, 400), bool)
    mask[100:200, 50:250] = True
    return mask


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_tissue_is_found_and_nothing_else() -> None:
    assert agreement(tissue_mask(draw()), truth()) > 0.97


@pytest.mark.parametrize("colour", [BLUE_PEN, GREEN_PEN, BLACK])
def test_ink_is_not_tissue(colour: tuple[int, int, int]) -> None:
    picture = draw()
    picture[20:60, 20:380] = colour
    mask = tissue_mask(picture)
    assert not mask[22:58, 22:378].any()
    assert agreement(mask[70:], truth()[70:]) > 0.97


def test_dust_goes_and_gaps_are_filled() -> None:
    picture = draw()
    picture[20:25, 20:25] = PURPLE
    picture[110:114, 200:204] = GLASS
    picture[150:190, 200:240] = GLASS
    mask = tissue_mask(picture)
    assert not mask[:60].any()
    assert mask[108:116, 198:206].all()
    assert not mask[155:185, 205:235].any(), "a large hole is glass"


def test_an_image_of_nothing_but_tissue_is_tissue_all_over() -> None:
    rng = np.random.default_rng(0)
    share = rng.uniform(0, 1, (200, 200, 1))
    picture = share * np.array(PINK) + (1 - share) * np.array(PURPLE)
    assert tissue_mask(picture.astype(np.uint8)).mean() > 0.99


@pytest.mark.parametrize("colour", [GLASS, (128, 128, 128), BLACK, BLUE_PEN])
def test_blank_slides_hold_no_tissue_and_say_so(
    tmp_path: Path, colour: tuple[int, int, int]
) -> None:
    picture = np.empty((200, 300, 3), np.uint8)
    picture[:] = colour
    assert not tissue_mask(picture).any()
    tifffile.imwrite(tmp_path / "blank.tif", picture, photometric="rgb")
    line = r"blank\.tif: 0 of 54 windows of 32 pixels hold at least 50% tissue; tissue covers 0\.0%"
    with open_slide(tmp_path / "blank.tif") as slide, pytest.raises(InputError, match=line):
        tissue_tiles(slide, 32)


def test_otsu_is_the_threshold_of_least_variance_within() -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(0.2, 0.05, 700), rng.normal(0.6, 0.1, 300)]).clip(0, 1)
    edges = np.arange(1, 256) / 256
    binned = (np.minimum((values * 256).astype(int), 255) + 0.5) / 256
    within = [
        sum(
            part.size * part.var()
            for part in (binned[binned < t], binned[binned >= t])
            if len(part)
        )
        for t in edges
    ]
    best = edges[np.isclose(within, min(within), rtol=1e-9)]
    assert best.min() <= otsu(values) <= best.max()
    assert otsu(np.empty(0)) == 0.0
    assert 0.1 < otsu(np.repeat([0.1, 0.9], 50)) < 0.9


def test_shares_are_areas_to_the_fraction_of_a_pixel() -> None:
    mask = np.random.default_rng(1).random((13, 17)) < 0.4
    fine = np.kron(mask, np.ones((10, 10)))
    left, top, side = np.array([0.0, 0.3, 5.5, 13.3]), np.array([0.0, 2.7, 9.3]), 3.7
    expected = [
        [
            fine[
                round(y * 10) : round((y + side) * 10), round(x * 10) : round((x + side) * 10)
            ].mean()
            for x in left
        ]
        for y in top
    ]
    np.testing.assert_allclose(window_shares(mask, left, top, side), expected, rtol=1e-9)


@pytest.mark.parametrize("pyramid", [False, True])
def test_a_thumbnail_is_the_mean_of_blocks_from_whatever_level(
    tmp_path: Path, pyramid: bool
) -> None:
    picture = np.kron(draw(), np.ones((4, 4, 1), np.uint8))[:1190, :1597]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(
            picture, tile=(128, 128), subifds=int(pyramid), photometric="rgb", compression="deflate"
        )
        if pyramid:
            half = np.ascontiguousarray(picture[::2, ::2])
            writer.write(half, tile=(128, 128), subfiletype=1, photometric="rgb")
    with open_slide(tmp_path / "a.tif") as slide:
        small, scale = thumbnail(slide, longest_px=400)
    assert small.shape == (298, 400, 3)
    assert scale == pytest.approx(4, rel=2e-3)
    blocks = picture[:1188, :1596].reshape(297, 4, 399, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small[:297, :399], blocks, atol=0.5)


def test_a_large_slide_is_read_part_by_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", draw(), photometric="rgb")
    with open_slide(tmp_path / "a.tif") as slide:
        at_once, _ = thumbnail(slide, longest_px=100)
        monkeypatch.setattr("tumorboard.transforms.tissue._BLOCK_PIXELS", 900)
        in_parts, scale = thumbnail(slide, longest_px=100)
    np.testing.assert_array_equal(at_once, in_parts)
    assert scale == 4


def test_a_slide_is_made_small_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "a.tif", draw(), photometric="rgb")
    cache = Cache(tmp_path / "cache")
    with open_slide(tmp_path / "a.tif") as slide:
        plain, scale = thumbnail(slide)
        tiles = tissue_tiles(slide, 20, cache=cache)
        monkeypatch.setattr("tumorboard.transforms.tissue.thumbnail", None)  # not called again
        small, kept_scale = kept_thumbnail(slide, cache)
        np.testing.assert_array_equal(tissue_tiles(slide, 20, cache=cache), tiles)
    np.testing.assert_array_equal(small, plain)
    assert kept_scale == scale


def test_windows_on_tissue(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", draw(), photometric="rgb")
    with open_slide(tmp_path / "a.tif") as slide:
        x, y = tissue_tiles(slide, 20, at_least=0.9)
        halves, _ = tissue_tiles(slide, 20, overlap=0.5, at_least=0.9)
        whole, _ = tissue_tiles(slide, 20, at_least=0.0)
    assert len(whole) == 15 * 20
    assert len(x) == 5 * 10 - 5, "columns 50 to 60 are half a window"
    assert (x.min(), x.max(), y.min(), y.max()) == (70, 230, 110, 190)
    assert (np.diff(y) >= 0).all()
    assert len(halves) > 3 * len(x)
    assert set(x % 1) == {0.0}


def test_the_grid_is_centred_and_fits(tmp_path: Path) -> None:
    picture = np.empty((110, 109, 3), np.uint8)
    picture[:] = PINK
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="rgb")
    with open_slide(tmp_path / "a.tif") as slide:
        x, y = tissue_tiles(slide, 50)
        assert sorted(set(x)) == [29, 79]
        assert sorted(set(y)) == [30, 80]
        with pytest.raises(InputError, match=r"109 x 110 pixels .*smaller than a window of 128"):
            tissue_tiles(slide, 128)


@pytest.mark.realdata
def test_real_images_of_tissue(tmp_path: Path) -> None:
    """BreCaHAD's images are cut from the middle of slides: hardly any glass."""
    root = os.environ.get("TUMORBOARD_DATA")
    if not root:
        pytest.skip("TUMORBOARD_DATA is not set")
    images = sorted(Path(root, "brecahad", "images").iterdir())[:4]
    for path in images:
        with open_slide(path) as slide:
            x, _ = tissue_tiles(slide, 128)
            n_windows = (slide.info.height_px // 128) * (slide.info.width_px // 128)
        assert len(x) > 0.6 * n_windows
