"""Pixels of one image with the values that mean black and white, and their way to 0..1."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError

#: Largest number of pixels that is decoded: Pillow's own limit against decompression bombs.
MAX_PIXELS = 1024 * 1024 * 1024 // 4 // 3

#: `declared`: what the file says, a DICOM window before the range of its stored bits.
#: `stored`: the range of the stored bits. `percentile`: of the image itself, 0.5 to 99.5 %.
Window = Literal["declared", "stored", "percentile"]

_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class Pixels:
    """One decoded image.

    Args:
        path: Where it came from, for messages.
        values: (C, H, W), C is 1 (grey) or 3 (red, green, blue), in the type the file stores.
        stored: Lowest and highest value that the file's bits can hold; None where the file does not
            say, as in floating-point TIFF.
        window: Values shown as black and white by the file's own display window; None without one.
        problem: Why the file's own display window cannot be used; "" where it can.
    """

    path: Path
    values: NDArray[Any]
    stored: tuple[float, float] | None
    window: tuple[float, float] | None = None
    problem: str = ""

    @property
    def is_eight_bit(self) -> bool:
        """True where 0..255 in one byte says everything that `declared` needs."""
        return self.values.dtype == np.uint8 and self.stored == (0, 255) and self.window is None


def check_pixel_count(path: Path, height: int, width: int) -> None:
    """Refuse an image by its header, before anything is decoded.

    Raises:
        InputError: No pixels at all, or more than `MAX_PIXELS`.
    """
    if height < 1 or width < 1:
        raise InputError(f"{path}: the image has no pixels ({height} x {width}). Export it again.")
    if height * width > MAX_PIXELS:
        raise InputError(
            f"{path}: {height} x {width} pixels, more than the limit of {MAX_PIXELS}. "
            "Crop or downsample the image first."
        )


def to_unit(pixels: Pixels, *, window: Window = "declared") -> NDArray[np.float32]:
    """Intensities as float32 in 0..1, black to white; values outside the window are clipped.

    Raises:
        InputError: The file does not say what black and white are and `window` is not
            `percentile`; or its pixels hold NaN or infinity.
    """
    values = pixels.values.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{pixels.path}: pixels that are NaN or infinite. Export the image again.")
    low, high = _limits(pixels, values, window)
    if high <= low:  # a constant image has no contrast to stretch
        return np.zeros(values.shape, dtype=np.float32)
    return np.clip((values - low) / (high - low), 0.0, 1.0).astype(np.float32)


def _limits(pixels: Pixels, values: NDArray[np.float64], window: Window) -> tuple[float, float]:
    if window == "percentile":
        low, high = np.percentile(values, _PERCENTILES)
        return float(low), float(high)
    if window == "declared" and pixels.problem:
        raise InputError(
            f"{pixels.path}: {pixels.problem}. "
            'Set window = "stored" or "percentile" for this modality.'
        )
    if window == "declared" and pixels.window is not None:
        return pixels.window
    if pixels.stored is None:
        raise InputError(
            f"{pixels.path}: {pixels.values.dtype} pixels, {values.min():g} to {values.max():g}, "
            "without a declared range, so black and white are unknown. "
            'Set window = "percentile" for this modality, or save the image as 8 or 16 bit.'
        )
    return pixels.stored
