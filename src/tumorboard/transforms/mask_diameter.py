"""Longest diameter of a mask within one axial slice, as RECIST measures a lesion."""

from __future__ import annotations

import numpy as np

from tumorboard.records import Bools, Floats

#: Directions that a slice is measured along: a diameter between two of them is short by 0.01 %.
_ANGLES = np.arange(128) * np.pi / 128


def longest_diameter_mm(mask: Bools, affine: Floats) -> float:
    """Longest distance between voxel centres of one axial slice; 0 for an empty mask.

    Args:
        mask: (X, Y, Z), axes in RAS+ order.
        affine: (4, 4) voxel index -> mm, without rotation.
    """
    where = np.argwhere(mask)
    if not len(where):
        return 0.0
    where = where[np.argsort(where[:, 2], kind="stable")]
    first = np.flatnonzero(np.diff(where[:, 2], prepend=-1))
    flat = where[:, :2] * np.abs(np.diag(affine)[:2])
    along = flat @ np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])
    span = np.maximum.reduceat(along, first) - np.minimum.reduceat(along, first)
    return float(span.max())
