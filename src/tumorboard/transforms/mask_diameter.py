"""Longest diameter of a mask within one axial slice, as RECIST measures a lesion."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorboard.records import Bools, Floats
from tumorboard.transforms.mask_components import bounding_box


def longest_diameter_mm(mask: Bools, affine: Floats) -> float:
    """Longest distance within the contour of one axial slice; 0 for an empty mask.

    The contour runs through the middles between voxels inside and outside, as in every measurement
    of a lesion here: one voxel is as long as it is wide.

    Args:
        mask: (X, Y, Z), axes in RAS+ order.
        affine: (4, 4) voxel index -> mm, without rotation.
    """
    x, y = (float(size) for size in np.abs(np.diag(affine)[:2]))
    inner = mask[bounding_box(mask)]
    planes = [inner[..., k] for k in range(inner.shape[2]) if inner[..., k].any()]
    return max((longest(outline(plane, (x, y)))[0] for plane in planes), default=0.0)


def outline(plane: Bools, spacing_mm: tuple[float, float]) -> Floats:
    """(n, 2) corners of the convex hull of a slice's contour, in mm, in order around it."""
    from scipy.spatial import ConvexHull

    inside = np.argwhere(plane & ~_enclosed(plane)).astype(np.float64)
    half = np.asarray([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    points = (inside[:, None] + half).reshape(-1, 2) * np.asarray(spacing_mm)
    hull: Any = ConvexHull(points)
    return points[hull.vertices]


def _enclosed(plane: Bools) -> Bools:
    """Pixels with neighbours inside on all four sides, which no hull goes through."""
    padded = np.pad(plane, 1)
    return padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]


def longest(hull: Floats) -> tuple[float, Floats]:
    """Longest distance of two corners of a convex hull, and these corners."""
    apart = np.linalg.norm(hull[:, None] - hull[None], axis=2)
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    return float(apart[first, second]), hull[[int(first), int(second)]]
