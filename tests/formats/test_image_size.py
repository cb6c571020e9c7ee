"""Sizes from headers are those of the decoded image, rotation tags included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tumorboard.errors import InputError
from tumorboard.formats.image_size import read_image_size
from tumorboard.formats.images import read_image


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_size_is_that_of_the_decoded_image(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if suffix == ".tif":
        image.save(path, tiffinfo={0x0112: orientation})
    else:
        image.save(path, exif=exif)
    _, height, width = read_image(path).shape
    assert read_image_size(path) == (width, height)


def test_first_level_of_a_pyramid_beyond_what_is_decoded(tmp_path: Path) -> None:
    tile = np.zeros((512, 512), np.uint8)
    with tifffile.TiffWriter(tmp_path / "slide.svs", bigtiff=True) as writer:
        writer.write(
            (tile for _ in range(20 * 20)), shape=(10_000, 10_016), dtype=np.uint8, tile=(512, 512),
            compression="zlib",
        )  # fmt: skip
        writer.write(tile)
    assert read_image_size(tmp_path / "slide.svs") == (10_016, 10_000)


def test_damaged_headers(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    with pytest.raises(InputError, match=r"a\.png: the image has no pixels"):
        read_image_size(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"GIF89a")
    with pytest.raises(InputError, match="found a GIF image"):
        read_image_size(tmp_path / "b.png")
