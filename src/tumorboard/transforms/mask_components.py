"""Cleaning a mask: its largest component, components above a size, holes filled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Ints


def bounding_box(mask: Bools) -> tuple[slice, ...]:
    """Smallest box that holds all of a mask; one without any voxel for an empty mask."""
    box: list[slice] = []
    for axis in range(mask.ndim):
        # cut at once, so that each further axis looks at less
        others = tuple(other for other in range(mask.ndim) if other != axis)
        found = np.flatnonzero(mask[(*box, ...)].any(axis=others))
        box.append(slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0))
    return tuple(box)


def components(mask: Bools) -> tuple[NDArray[np.int32], Ints]:
    """Connected components and their sizes in voxels.

    Voxels that touch over a face, an edge or a corner are one component.

    Returns:
        Number of the component of each voxel, 0 outside; and the sizes, that of 1 first.
    """
    from scipy import ndimage

    found: Any = ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, mask.ndim))
    labels, n = found
    return labels, np.bincount(labels[mask], minlength=n + 1)[1:].astype(np.int64)


def kept_components(sizes: Ints, *, largest: bool, least: float) -> Bools:
    """Which components stay: those of at least `least` voxels, of these the largest alone.

    Of components of one size the first is the largest.
    """
    kept = sizes >= least
    if largest and kept.any():
        kept &= np.arange(len(sizes)) == int(sizes.argmax())
    return kept


def clean_components(mask: Bools, *, largest: bool = False, least: float = 0.0) -> Bools:
    """The mask without the components that `kept_components` drops."""
    cleaned = mask.copy()
    if not mask.any() or not (largest or least > 1):
        return cleaned
    box = bounding_box(mask)
    labels, sizes = components(mask[box])
    kept = kept_components(sizes, largest=largest, least=least)
    cleaned[box] = np.concatenate([[False], kept])[labels]
    return cleaned


def fill_holes(mask: Bools) -> Bools:
    """The mask with everything that it encloses.

    In 3D a hole is closed on all sides; a ring that is open above and below stays one.
    """
    from scipy import ndimage

    filled = mask.copy()
    if mask.any():
        box = bounding_box(mask)
        found: Any = ndimage.label(~np.pad(mask[box], 1))
        outside = found[0] == 1  # the first corner of the rim is met first
        inner = (slice(1, -1),) * mask.ndim
        filled[box] = ~outside[inner]
    return filled
