"""Levels of a TIFF slide: which pages they are, and how each is cut into tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_JPEG = 7  # TIFF: compression
_MINISBLACK, _RGB, _YCBCR = 1, 2, 6  # TIFF: photometric interpretation


def pyramid(file: Any) -> list[Any]:
    """The pages of the first picture, finest first.

    Beside the levels that tifffile sees also smaller pages of the same shape that are tiled or say
    that they are reduced. Sizes may be rounded either way at each level: libvips rounds down.
    """
    levels = [level.keyframe for level in file.series[0].levels]
    widths = {page.imagewidth for page in levels}
    found = [page for page in list(file.pages)[1:] if _is_reduced(page, levels[0])]
    levels += [page for page in found if page.imagewidth not in widths]
    return sorted(levels, key=lambda page: -page.imagewidth)


def _is_reduced(page: Any, first: Any) -> bool:
    ratio = first.imagewidth / page.imagewidth
    return (
        ratio > 1
        and (page.is_tiled or page.is_reduced)
        and (page.samplesperpixel, page.dtype) == (first.samplesperpixel, first.dtype)
        and abs(page.imagelength * ratio - first.imagelength) <= 2 * ratio
    )


@dataclass(frozen=True)
class TiffLevel:
    """One level: its size and how it is cut into tiles (strips are tiles as wide as the level).

    Args:
        page: Its `tifffile.TiffPage`.
        height: In pixels of the level.
        width: In pixels of the level.
        tile_height: Rows of a tile or strip.
        tile_width: Columns of a tile; the width of the level for strips.
    """

    page: Any
    height: int
    width: int
    tile_height: int
    tile_width: int

    @staticmethod
    def of(page: Any) -> TiffLevel:
        """The level that a page holds."""
        height, width = int(page.imagelength), int(page.imagewidth)
        if page.is_tiled:
            return TiffLevel(page, height, width, int(page.tilelength), int(page.tilewidth))
        return TiffLevel(page, height, width, min(int(page.rowsperstrip), height), width)

    @property
    def across(self) -> int:
        """Tiles from left to right."""
        return -(-self.width // self.tile_width)

    @property
    def down(self) -> int:
        """Tiles from top to bottom."""
        return -(-self.height // self.tile_height)

    @property
    def is_plain(self) -> bool:
        """True where each tile decodes to 8-bit grey or RGB, with or without an alpha channel."""
        page = self.page
        is_colour = page.photometric == _RGB or (
            page.photometric == _YCBCR and page.compression == _JPEG
        )
        known = (3, 4) if is_colour else (1,) if page.photometric == _MINISBLACK else ()
        is_turned = page.tags.valueof(274, default=1) != 1
        return page.dtype == np.uint8 and page.samplesperpixel in known and not is_turned

    def downsample(self, other: TiffLevel) -> float:
        """How many pixels of this level one pixel of the other spans, along the longer side."""
        if self.width >= self.height:
            return self.width / other.width
        return self.height / other.height
