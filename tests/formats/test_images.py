"""Images by content: value ranges, orientation, alpha, and everything that must be refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tumorboard.errors import InputError
from tumorboard.formats.images import identify, n_pages, read_image, read_pixels
from tumorboard.formats.pixels import MAX_PIXELS, to_unit

GREY = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
COLOUR = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14


def save(path: Path, array: np.ndarray, **options: Any) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_and_colour_keep_their_bytes(tmp_path: Path, suffix: str) -> None:
    grey = read_image(save(tmp_path / f"grey.{suffix}", GREY))
    colour = read_image(save(tmp_path / f"colour.{suffix}", COLOUR))
    assert grey.dtype == colour.dtype == np.uint8
    np.testing.assert_array_equal(grey, GREY[np.newaxis])
    np.testing.assert_array_equal(colour, np.moveaxis(COLOUR, -1, 0))


def test_jpeg_is_close_to_its_source(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    image = read_image(save(tmp_path / "a.jpg", smooth, quality=95))
    assert image.shape == (1, 64, 64)
    assert np.abs(image[0].astype(int) - smooth).max() <= 3


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_stay_sixteen(tmp_path: Path, suffix: str) -> None:
    deep = np.array([[0, 1, 255], [256, 40000, 65535]], dtype=np.uint16)
    pixels = read_pixels(save(tmp_path / f"a.{suffix}", deep))
    assert pixels.values.dtype == np.uint16
    np.testing.assert_array_equal(pixels.values[0], deep)
    np.testing.assert_allclose(to_unit(pixels)[0], deep / 65535, rtol=1e-6)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_sixteen_bit_colour_tiff_is_not_cut_to_eight(tmp_path: Path, planar: str) -> None:
    deep = COLOUR.astype(np.uint16) * 257 + 3
    stored = deep if planar == "contig" else np.moveaxis(deep, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.moveaxis(deep, -1, 0))


def test_white_is_zero_is_inverted_once(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16):
        stored = np.array([[0, 10], [200, 250]], dtype=dtype)
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite")
        expected = np.iinfo(dtype).max - stored
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[0], expected)


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    bits = np.array([[True, False, True]])
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.png", bits))[0], [[255, 0, 255]])


def test_palette_becomes_rgb(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 210, 220])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.png"), [[[10, 200]], [[20, 210]], [[30, 220]]]
    )


def test_opaque_alpha_is_dropped_and_transparency_refused(tmp_path: Path) -> None:
    rgba = np.dstack([COLOUR, np.full((2, 3), 255, dtype=np.uint8)])
    np.testing.assert_array_equal(
        read_image(save(tmp_path / "a.png", rgba)), np.moveaxis(COLOUR, -1, 0)
    )
    grey_alpha = np.dstack([GREY, np.full((2, 3), 255, dtype=np.uint8)])
    np.testing.assert_array_equal(read_image(save(tmp_path / "b.png", grey_alpha))[0], GREY)
    rgba[0, 0, 3] = 254
    with pytest.raises(InputError, match=r"c\.png: has transparent pixels"):
        read_image(save(tmp_path / "c.png", rgba))


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = np.kron(np.array([[0, 80, 160], [200, 120, 40]]), np.ones((16, 16)))
    # EXIF 2.3, tag 0x0112: how rows and columns of the stored image lie in the upright one.
    to_stored = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose,
        6: np.rot90, 7: lambda a: np.rot90(a, 2).T, 8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = to_stored[orientation](upright).astype(np.uint8)
    options = {"quality": 100} if suffix == "jpg" else {}
    path = save(tmp_path / f"a.{suffix}", stored, exif=exif, **options)
    image = read_image(path)[0].astype(int)
    assert image.shape == upright.shape
    assert np.abs(image - upright).max() <= 2


def test_pages_of_a_tiff(tmp_path: Path) -> None:
    pages = [np.full((4, 5), 10 * k, dtype=np.uint8) for k in range(3)]
    tifffile.imwrite(tmp_path / "a.tif", np.stack(pages), photometric="minisblack")
    assert n_pages(tmp_path / "a.tif") == 3
    assert read_image(tmp_path / "a.tif", page=2).max() == 20
    with pytest.raises(InputError, match="no page 4; the file has 3"):
        read_image(tmp_path / "a.tif", page=3)
    assert n_pages(save(tmp_path / "a.png", GREY)) == 1


def test_pages_of_different_sizes_are_no_stack(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((8, 8), np.uint8))
        writer.write(np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="2 pages have 2 different sizes"):
        n_pages(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<!DOCTYPE html><html>login</html>", "an HTML page"),
        (b"\xef\xbb\xbf <html>", "an HTML page"),
        (b"MZ\x90\x00" + bytes(200), "a Windows program"),
        (b"\x7fELF" + bytes(200), "a Linux program"),
        (b"PK\x03\x04" + bytes(200), "a ZIP archive"),
        (b"GIF89a" + bytes(200), "a GIF image"),
        (b"", "an empty file"),
        (b"hello, world", "unknown content"),
    ],
)
def test_other_content_is_refused_whatever_the_name(
    tmp_path: Path, content: bytes, found: str
) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"scan\.png: found {found}.*expected a PNG"):
        read_image(path)


def test_a_jpeg_named_png_is_read_as_what_it_is(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", GREY).rename(tmp_path / "a.png")
    assert identify(tmp_path / "a.png") == "JPEG"
    assert read_image(tmp_path / "a.png").shape == (1, 2, 3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_images_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (80, 90), dtype=np.uint8)
    path = save(tmp_path / f"a.{suffix}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=rf"a\.{suffix}: damaged or unreadable"):
        read_image(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_png_is_never_read_as_another_picture(
    tmp_path: Path, data: st.DataObject
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (20, 30), dtype=np.uint8)
    path = save(tmp_path / "a.png", noise)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(8, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        image = read_image(path)
    except InputError:
        return
    np.testing.assert_array_equal(image[0], noise)


def test_what_cannot_be_shown_as_grey_or_rgb_is_refused(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4)).save(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="pixels are CMYK; expected grey or RGB"):
        read_image(tmp_path / "a.jpg")


def test_sixteen_bit_colour_png_is_refused_since_bits_would_be_lost(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" + bytes(6))
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )
    with pytest.raises(InputError, match="16 bits per colour"):
        read_image(tmp_path / "a.png")


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    import struct
    import zlib

    path = save(tmp_path / "a.png", GREY)
    content = bytearray(path.read_bytes())
    for side in (10_000, 60_000):  # over the limit once and 40 times: Pillow warns, Pillow refuses
        content[16:24] = struct.pack(">II", side, side)
        content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
        path.write_bytes(content)
        assert side * side > MAX_PIXELS
        with pytest.raises(InputError, match=r"a\.png: .*(exceeds limit|more than the limit)"):
            read_image(path)


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_image(tmp_path / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path / "b.png")


def test_float_tiff_needs_to_be_told_black_and_white(tmp_path: Path) -> None:
    ramp = np.linspace(-3, 9, 201, dtype=np.float32).reshape(3, 67)
    tifffile.imwrite(tmp_path / "a.tif", ramp)
    pixels = read_pixels(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r'a\.tif: float32 pixels, -3 to 9.*"percentile"'):
        to_unit(pixels)
    unit = to_unit(pixels, window="percentile")[0]
    low, high = np.percentile(ramp, [0.5, 99.5])
    np.testing.assert_allclose(unit, np.clip((ramp - low) / (high - low), 0, 1), atol=1e-6)


def test_nan_pixels_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, np.nan]], dtype=np.float32))
    with pytest.raises(InputError, match="NaN or infinite"):
        to_unit(read_pixels(tmp_path / "a.tif"), window="percentile")


def test_a_constant_image_has_no_contrast_to_stretch(tmp_path: Path) -> None:
    pixels = read_pixels(save(tmp_path / "a.png", np.full((2, 2), 77, np.uint8)))
    np.testing.assert_allclose(to_unit(pixels), np.full((1, 2, 2), 77 / 255), rtol=1e-6)
    assert to_unit(pixels, window="percentile").max() == 0
