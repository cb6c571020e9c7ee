"""Slides and other large images, opened by what the file is and read by region."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tumorboard.cache import Cache
from tumorboard.formats.array_slides import ArraySlide
from tumorboard.formats.images import read_pixels
from tumorboard.formats.pixels import Pixels, to_unit
from tumorboard.formats.slide_regions import Bytes, Slide, SlideInfo, mirrored

__all__ = ["Slide", "SlideInfo", "mirrored", "open_slide"]

#: What the cached pixels of a decoded image depend on besides its content.
_DECODED = {"slide": "8-bit rgb"}


def open_slide(path: Path, *, cache: Cache | None = None) -> Slide:
    """Open a slide, or any image, for reading by region.

    Args:
        path: The slide.
        cache: Where decoded images are kept.
    """
    return _decoded(path, cache)


def _decoded(path: Path, cache: Cache | None) -> Slide:
    """An image that is decoded as a whole: once into the cache, or into memory without one."""
    if cache is None:
        pixels = _eight_bit_rgb(read_pixels(path))
    else:
        key = cache.key(_DECODED, path)
        kept = cache.load(key, mapped=True)
        if kept is None:
            cache.store(key, _eight_bit_rgb(read_pixels(path)))
            kept = cache.load(key, mapped=True)
        pixels = kept if kept is not None else _eight_bit_rgb(read_pixels(path))
    return ArraySlide(SlideInfo(path, *pixels.shape[:2]), pixels)


def _eight_bit_rgb(pixels: Pixels) -> Bytes:
    """(height, width, 3) in one byte; grey is all three colours, deeper images are rounded."""
    values = pixels.values
    if not pixels.is_eight_bit:
        values = np.rint(to_unit(pixels) * 255).astype(np.uint8)
    rgb = np.broadcast_to(values, (3, *values.shape[1:]))
    return np.ascontiguousarray(np.moveaxis(rgb, 0, -1))
