"""Contrast of an image or a volume spread by its histogram: globally, or tile by tile."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools

Equalise = Literal["none", "histogram", "clahe"]

#: Share of a tile's histogram above which a grey value's count is cut (contrast limit).
_CLIP_LIMIT = 0.01
_N_GREYS = 256


def equalised(
    values: NDArray[Any], how: Equalise, *, inside: Bools | None = None
) -> NDArray[np.float32]:
    """One grey channel of any number of axes in 0..1, with its greys spread over 0..1.

    What is as dark as the darkest stays black and does not count: a background of half the picture
    would otherwise lift everything else into the upper half.

    Args:
        values: Intensities in 0..1.
        how: "histogram" makes all greys equally frequent; "clahe" does so within tiles of an eighth
            of each side, with limited contrast, and blends the tiles.
        inside: What counts, such as what a scanner recorded; None is everything.

    Source:
        Pizer et al., Computer Vision, Graphics, and Image Processing 1987; Zuiderveld, Graphics
        Gems IV 1994 (CLAHE); both as scikit-image has them.
    """
    found = np.asarray(values, dtype=np.float32)
    counted = np.ones(found.shape, dtype=np.bool_) if inside is None else inside
    if how == "none" or not counted.any():
        return found
    dark = float(found[counted].min())
    if how == "clahe":
        return _by_tiles(found, dark)
    from skimage.exposure import equalize_hist

    counted = counted & (found > dark)
    if not counted.any():  # one grey: nothing to spread
        return found
    spread = np.asarray(equalize_hist(found, nbins=_N_GREYS, mask=counted), dtype=np.float32)
    return np.where(found > dark, spread, np.float32(0)).astype(np.float32)


def equalised_picture(picture: NDArray[Any], how: Equalise) -> NDArray[Any]:
    """A picture (C, H, W), bytes or float32 in 0..1, as it was kept; colours keep their hue.

    Of a colour picture the value of HSV (its strongest colour) is spread, and the others with it.
    """
    if how == "none":
        return picture
    is_bytes = picture.dtype == np.uint8
    unit = picture.astype(np.float32) / np.float32(255) if is_bytes else picture
    value = unit.max(axis=0)
    spread = equalised(value, how)
    gain = np.divide(spread, value, out=np.zeros_like(spread), where=value > 0)
    result = np.clip(unit * gain, 0, 1) if len(unit) > 1 else spread[np.newaxis]
    return np.rint(result * 255).astype(np.uint8) if is_bytes else result.astype(np.float32)


def _by_tiles(values: NDArray[np.float32], dark: float) -> NDArray[np.float32]:
    from skimage.exposure import equalize_adapthist

    if float(values.max()) <= dark:
        return values
    tiles = [max(1, side // 8) for side in values.shape]
    spread = equalize_adapthist(values, kernel_size=tiles, clip_limit=_CLIP_LIMIT, nbins=_N_GREYS)
    return np.where(values > dark, np.asarray(spread), 0).astype(np.float32)
