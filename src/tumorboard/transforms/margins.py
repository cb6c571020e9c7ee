"""A mask grown by a number of millimetres, around barriers that it cannot pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tumorboard.records import Bools, Floats
from tumorboard.transforms.mask_components import bounding_box


def margin_around(
    mask: Bools, spacing_mm: Sequence[float], *, margin_mm: float, barrier: Bools | None = None
) -> Bools:
    """The mask and everything within a distance of its surface.

    The surface lies half a voxel beyond the centres of the outermost voxels. With a barrier the
    distance is that of the shortest way around it: tumour cells do not cross the falx to the other
    hemisphere, they grow around its edge. Voxels of the barrier are in no margin.

    Args:
        mask: (X, Y, Z).
        spacing_mm: Size of a voxel along each axis.
        margin_mm: Width of the margin.
        barrier: (X, Y, Z) True where nothing passes; None for none. Where tumour and barrier
            overlap, the tumour stands.

    Source:
        Shortest ways by the fast marching method (Sethian, PNAS 1996; 93: 1591), by SimpleITK.
    """
    if not mask.any() or margin_mm <= 0:
        return mask.copy()
    spacing = [float(v) for v in spacing_mm]
    pad = [math.ceil(margin_mm / s) + 2 for s in spacing]
    if barrier is not None and barrier.any():
        pad = [2 * p for p in pad]  # ways around a barrier are bent, and still within the margin
    box = tuple(
        slice(max(0, part.start - p), part.stop + p)
        for part, p in zip(bounding_box(mask), pad, strict=True)
    )
    inner = mask[box]
    if barrier is None or not barrier[box].any():
        distance = _straight(inner, spacing)
        reached = distance <= margin_mm + math.prod(spacing) ** (1 / 3) / 2
    else:
        closed = barrier[box] & ~inner
        distance = _around(inner, closed, spacing, margin_mm + max(spacing))
        reached = (distance <= margin_mm + math.prod(spacing) ** (1 / 3) / 2) & ~closed
    grown = mask.copy()
    grown[box] |= reached
    return grown


def _straight(mask: Bools, spacing: Sequence[float]) -> Floats:
    """Distance of every voxel's centre to the nearest centre inside."""
    from scipy import ndimage

    found: Any = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return found


def _around(mask: Bools, closed: Bools, spacing: Sequence[float], most_mm: float) -> Floats:
    """Length of the shortest way from the nearest centre inside that avoids what is closed."""
    import SimpleITK as sitk  # noqa: N813  # pyright: ignore[reportMissingTypeStubs]

    speed: Any = sitk.GetImageFromArray(
        np.ascontiguousarray((~closed).transpose(2, 1, 0)).astype(np.float32)
    )
    speed.SetSpacing(list(spacing))
    start = np.argwhere(mask & ~_enclosed(mask))
    method: Any = sitk.FastMarchingImageFilter()
    method.SetTrialPoints([[int(v) for v in point] for point in start])
    method.SetStoppingValue(most_mm)
    found: Any = sitk.GetArrayFromImage(method.Execute(speed)).transpose(2, 1, 0)
    found = found.astype(np.float64)
    found[mask] = 0.0
    return found


def _enclosed(mask: Bools) -> Bools:
    """Voxels with neighbours inside on all six sides: no way starts from them."""
    padded = np.pad(mask, 1)
    inner = mask.copy()
    for axis in range(3):
        for side in (slice(None, -2), slice(2, None)):
            part = [slice(1, -1)] * 3
            part[axis] = side
            inner &= padded[tuple(part)]
    return inner
