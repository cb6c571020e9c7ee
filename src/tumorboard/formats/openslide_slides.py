"""Slides of scanner makers (SVS, NDPI, MRXS, SCN, BIF) through OpenSlide."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.errors import InputError, RunError
from tumorboard.formats.slide_regions import Bytes, Slide, SlideInfo
from tumorboard.formats.slide_scale import checked
from tumorboard.formats.tiff_slides import on_white


class OpenSlideSlide(Slide):
    """A slide that OpenSlide reads; transparent pixels, where nothing was scanned, are white.

    Args:
        path: The slide; for MRXS the `.mrxs` file beside its folder.

    Raises:
        InputError: OpenSlide does not know the file, or it is damaged.
        RunError: OpenSlide is not installed.
    """

    def __init__(self, path: Path) -> None:
        openslide = _library(path)
        try:
            handle: Any = openslide.OpenSlide(str(path))
        except Exception as error:  # besides its own errors, ctypes' for odd names
            reason = str(error) or type(error).__name__
            raise InputError(
                f"{path}: OpenSlide cannot open it ({reason}). Copy or export the slide again."
            ) from error
        self._handle = handle
        sizes = [(int(height), int(width)) for width, height in handle.level_dimensions]
        mpp = [_number(handle.properties.get(f"openslide.mpp-{axis}")) for axis in "xy"]
        scale = tuple(float(found) for found in handle.level_downsamples)
        info = SlideInfo(path, *sizes[0], mpp=checked(*mpp), downsamples=scale)
        super().__init__(info, sizes)

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def _region(self, x: int, y: int, width: int, height: int, level: int) -> Bytes:
        scale = self.info.downsamples[level]
        corner = (round(x * scale), round(y * scale))  # OpenSlide counts in pixels of level 0
        try:
            region = self._handle.read_region(corner, level, (width, height))
        except Exception as error:  # besides its own errors, ctypes' after the file was closed
            raise InputError(
                f"{self.info.path}: damaged near x {corner[0]}, y {corner[1]} of level 0 ({error})."
                " Copy or scan the slide again."
            ) from error
        return on_white(np.asarray(region), "straight")


def _library(path: Path) -> Any:
    try:
        import openslide
    except ImportError as error:
        raise RunError(
            f"{path}: slides of this kind are read through OpenSlide, which is not installed. "
            'Run: pip install "tumorboard[slides]"'
        ) from error
    return openslide


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:  # a scanner's free text is no size
        return math.nan
