"""Which files are the slices of one stack: a folder, several files, the pages of a TIFF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.file_patterns import natural_key
from tumorboard.formats.images import SUFFIXES, n_pages

_TIFF_SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True, order=True)
class Slice:
    """One slice.

    Args:
        path: Its file.
        offset: Where the file has pages: how many pages from its middle one.
        box: What is cut out of it: top, bottom, left and right, then height and width of the whole
            in pixels; empty for all of it.
    """

    path: Path
    offset: int = 0
    box: tuple[int, ...] = ()

    def cut(self, values: NDArray[Any]) -> NDArray[Any]:
        """What the box covers of (..., height, width).

        Raises:
            InputError: The box was made for a picture of another size.
        """
        if not self.box:
            return values
        top, bottom, left, right, height, width = self.box
        if values.shape[-2:] != (height, width):
            raise InputError(
                f"{self.path}: {values.shape[-2]} x {values.shape[-1]} pixels, but the mask to "
                f"crop around has {height} x {width}."
            )
        return values[..., top:bottom, left:right]


def middle_page(path: Path, offset: int) -> int:
    """Page of `path` that is `offset` pages from its middle one; the edge page beyond the edges."""
    count = n_pages(path)
    return min(max(count // 2 + offset, 0), count - 1)


class SliceFinder:
    """Finds the slices of a row: one of them in the centre and its neighbours in natural order.

    A folder, several files and a TIFF with several pages are a stack whose middle slice is the
    centre. One single file is the centre among the files of its folder with its suffix. Beyond the
    edges of a stack the edge slice is repeated.

    Args:
        n_slices: Odd number of slices.
        step: Distance of neighbouring slices, in slices of the stack.
    """

    def __init__(self, *, n_slices: int, step: int) -> None:
        half = n_slices // 2
        self.n_slices = n_slices
        self._offsets = [step * k for k in range(-half, half + 1)]
        self._folders: dict[Path, tuple[Path, ...]] = {}

    def find(self, paths: tuple[Path, ...]) -> tuple[Slice, ...]:
        """Slices of the row that names `paths`, first to last.

        Raises:
            InputError: A folder without images, or a damaged TIFF.
        """
        stack = self.stack(paths)
        if len(stack) != 1:
            return self._around(stack, len(stack) // 2)
        path = stack[0]
        if len(self._offsets) == 1 or (path.suffix.lower() in _TIFF_SUFFIXES and n_pages(path) > 1):
            return tuple(Slice(path, offset) for offset in self._offsets)
        if paths[0].is_dir():
            return self._around(stack, 0)
        folder = tuple(p for p in self._listing(path.parent) if p.suffix == path.suffix)
        if path not in folder:
            raise InputError(f"{path}: no such file.")
        return self._around(folder, folder.index(path))

    def stack(self, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        """Images that the row names, in natural order; those of a folder where it names one.

        Among several files those whose suffix is no image's are left out, unless none has one.
        """
        if len(paths) != 1:
            images = [path for path in paths if path.suffix.lower() in SUFFIXES]
            return tuple(sorted(images or paths, key=_natural_order))
        path = paths[0]
        if not path.is_dir():
            return (path,)
        listing = tuple(p for p in self._listing(path) if p.suffix.lower() in SUFFIXES)
        if not listing:
            raise InputError(
                f"{path}: a folder without images. Expected files {', '.join(SUFFIXES)}."
            )
        return listing

    def _around(self, stack: Sequence[Path], centre: int) -> tuple[Slice, ...]:
        last = len(stack) - 1
        return tuple(Slice(stack[min(max(centre + k, 0), last)]) for k in self._offsets)

    def _listing(self, folder: Path) -> tuple[Path, ...]:
        if folder not in self._folders:
            found = (p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
            self._folders[folder] = tuple(sorted(found, key=_natural_order))
        return self._folders[folder]


def _natural_order(path: Path) -> tuple[tuple[int, int, str], ...]:
    return natural_key(path.name)
