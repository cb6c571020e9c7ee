"""Masks of pictures on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tumorboard.formats.images import read_pixels
from tumorboard.formats.mask_pictures import write_mask_picture


def test_numbers_come_back_as_they_were(tmp_path: Path) -> None:
    numbers = np.array([[0, 1, 2], [255, 0, 7]], dtype=np.uint8)
    path = tmp_path / "masks" / "p1.png"
    write_mask_picture(path, numbers[:, ::-1])
    with Image.open(path) as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), numbers[:, ::-1])
    np.testing.assert_array_equal(read_pixels(path).values[0], numbers[:, ::-1])
    assert [p.name for p in path.parent.iterdir()] == ["p1.png"]
