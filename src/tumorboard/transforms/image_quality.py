"""How good an image is, in numbers that a person would check: sharp, clean, full of detail."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats
from tumorboard.transforms.weighted import weighted_quantile

#: Measure -> which side of the training images is poor.
POOR_SIDE: Mapping[str, str] = {
    "sharpness": "low",
    "contrast": "low",
    "noise": "high",
    "saturation": "high",
    "detail": "low",
}
QUALITIES = tuple(POOR_SIDE)
#: Smaller images than this have no neighbours to measure, in pixels.
MIN_SIZE = 4
#: Of fewer training images nobody can say what is usual.
FEWEST = 20
#: Poor is beyond this percentile of the training images (or its mirror on the low side) ...
_EXTREME = 0.995
#: ... and further out by this share of the percentile's own distance from the median, so that
#: about one image in 200 per measure is not flagged for being the last of its kind.
_MARGIN = 0.25
#: Least distance from the percentile: a factor of exp(0.1), or a share of 0.01 of the pixels.
_LEAST = {"saturation": 0.01}
_LEAST_LOG = 0.1
#: Intensities this near to black or white (of 0..1) are at the end of the range.
_END = 1.5 / 255
#: Logarithms start here: below one part in 10,000 of the range an image is constant.
_FLOOR = 1e-4


def measure_quality(grey: NDArray[np.float32]) -> Floats:
    """Quality of grey images: (n, len(QUALITIES)); NaN for images under `MIN_SIZE` pixels.

    sharpness: variance of the Laplacian. contrast: standard deviation. noise: standard deviation
    that a mask insensitive to edges sees. saturation: share of pixels at either end of the range.
    detail: what is lost when 2 x 2 pixels become one, relative to the contrast.

    Args:
        grey: (n, H, W) in 0..1.

    Source:
        Sharpness: Pech-Pacheco et al., ICPR 2000. Noise: Immerkaer, Computer Vision and Image
        Understanding 1996; 64: 300-302.
    """
    n, height, width = grey.shape
    if min(height, width) < MIN_SIZE:
        return np.full((n, len(QUALITIES)), np.nan)
    middle = grey[:, 1:-1, 1:-1]
    cross = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    corners = grey[:, :-2, :-2] + grey[:, :-2, 2:] + grey[:, 2:, :-2] + grey[:, 2:, 2:]
    laplacian = cross - 4 * middle
    edgeless = corners - 2 * cross + 4 * middle
    contrast = grey.std(axis=(1, 2), dtype=np.float64)
    noise = math.sqrt(math.pi / 2) / 6 * np.abs(edgeless).mean(axis=(1, 2), dtype=np.float64)
    is_end = (grey <= _END) | (grey >= 1 - _END)
    columns = [
        laplacian.var(axis=(1, 2), dtype=np.float64),
        contrast,
        noise,
        is_end.mean(axis=(1, 2)),
        _lost_by_halving(grey) / np.maximum(contrast, _FLOOR),
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def reference_of(quality: Floats, weight: Floats) -> dict[str, Any]:
    """What the training images are like, as plain data: limits and percentiles of each measure.

    Args:
        quality: (images, measures) of training images.
        weight: (images,) weight of each.

    Returns:
        Measure -> `limit` (poor is beyond it), `extreme` (the percentile) and `median`; empty where
        the images are too small to measure, or too few to say what is usual.
    """
    found: dict[str, Any] = {}
    if len(quality) < FEWEST:
        return found
    for k, name in enumerate(QUALITIES):
        values = quality[:, k]
        if len(values) == 0 or not np.isfinite(values).all():
            return {}
        scaled = _scaled(name, values)
        is_low = POOR_SIDE[name] == "low"
        extreme = weighted_quantile(scaled, weight, 1 - _EXTREME if is_low else _EXTREME)
        median = weighted_quantile(scaled, weight, 0.5)
        reach = max(_MARGIN * abs(extreme - median), _LEAST.get(name, _LEAST_LOG))
        limit = extreme - reach if is_low else extreme + reach
        found[name] = {
            "limit": _unscaled(name, limit),
            "extreme": _unscaled(name, extreme),
            "median": _unscaled(name, median),
        }
    return found


def is_poor(quality: Floats, reference: Mapping[str, Any]) -> Bools:
    """(images, measures): which measures of which images lie beyond the training images."""
    poor = np.zeros(quality.shape, dtype=np.bool_)
    for k, name in enumerate(QUALITIES if reference else ()):
        limit = float(reference[name]["limit"])
        low = POOR_SIDE[name] == "low"
        poor[:, k] = quality[:, k] < limit if low else quality[:, k] > limit
    return poor


def say_poor(name: str, value: float, reference: Mapping[str, Any]) -> str:
    """`sharpness 0.0001, below 99.5 % of the training images (from 0.0012 up)`."""
    extreme = float(reference[name]["extreme"])
    side, way = ("below", "up") if POOR_SIDE[name] == "low" else ("above", "down")
    share = f"{100 * _EXTREME:g} %"
    return f"{name} {value:.3g}, {side} {share} of the training images (from {extreme:.3g} {way})"


def poor_notes(
    quality: Floats, reference: Mapping[str, Any], patients: Sequence[str], *, what: str
) -> tuple[str, ...]:
    """One sentence for each picture that is poorer than nearly all training pictures were.

    Args:
        quality: (n, measures) of the pictures.
        reference: What `reference_of` gave.
        patients: Whose picture each is.
        what: How one picture is called, such as "image".
    """
    poor = is_poor(quality, reference)
    return tuple(
        f"the {what} of patient {patients[int(i)]} is too poor to rely on: "
        + "; ".join(
            say_poor(QUALITIES[k], float(quality[i, k]), reference) for k in np.flatnonzero(poor[i])
        )
        for i in np.flatnonzero(poor.any(axis=1))
    )


def _lost_by_halving(grey: NDArray[np.float32]) -> Floats:
    """Root mean square difference between an image and the means of its 2 x 2 blocks."""
    n, height, width = grey.shape
    even = grey[:, : height // 2 * 2, : width // 2 * 2]
    blocks = even.reshape(n, height // 2, 2, width // 2, 2)
    rest = blocks - blocks.mean(axis=(2, 4), keepdims=True)
    return np.sqrt(np.square(rest).mean(axis=(1, 2, 3, 4), dtype=np.float64))


def _scaled(name: str, values: Floats) -> Floats:
    return values if name in _LEAST else np.log(np.maximum(values, _FLOOR**2))


def _unscaled(name: str, value: float) -> float:
    return value if name in _LEAST else math.exp(value)
