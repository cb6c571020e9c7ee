"""Slides and other large images, opened by what the file is and read by region."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.array_slides import ArraySlide
from tumorboard.formats.images import identify, read_pixels
from tumorboard.formats.openslide_slides import OpenSlideSlide
from tumorboard.formats.pixels import Pixels, to_unit
from tumorboard.formats.slide_regions import Bytes, Slide, SlideInfo
from tumorboard.formats.slide_scale import per_unit, tiff_mpp
from tumorboard.formats.tiff_slides import open_tiff

__all__ = ["Slide", "SlideInfo", "open_slide"]

#: Endings of scanner makers' formats, which OpenSlide reads. Most are TIFFs with rules of their
#: own about what is a level and what a label, so here the name decides and not the content.
SCANNER_SUFFIXES = (
    ".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide",
)  # fmt: skip
#: What the cached pixels of a decoded image depend on besides its content.
_DECODED = {"slide": "8-bit rgb"}
_INCH = 25_400.0  # micrometre


def open_slide(path: Path, *, cache: Cache | None = None) -> Slide:
    """Open a slide, or any image, for reading by region.

    TIFFs without compression are memory-mapped; tiled and pyramidal ones are decoded by tile, so
    that memory does not grow with the slide; the formats of scanner makers are read through
    OpenSlide (extra `slides`). PNG, JPEG, single DICOM frames and other TIFFs are decoded once.

    Args:
        path: The slide.
        cache: Where decoded images are kept, by content; None decodes into memory each time.

    Raises:
        InputError: No slide or image, damaged, a stack, or too large to be decoded as a whole.
        RunError: OpenSlide is needed and not installed.
    """
    if path.suffix.lower() in SCANNER_SUFFIXES:
        if not path.is_file():
            raise InputError(f"{path}: no such file.")
        return OpenSlideSlide(path)
    kind = identify(path)
    slide = open_tiff(path) if kind == "TIFF" else None
    return slide if slide is not None else _decoded(path, kind, cache)


def _decoded(path: Path, kind: str, cache: Cache | None) -> Slide:
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
    height, width = pixels.shape[:2]
    return ArraySlide(SlideInfo(path, height, width, mpp=_mpp(path, kind)), pixels)


def _eight_bit_rgb(pixels: Pixels) -> Bytes:
    """(height, width, 3) in one byte; grey is all three colours, deeper images are rounded."""
    values = pixels.values
    if not pixels.is_eight_bit:
        values = np.rint(to_unit(pixels) * 255).astype(np.uint8)
    rgb = np.broadcast_to(values, (3, *values.shape[1:]))
    return np.ascontiguousarray(np.moveaxis(rgb, 0, -1))


def _mpp(path: Path, kind: str) -> float:
    """Micrometre per pixel of a decoded image; a density for the screen or printer is none."""
    if kind == "DICOM":
        return math.nan
    if kind == "TIFF":
        import tifffile

        with tifffile.TiffFile(path) as file:
            return tiff_mpp(file)
    from PIL import Image

    with Image.open(path) as image:
        density: Any = image.info.get("dpi", (math.nan, math.nan))
    return per_unit(float(density[0]), float(density[1]), _INCH)
