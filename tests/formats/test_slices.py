from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tumorboard.errors import InputError
from tumorboard.formats.slices import Slice, SliceFinder, middle_page


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """slice1.png, slice2.png, ..., slice12.png: natural order is not the order of the alphabet."""
    for k in range(1, 13):
        Image.new("L", (2, 2), k).save(tmp_path / f"slice{k}.png")
    Image.new("L", (2, 2)).save(tmp_path / "slice5.tif")
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / ".slice0.png").write_bytes(b"")
    return tmp_path


def names(finder: SliceFinder, *paths: Path) -> list[str]:
    return [item.path.stem.removeprefix("slice") for item in finder.find(paths)]


def test_one_file_takes_its_neighbours_of_the_same_kind(stack: Path) -> None:
    finder = SliceFinder(n_slices=3, step=1)
    assert names(finder, stack / "slice9.png") == ["8", "9", "10"]
    assert names(finder, stack / "slice5.png") == ["4", "5", "6"]
    assert names(SliceFinder(n_slices=5, step=2), stack / "slice6.png") == [
        "2",
        "4",
        "6",
        "8",
        "10",
    ]


def test_the_edge_slice_is_repeated(stack: Path) -> None:
    finder = SliceFinder(n_slices=5, step=1)
    assert names(finder, stack / "slice1.png") == ["1", "1", "1", "2", "3"]
    assert names(finder, stack / "slice12.png") == ["10", "11", "12", "12", "12"]


def test_a_folder_and_several_files_take_the_middle(stack: Path) -> None:
    (stack / "slice5.tif").unlink()
    finder = SliceFinder(n_slices=3, step=1)
    assert names(finder, stack) == ["6", "7", "8"]
    several = [stack / f"slice{k}.png" for k in (11, 2, 7)] + [stack / "notes.txt"]
    assert names(finder, *several) == ["2", "7", "11"]
    assert names(SliceFinder(n_slices=1, step=1), *several) == ["7"]


def test_pages_of_a_tiff_are_counted_from_its_middle(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 3, 3), np.uint8), photometric="minisblack")
    found = SliceFinder(n_slices=5, step=1).find((path,))
    assert found == tuple(Slice(path, offset) for offset in (-2, -1, 0, 1, 2))
    assert [middle_page(path, item.offset) for item in found] == [0, 1, 2, 3, 3]


def test_an_empty_folder_and_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a folder without images\. Expected files \.png"):
        SliceFinder(n_slices=3, step=1).find((tmp_path,))
    with pytest.raises(InputError, match=r"b\.png: no such file"):
        SliceFinder(n_slices=3, step=1).find((tmp_path / "b.png",))
