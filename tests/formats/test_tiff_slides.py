"""TIFF slides: pyramids, bounded memory, and files that are damaged."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tumorboard.errors import InputError
from tumorboard.formats.slides import open_slide
from tumorboard.formats.tiff_slides import TiffSlide, on_white, open_tiff
from tumorboard.formats.tile_memory import TileMemory

RNG = np.random.default_rng(8)
SLIDE = RNG.integers(0, 256, (600, 800, 3), dtype=np.uint8)


def write_pyramid(path: Path, *, as_pages: bool) -> Path:
    with tifffile.TiffWriter(path) as writer:
        options: dict[str, Any] = {
            "tile": (128, 144),
            "photometric": "rgb",
            "compression": "deflate",
        }
        first: dict[str, Any] = {"metadata": None} if as_pages else {"subifds": 2}
        writer.write(SLIDE, **options, **first)
        for step in (2, 4):
            level = np.ascontiguousarray(SLIDE[::step, ::step])
            if as_pages:
                writer.write(level, **options, metadata=None)
            else:
                writer.write(level, **options, subfiletype=1)
    return path


@pytest.mark.parametrize("as_pages", [False, True])
def test_levels_of_a_pyramid(tmp_path: Path, as_pages: bool) -> None:
    with open_slide(write_pyramid(tmp_path / "a.tif", as_pages=as_pages)) as slide:
        assert slide.info.downsamples == (1.0, 2.0, 4.0)
        assert slide.level_sizes == ((600, 800), (300, 400), (150, 200))
        for level, step in enumerate((1, 2, 4)):
            read = slide.read(-20, 60, 150, 90, level=level)
            padded = np.pad(SLIDE[::step, ::step], ((0, 0), (20, 0), (0, 0)), mode="reflect")
            np.testing.assert_array_equal(read, padded[60:150, :150])


def test_levels_whose_sizes_are_rounded_are_levels_and_a_label_is_none(tmp_path: Path) -> None:
    options: dict[str, Any] = {"photometric": "rgb", "metadata": None}
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(SLIDE[:501, :777], tile=(64, 64), **options)
        writer.write(SLIDE[:250, :388], tile=(64, 64), **options)
        writer.write(SLIDE[:90, :200], **options)
        writer.write(SLIDE[:200, :200], tile=(64, 64), **options)
        writer.write(SLIDE[:62, :97], subfiletype=1, rowsperstrip=8, **options)
    with open_slide(tmp_path / "a.tif") as slide:
        assert slide.level_sizes == ((501, 777), (250, 388), (62, 97))
        np.testing.assert_allclose(slide.info.downsamples, [1, 2, 8], rtol=0.01)
        np.testing.assert_array_equal(slide.read(3, 4, 90, 50, level=2), SLIDE[4:54, 3:93])


def test_jpeg_tiles_are_close_to_their_source(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(300), np.arange(300))[..., None] // 3 + np.array([0, 20, 40])
    source = smooth.astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", source, tile=(128, 128), compression="jpeg")
    with open_slide(tmp_path / "a.tif") as slide:
        assert isinstance(slide, TiffSlide)
        assert np.abs(slide.read(0, 0, 300, 300).astype(int) - source).max() <= 12


def test_memory_does_not_grow_with_the_slide(tmp_path: Path) -> None:
    """A slide of 1.2 billion pixels (3.6 GB decoded) in tiles of which few are stored."""
    side, tile, limit = 35_000, 250, 3_000_000

    def tiles() -> Iterator[bytes]:
        packed = zlib.compress(bytes([200]) * (256 * 256 * 3))
        n = -(-side // 256)
        for number in range(n * n):
            yield packed if number % 7 == 0 else b""

    with tifffile.TiffWriter(tmp_path / "a.tif", bigtiff=True) as writer:
        writer.write(
            tiles(), shape=(side, side, 3), dtype=np.uint8, tile=(256, 256), photometric="rgb",
            compression="deflate",
        )  # fmt: skip
    tracemalloc.start()
    slide = open_tiff(tmp_path / "a.tif", tile_bytes=limit)
    assert isinstance(slide, TiffSlide)
    with slide:
        centres = RNG.uniform(0, side, (300, 2))
        windows = slide.windows(centres[:, 0], centres[:, 1], 64)
        slide.read(side - 3000, 20, tile, tile)
        assert 0 < slide.memory.n_bytes <= limit
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < windows.nbytes + limit + 12_000_000  # 19,044 places of tiles among them
    assert set(np.unique(windows)) == {200, 255}  # what the file leaves out is white


def test_tiles_used_last_are_kept() -> None:
    memory = TileMemory(100)
    tiles = [np.zeros(40, np.uint8) for _ in range(3)]
    memory.keep((0, 0, 0), tiles[0])
    memory.keep((0, 0, 1), tiles[1])
    assert memory.get((0, 0, 0)) is tiles[0]
    memory.keep((0, 0, 2), tiles[2])
    assert memory.get((0, 0, 1)) is None
    assert memory.get((0, 0, 0)) is tiles[0]
    assert memory.n_bytes == 80
    memory.keep((0, 0, 3), np.zeros(101, np.uint8))
    assert memory.get((0, 0, 3)) is None
    memory.keep((0, 0, 2), tiles[2])
    assert memory.n_bytes == 80
    memory.clear()
    assert (memory.n_bytes, memory.get((0, 0, 0))) == (0, None)


def test_tiles_of_an_odd_width_are_read(tmp_path: Path) -> None:
    """TIFF asks for multiples of 16; some writers do not care, here with tiles of 24 x 128."""
    path, picture = tmp_path / "a.tif", SLIDE[:128, :96]
    tiles = [picture[:, at : at + 24].reshape(64, 48, 3) for at in range(0, 96, 24)]
    rows = [np.concatenate(tiles[k : k + 2], axis=1) for k in (0, 2)]
    tifffile.imwrite(path, np.concatenate(rows), tile=(64, 48), photometric="rgb")
    with tifffile.TiffFile(path) as file:
        tags = file.pages.first.tags
        places = {24: tags[322].valueoffset, 128: tags[323].valueoffset}
    content = bytearray(path.read_bytes())
    for side, at in places.items():
        content[at : at + 2] = side.to_bytes(2, "little")
    path.write_bytes(content)
    with open_slide(path) as slide:
        assert isinstance(slide, TiffSlide)
        np.testing.assert_array_equal(slide.read(7, 50, 80, 70), picture[50:120, 7:87])


def test_a_damaged_tile_is_named_with_its_slide_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "case_7.tif", as_pages=False)
    with tifffile.TiffFile(path) as file:
        offset, n_bytes = (values[8] for values in _places(file))
    content = bytearray(path.read_bytes())
    content[offset : offset + n_bytes] = b"\xff" * n_bytes
    path.write_bytes(content)
    with open_slide(path) as slide:
        line = r"case_7\.tif: tile 9 of 30 at level 0 \(x 288, y 128\) is damaged \(.*Copy or scan"
        with pytest.raises(InputError, match=line):
            slide.windows([10, 300], [10, 200], 16)
        np.testing.assert_array_equal(slide.read(0, 0, 100, 100), SLIDE[:100, :100])


@pytest.mark.parametrize("options", [{}, {"tile": (64, 64)}, {"compression": "lzw"}])
def test_truncated_slides_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, SLIDE, photometric="rgb", **options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"a\.tif: .*damaged"), open_slide(path) as slide:
        slide.read(0, 0, 800, 600)


def test_a_stack_is_no_slide(tmp_path: Path) -> None:
    stack = np.zeros((3, 64, 64), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    with pytest.raises(InputError, match=r"a\.tif: 3 pictures of one size; a slide is one"):
        open_slide(tmp_path / "a.tif")


def test_a_pyramid_of_other_pixels_is_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        deep = SLIDE.astype(np.uint16)
        writer.write(deep, tile=(64, 64), subifds=1, photometric="rgb")
        writer.write(deep[::2, ::2], tile=(64, 64), subfiletype=1, photometric="rgb")
    with pytest.raises(InputError, match=r"a\.tif: 3 x uint16 of kind RGB.*expected 8-bit"):
        open_slide(tmp_path / "a.tif")


def test_transparent_is_white() -> None:
    pixels = np.array([[[10, 100, 200, 255], [10, 100, 200, 0], [10, 100, 200, 51]]], np.uint8)
    straight = [[10, 100, 200], [255, 255, 255], [206, 224, 244]]  # 0.2 ink, 0.8 white
    np.testing.assert_array_equal(on_white(pixels, "straight")[0], straight)
    premultiplied = pixels.copy()
    premultiplied[0, 1:, :3] = [[0, 0, 0], [2, 20, 40]]
    np.testing.assert_array_equal(on_white(premultiplied, "premultiplied")[0], straight)
    np.testing.assert_array_equal(on_white(pixels, "none")[0], pixels[0, :, :3])


def test_alpha_in_a_tiled_tiff(tmp_path: Path) -> None:
    alpha = np.full((600, 800, 1), 255, np.uint8)
    alpha[:, :10] = 0
    for kind, samples in {"unassalpha": SLIDE, "assocalpha": SLIDE * (alpha > 0)}.items():
        tifffile.imwrite(
            tmp_path / f"{kind}.tif", np.concatenate([samples, alpha], axis=2), tile=(64, 64),
            photometric="rgb", extrasamples=[kind],
        )  # fmt: skip
        with open_slide(tmp_path / f"{kind}.tif") as slide:
            read = slide.read(0, 0, 20, 20)
        assert (read[:, :10] == 255).all()
        np.testing.assert_array_equal(read[:, 10:], SLIDE[:20, 10:20])


def _places(file: tifffile.TiffFile) -> tuple[tuple[int, ...], tuple[int, ...]]:
    page = file.pages.first
    return page.dataoffsets, page.databytecounts
