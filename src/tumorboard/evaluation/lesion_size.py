"""Size of one lesion: volume, longest axial diameter and its perpendicular, each with its error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.evaluation.mask_metrics import ML
from tumorboard.evaluation.surface_elements import cell_codes, element_sizes
from tumorboard.records import Bools, Floats
from tumorboard.transforms.mask_components import bounding_box
from tumorboard.transforms.mask_diameter import longest, outline


@dataclass(frozen=True)
class LesionSize:
    """How large a lesion is.

    Errors are half the width of what another contour of the same lesion would give: its border half
    a voxel (or a stated distance) further out or in, all around.

    Args:
        volume_ml: Volume.
        volume_error_ml: Area of the surface times the error of the border.
        diameter_mm: Longest diameter within one axial slice.
        perpendicular_mm: Longest diameter at a right angle to it, in the same slice.
        diameter_error_mm: The error of the border at both ends.
        slice: Number of that slice; -1 for an empty mask.
        ends: ((x, y), (x, y)) both ends of the longest diameter, in voxels of that slice.
    """

    volume_ml: float
    volume_error_ml: float
    diameter_mm: float
    perpendicular_mm: float
    diameter_error_mm: float
    slice: int
    ends: tuple[tuple[float, float], tuple[float, float]]


#: A lesion that has gone.
GONE = LesionSize(0.0, 0.0, 0.0, 0.0, 0.0, -1, ((0.0, 0.0), (0.0, 0.0)))


def measure_lesion(
    mask: Bools, spacing_mm: Sequence[float], *, border_error_mm: float = math.nan
) -> LesionSize:
    """Measure one lesion.

    The contour of a slice runs through the middles between voxels inside and outside; diameters are
    the exact longest distances of its convex hull (a lesion with an indentation is measured across
    it, as with a ruler). Of a round lesion that is up to a pixel more than its diameter, since the
    longest of all directions is taken.

    Args:
        mask: (X, Y, Z) True inside, the last axis from slice to slice.
        spacing_mm: Size of a voxel along each axis.
        border_error_mm: How far its border may be off; half a voxel (of its mean size) where NaN.

    Source:
        Longest and longest perpendicular diameter: Eisenhauer et al., Eur J Cancer 2009; 45: 228
        and Wen et al., J Clin Oncol 2010; 28: 1963.
    """
    if not mask.any():
        return GONE
    box = bounding_box(mask)
    inner = mask[box]
    x, y, z = (float(v) for v in spacing_mm)
    known = not math.isnan(border_error_mm)
    error = border_error_mm if known else (x * y * z) ** (1 / 3) / 2
    area = float(element_sizes((x, y, z))[cell_codes(inner)].sum())
    best: tuple[float, float, int, Floats] = (-1.0, 0.0, -1, np.zeros((2, 2)))
    for k in range(inner.shape[2]):
        if inner[..., k].any():
            hull = outline(inner[..., k], (x, y))
            length, ends = longest(hull)
            if length > best[0]:
                best = (length, perpendicular(hull, ends), k, ends)
    length, across, k, ends = best
    (ax, ay), (bx, by) = (
        (float(px) / x + box[0].start, float(py) / y + box[1].start) for px, py in ends
    )
    return LesionSize(
        int(inner.sum()) * x * y * z * ML, area * error * ML, length, across,
        2 * (error if known else math.sqrt(x * y) / 2), k + int(box[2].start),
        ((ax, ay), (bx, by)),
    )  # fmt: skip


def perpendicular(hull: Floats, ends: Floats) -> float:
    """Longest chord of a convex hull at a right angle to a line.

    The length of a chord is piecewise linear between the corners of the hull, so that the longest
    goes through one of them.
    """
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    u, v = hull @ along, hull @ np.asarray([-along[1], along[0]])
    start, end = int(u.argmin()), int(u.argmax())
    n = len(hull)
    one = [(start + k) % n for k in range((end - start) % n + 1)]
    other = [(end + k) % n for k in range((start - end) % n + 1)][::-1]
    low, high = (np.interp(u, u[side], v[side]) for side in (one, other))
    return float(np.abs(high - low).max())
