"""Numbers of masks, and grids that go through the cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.errors import InputError
from tumorboard.formats.images import read_pixels
from tumorboard.transforms.cases import OwnGrid, checked_numbers

_WHERE = Path("mask.png")


def test_numbers_are_kept_and_white_is_a_lone_label() -> None:
    values = np.array([[0, 1], [2, 255]])
    np.testing.assert_array_equal(checked_numbers(values, [1], _WHERE), values)
    np.testing.assert_array_equal(checked_numbers(np.array([0, 255]), [3], _WHERE), [0, 3])
    np.testing.assert_array_equal(checked_numbers(np.array([0, 2]), [1], _WHERE), [0, 2])
    with pytest.raises(InputError, match="255 alone"):
        checked_numbers(np.array([0, 255]), [1, 2], _WHERE)


@pytest.mark.parametrize("value", [0.5, -1, 256])
def test_no_whole_number_of_a_byte_is_no_label(value: float) -> None:
    with pytest.raises(InputError):
        checked_numbers(np.array([0, value]), [1], _WHERE)


def test_greys_of_a_jpeg_are_no_labels(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:64, :64]
    disc = ((rows - 30) ** 2 + (columns - 34) ** 2 < 300).astype(np.uint8) * np.uint8(255)
    Image.fromarray(disc).save(tmp_path / "mask.jpg", quality=80)
    values = read_pixels(tmp_path / "mask.jpg").values[0]
    assert 1 in values  # where compressed, some pixels happen to hold the label
    with pytest.raises(InputError, match="greys"):
        checked_numbers(values, [1], tmp_path / "mask.jpg")


def test_a_grid_is_what_it_was() -> None:
    grid = OwnGrid((4, 5, 6), (1.0, 2.0, 0.5), np.diag([1.0, 2, 0.5, 1]), True)
    again = OwnGrid.decoded(grid.encoded())
    assert (again.shape, again.spacing, again.is_known) == (grid.shape, grid.spacing, True)
    np.testing.assert_array_equal(again.affine, grid.affine)
