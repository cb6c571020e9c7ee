"""What every slide can do, whatever its file: regions and windows, mirrored at the borders."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tumorboard.errors import InputError

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class SlideInfo:
    """Size and scale of one slide.

    Args:
        path: The file.
        height_px: Height of level 0, the finest.
        width_px: Width of level 0.
        mpp: Micrometre per pixel of level 0; NaN where the file does not say.
        downsamples: How many pixels of level 0 one pixel of each level spans; 1.0 first.
    """

    path: Path
    height_px: int
    width_px: int
    mpp: float = math.nan
    downsamples: tuple[float, ...] = (1.0,)


class Slide(ABC):
    """One picture of any size, read by region; use as a context manager or call `close`.

    Args:
        info: Size and scale.
        level_sizes: (height, width) of each level in its own pixels; level 0 alone where left out.
    """

    def __init__(self, info: SlideInfo, level_sizes: Sequence[tuple[int, int]] = ()) -> None:
        self.info = info
        self.level_sizes = tuple(level_sizes) or ((info.height_px, info.width_px),)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Let go of the file and of what was kept of it."""

    @abstractmethod
    def _region(self, x: int, y: int, width: int, height: int, level: int) -> Bytes:
        """Pixels (height, width, 3) of a region that lies wholly inside the level."""

    def read(self, x: int, y: int, width: int, height: int, *, level: int = 0) -> Bytes:
        """Pixels (height, width, 3) of one region; what lies outside is mirrored.

        Args:
            x: Left edge in pixels of `level`; may lie outside.
            y: Top edge in pixels of `level`; may lie outside.
            width: Pixels to the right.
            height: Pixels down.
            level: Level of the pyramid, 0 the finest.

        Raises:
            InputError: No such level, a region without pixels or larger than the level, or pixels
                that are damaged.
        """
        rows, columns = self._sizes(level, width, height)
        if 0 <= x <= columns - width and 0 <= y <= rows - height:
            return self._region(x, y, width, height, level)
        from_row, from_column = mirrored(y, height, rows), mirrored(x, width, columns)
        top, left = int(from_row.min()), int(from_column.min())
        box = (int(from_column.max()) + 1 - left, int(from_row.max()) + 1 - top)
        region = self._region(left, top, *box, level)
        return region[np.ix_(from_row - top, from_column - left)]

    def windows(self, x_px: ArrayLike, y_px: ArrayLike, size_px: int) -> Bytes:
        """Square windows (n, 3, size, size) of level 0 around centres, mirrored at the borders.

        In memory the channels of one pixel lie side by side (torch's channels_last): copying rows
        of the file as they are is several times faster than sorting colours apart.

        Args:
            x_px: (n,) centres in pixels of level 0, from the left edge of the slide.
            y_px: (n,) centres from the top edge.
            size_px: Side of the windows. The corner is the centre less half of it, rounded half up.

        Raises:
            InputError: Windows larger than the slide, centres that are not numbers, or pixels that
                are damaged.
        """
        self._sizes(0, size_px, size_px)
        left, top = self._corners(x_px, size_px), self._corners(y_px, size_px)
        if left.shape != top.shape:
            raise InputError(
                f"{self.info.path}: {len(left)} x but {len(top)} y of centres; expected as many."
            )
        out = np.empty((len(left), size_px, size_px, 3), dtype=np.uint8)
        self._fill(out, left, top)
        return np.moveaxis(out, -1, 1)

    def _fill(self, out: Bytes, left: NDArray[np.int64], top: NDArray[np.int64]) -> None:
        """Fill (n, size, size, 3) with the windows at these corners."""
        size = out.shape[1]
        for i in self._order(left, top).tolist():
            out[i] = self.read(int(left[i]), int(top[i]), size, size)

    def _order(self, left: NDArray[np.int64], top: NDArray[np.int64]) -> NDArray[np.int64]:
        """In which order windows are read; the order given by default."""
        del top
        return np.arange(len(left))

    def best_level(self, downsample: float) -> int:
        """The coarsest level that is at least as fine as `downsample`."""
        fine = [k for k, found in enumerate(self.info.downsamples) if found <= downsample * 1.01]
        return max(fine, key=lambda k: self.info.downsamples[k], default=0)

    def _sizes(self, level: int, width: int, height: int) -> tuple[int, int]:
        path = self.info.path
        if not 0 <= level < len(self.level_sizes):
            raise InputError(f"{path}: no level {level}; the slide has {len(self.level_sizes)}.")
        rows, columns = self.level_sizes[level]
        if not (1 <= height <= rows and 1 <= width <= columns):
            raise InputError(
                f"{path}: a window of {width} x {height} pixels (width x height); the slide has "
                f"{columns} x {rows} at level {level}. Choose a window that fits."
            )
        return rows, columns

    def _corners(self, centres: ArrayLike, size_px: int) -> NDArray[np.int64]:
        values: NDArray[Any] = np.atleast_1d(np.asarray(centres, dtype=np.float64))
        if not np.isfinite(values).all():
            n = int((~np.isfinite(values)).sum())
            raise InputError(f"{self.info.path}: {n} of {len(values)} centres are not numbers.")
        return np.floor(values - size_px / 2 + 0.5).astype(np.int64)


def mirrored(start: int, length: int, size: int) -> NDArray[np.int64]:
    """Where `length` pixels from `start` come from on an axis of `size`.

    The rule of `np.pad(mode="reflect")`: the border pixel itself is not repeated.
    """
    period = max(2 * (size - 1), 1)
    place = np.arange(start, start + length, dtype=np.int64) % period
    return np.where(place < size, place, period - place)
