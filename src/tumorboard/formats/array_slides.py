"""Slides whose pixels lie in one array: memory-mapped TIFFs and decoded images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tumorboard.formats.slide_regions import Bytes, Slide, SlideInfo


class ArraySlide(Slide):
    """A slide of one level whose pixels lie in an array, mapped from the disk or in memory.

    Args:
        info: Size and scale.
        pixels: (height, width, 3) uint8.
    """

    def __init__(self, info: SlideInfo, pixels: Bytes) -> None:
        super().__init__(info)
        # The plain array: each slice of a `memmap` would pay for being one.
        self._pixels = pixels.view(np.ndarray)

    def close(self) -> None:
        """Let go of the pixels; the mapping ends with the last array cut from it."""
        self._pixels = np.empty((0, 0, 3), dtype=np.uint8)

    def _region(self, x: int, y: int, width: int, height: int, level: int) -> Bytes:
        del level
        return self._pixels[y : y + height, x : x + width].copy()

    def _fill(self, out: Bytes, left: NDArray[np.int64], top: NDArray[np.int64]) -> None:
        size = out.shape[1]
        height, width = self.level_sizes[0]
        inside = (left >= 0) & (top >= 0) & (left <= width - size) & (top <= height - size)
        pixels = self._pixels
        if inside.all():
            corners = zip(left.tolist(), top.tolist(), strict=True)
            for i, (x, y) in enumerate(corners):
                out[i] = pixels[y : y + size, x : x + size]
            return
        for i, is_inside in enumerate(inside.tolist()):
            x, y = int(left[i]), int(top[i])
            if is_inside:
                out[i] = pixels[y : y + size, x : x + size]
            else:
                out[i] = self.read(x, y, size, size)
