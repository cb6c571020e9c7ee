"""Slides by region: the same pixels whatever the file, mirrored as np.pad does."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tumorboard.cache import Cache
from tumorboard.errors import InputError, RunError
from tumorboard.formats.openslide_slides import OpenSlideSlide
from tumorboard.formats.slide_regions import mirrored
from tumorboard.formats.slides import open_slide
from tumorboard.formats.tiff_slides import TiffSlide

SLIDE = np.random.default_rng(4).integers(0, 256, (150, 203, 3), dtype=np.uint8)
PAD = 140
PADDED = np.pad(SLIDE, ((PAD, PAD), (PAD, PAD), (0, 0)), mode="reflect")


def write(folder: Path, kind: str) -> Path:
    """The same picture as a file of some kind."""
    path = folder / f"{kind}.{'png' if kind == 'png' else 'tif'}"
    if kind == "png":
        Image.fromarray(SLIDE).save(path)
    elif kind == "mapped":
        tifffile.imwrite(path, SLIDE, photometric="rgb")
    elif kind == "strips":
        tifffile.imwrite(path, SLIDE, photometric="rgb", rowsperstrip=16)
    elif kind == "planes":
        planes = np.moveaxis(SLIDE, -1, 0)
        tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
    elif kind == "packed":
        tifffile.imwrite(path, SLIDE, photometric="rgb", compression="lzw")
    elif kind == "tiles":
        tifffile.imwrite(path, SLIDE, photometric="rgb", tile=(64, 48), compression="deflate")
    else:
        planes = np.moveaxis(SLIDE, -1, 0)
        tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate", tile=(32, 32))
    return path


@pytest.fixture(params=["png", "mapped", "strips", "planes", "packed", "tiles", "plane_tiles"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(tmp_path, request.param)


def test_size_and_regions_inside_and_across_every_border(path: Path) -> None:
    with open_slide(path) as slide:
        assert (slide.info.height_px, slide.info.width_px) == SLIDE.shape[:2]
        assert math.isnan(slide.info.mpp)
        assert slide.info.downsamples == (1.0,)
        for x, y, width, height in [
            (0, 0, 203, 150), (3, 5, 70, 66), (-9, 2, 20, 10), (190, -31, 33, 47),
            (-40, -50, 60, 70), (180, 120, 64, 64), (-100, 100, 30, 90), (210, 160, 10, 12),
        ]:  # fmt: skip
            expected = PADDED[y + PAD : y + PAD + height, x + PAD : x + PAD + width]
            np.testing.assert_array_equal(slide.read(x, y, width, height), expected)


def test_windows_are_the_regions_around_their_centres(path: Path) -> None:
    x = np.array([32.0, 31.5, 31.49, 0.0, 202.0, 100.0, -4.2, 260.0])
    y = np.array([75.0, 32.0, 32.0, 0.0, 149.0, 148.6, 50.0, 50.0])
    with open_slide(path) as slide:
        windows = slide.windows(x, y, 64)
    assert windows.shape == (8, 3, 64, 64)
    assert windows.dtype == np.uint8
    left, top = np.floor(x - 32 + 0.5).astype(int), np.floor(y - 32 + 0.5).astype(int)
    assert left[:3].tolist() == [0, 0, -1]
    for window, a, b in zip(windows, left + PAD, top + PAD, strict=True):
        np.testing.assert_array_equal(np.moveaxis(window, 0, -1), PADDED[b : b + 64, a : a + 64])


def test_odd_windows_hold_as_many_pixels_on_both_sides_of_a_pixel_centre(tmp_path: Path) -> None:
    with open_slide(write(tmp_path, "mapped")) as slide:
        (window,) = slide.windows([50.5], [60.5], 3)
    np.testing.assert_array_equal(np.moveaxis(window, 0, -1), SLIDE[59:62, 49:52])


def test_windows_inside_only_and_none_at_all(path: Path) -> None:
    with open_slide(path) as slide:
        windows = slide.windows([50, 60], [70, 80], 21)
        np.testing.assert_array_equal(windows[1, 1], SLIDE[70:91, 50:71, 1])
        assert slide.windows([], [], 16).shape == (0, 3, 16, 16)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=st.integers(-60, 60), length=st.integers(1, 40), size=st.integers(1, 15))
def test_mirroring_is_that_of_np_pad(start: int, length: int, size: int) -> None:
    padded = np.pad(np.arange(size), 120, mode="reflect")
    expected = padded[120 + start : 120 + start + length]
    np.testing.assert_array_equal(mirrored(start, length, size), expected)


def test_what_cannot_be_cut_is_said(path: Path) -> None:
    with open_slide(path) as slide:
        with pytest.raises(InputError, match=r"160 x 160 pixels .*has 203 x 150 at level 0"):
            slide.windows([80], [80], 160)
        with pytest.raises(InputError, match=r"no level 1; the slide has 1"):
            slide.read(0, 0, 4, 4, level=1)
        with pytest.raises(InputError, match=r"0 x 4 pixels"):
            slide.read(0, 0, 0, 4)
        with pytest.raises(InputError, match=r"1 of 2 centres are not numbers"):
            slide.windows([3, math.nan], [4, 4], 2)
        with pytest.raises(InputError, match=r"2 x but 1 y of centres"):
            slide.windows([3, 4], [4], 2)


def test_decoded_images_are_kept_by_content(tmp_path: Path) -> None:
    path = write(tmp_path, "png")
    with Cache(tmp_path / "cache") as cache:
        with open_slide(path, cache=cache) as slide:
            first = slide.read(0, 0, 203, 150)
        (kept,) = (tmp_path / "cache").rglob("*.npy")
        other = path.rename(tmp_path / "renamed.png")
        with open_slide(other, cache=cache) as slide:
            np.testing.assert_array_equal(slide.read(0, 0, 203, 150), first)
        assert list((tmp_path / "cache").rglob("*.npy")) == [kept]


def test_grey_and_sixteen_bits_become_three_colours_of_eight(tmp_path: Path) -> None:
    grey = SLIDE[..., 0]
    tifffile.imwrite(tmp_path / "grey.tif", grey, photometric="minisblack")
    tifffile.imwrite(tmp_path / "tiled.tif", grey, photometric="minisblack", tile=(32, 32))
    tifffile.imwrite(tmp_path / "deep.tif", SLIDE.astype(np.uint16) * 257, photometric="rgb")
    for name, expected in {"grey": grey, "tiled": grey, "deep": None}.items():
        with open_slide(tmp_path / f"{name}.tif") as slide:
            read = slide.read(-5, 0, 50, 40)
            (window,) = slide.windows([30], [30], 20)
        whole = PADDED[PAD : PAD + 40, PAD - 5 : PAD + 45]
        if expected is not None:
            whole = np.repeat(whole[..., :1], 3, axis=2)
        np.testing.assert_array_equal(read, whole)
        np.testing.assert_array_equal(window[0], SLIDE[20:40, 20:40, 0])


def test_a_turned_tiff_is_read_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(SLIDE)).save(tmp_path / "a.tif", exif=exif)
    with open_slide(tmp_path / "a.tif") as slide:
        np.testing.assert_array_equal(slide.read(0, 0, 203, 150), SLIDE)


def test_the_pixel_size_of_a_png_counts_only_where_a_microscope_can_have_written_it(
    tmp_path: Path,
) -> None:
    for dpi, mpp in {50_800: 0.5, 300: math.nan, 72: math.nan}.items():
        Image.fromarray(SLIDE).save(tmp_path / "a.png", dpi=(dpi, dpi))
        with open_slide(tmp_path / "a.png") as slide:
            np.testing.assert_allclose(slide.info.mpp, mpp, rtol=1e-4)


def test_absent_and_strange_files(tmp_path: Path) -> None:
    for name in ("a.png", "a.svs"):
        with pytest.raises(InputError, match=rf"{name}: no such file"):
            open_slide(tmp_path / name)
    (tmp_path / "b.tif").write_bytes(b"<html></html>")
    with pytest.raises(InputError, match=r"b\.tif: found an HTML page"):
        open_slide(tmp_path / "b.tif")


def test_scanner_formats_go_through_openslide_and_agree_with_our_own_reading(
    tmp_path: Path,
) -> None:
    slide = np.kron(SLIDE, np.ones((4, 4, 1), np.uint8))
    with tifffile.TiffWriter(tmp_path / "a.svs") as writer:
        said = "Aperio Image Library v11.2.1\r\n812x600 |AppMag = 20|MPP = 0.5028"
        tiles: dict[str, Any] = {"tile": (128, 128)}
        for step, options in ((1, tiles), (8, {}), (4, tiles)):
            level = np.ascontiguousarray(slide[::step, ::step])  # the second is the thumbnail
            writer.write(level, photometric="rgb", description=said, metadata=None, **options)
    (tmp_path / "b.tif").write_bytes((tmp_path / "a.svs").read_bytes())
    with open_slide(tmp_path / "a.svs") as theirs, open_slide(tmp_path / "b.tif") as ours:
        assert isinstance(theirs, OpenSlideSlide)
        assert isinstance(ours, TiffSlide)
        assert theirs.info.mpp == ours.info.mpp == 0.5028
        assert theirs.info.downsamples == ours.info.downsamples == (1.0, 4.0)
        assert theirs.best_level(3.9) == 0
        assert theirs.best_level(5) == 1
        for level, box in ((0, (700, 530, 128, 90)), (1, (-30, 100, 90, 60))):
            read = theirs.read(*box, level=level)
            np.testing.assert_array_equal(read, ours.read(*box, level=level))
        centres = ([5, 300, 810], [590, 300, 2])
        np.testing.assert_array_equal(theirs.windows(*centres, 64), ours.windows(*centres, 64))


def test_what_openslide_cannot_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.svs"
    path.write_bytes(b"MZ" + bytes(300))
    with pytest.raises(InputError, match=r"a\.svs: OpenSlide cannot open it \(.*Copy or export"):
        open_slide(path)
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(RunError, match=r'a\.svs: .*pip install "tumorboard\[slides\]"'):
        open_slide(path)
