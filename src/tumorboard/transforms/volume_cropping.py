"""Which box of a volume is looked at: around a point, a mask, the body or the lungs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Bools, Floats
from tumorboard.transforms.volume_resampling import Grid

#: Air and body meet about here, in HU; and lung and body.
_BODY_HU, _LUNG_HU = -500.0, -400.0
#: Structures are looked for on voxels of about this size: a body is far larger.
_COARSE_MM = 3.0
#: The lungs of an adult hold several litres; less than this is no lung, in ml.
_LEAST_LUNG_ML = 200.0
#: A component this much smaller than the largest lung is bowel or a bubble.
_SECOND_LUNG = 0.1


def box_around(
    source: Grid, centre_mm: Floats, size: tuple[int, int, int], spacing_mm: Floats
) -> Grid:
    """The grid of `size` voxels whose middle voxel (size // 2) lies at `centre_mm`.

    With the voxel size of the source the middle voxel is the one that holds the centre, so that
    voxels are copied and never interpolated.

    Args:
        source: Grid of the volume; the box has its directions.
        centre_mm: (3,) point of the world, RAS+.
        size: Voxels along X, Y and Z.
        spacing_mm: (3,) voxel size wanted.
    """
    centre = source.index_of(centre_mm)
    ratio = spacing_mm / source.spacing_mm
    if np.allclose(ratio, 1.0, rtol=1e-6):
        ratio, centre = np.ones(3), np.floor(centre + 0.5)
    step = np.diag([*ratio, 1.0])
    step[:3, 3] = centre - ratio * (np.asarray(size) // 2)
    return Grid(size, source.affine @ step)


def middle_of(grid: Grid) -> Floats:
    """(3,) centre of a volume in mm; with an even number of voxels the one after the middle."""
    return grid.point_of(np.asarray(grid.shape) // 2 * 1.0)


def check_inside(grid: Grid, centre_mm: Floats, *, what: str) -> None:
    """Refuse a centre that lies outside of the volume.

    Raises:
        InputError: It does; with the extent, and a hint where x and y seem to be of the other sign.
    """
    index = grid.index_of(centre_mm)
    if _is_inside(index, grid):
        return
    beyond = np.maximum(-0.5 - index, index - (np.asarray(grid.shape) - 0.5)).clip(min=0)
    ends = np.stack([grid.point_of(np.zeros(3)), grid.point_of(np.asarray(grid.shape) - 1.0)])
    low, high = ends.min(axis=0), ends.max(axis=0)
    extent = ", ".join(f"{n} {a:.0f} to {b:.0f}" for n, a, b in zip("xyz", low, high, strict=True))
    mirrored = grid.index_of(centre_mm * np.asarray([-1.0, -1.0, 1.0]))
    hint = (
        " With the signs of x and y changed it would lie inside: is the convention LPS or RAS?"
        if _is_inside(mirrored, grid)
        else ""
    )
    raise InputError(
        f"{what} ({_point(centre_mm)} mm, RAS) lies {float((beyond * grid.spacing_mm).max()):.1f} "
        f"mm outside of the volume, which spans {extent} mm.{hint}"
    )


def centre_of_mask(mask: Bools, grid: Grid, *, what: str) -> Floats:
    """(3,) centre of mass of a mask in mm.

    Raises:
        InputError: The mask is empty.
    """
    places = np.argwhere(mask)
    if len(places) == 0:
        raise InputError(f"{what}: an empty mask, nothing to crop around.")
    return grid.point_of(places.mean(axis=0))


def centre_of_body(array: NDArray[Any], grid: Grid, *, is_ct: bool, what: str) -> Floats:
    """(3,) centre in mm of the box around the body: the largest thing that is not air.

    Args:
        array: (X, Y, Z), in HU for a CT; anything else is split by Otsu's threshold.
        grid: Where it is.
        is_ct: Whether the values are Hounsfield units.
        what: The volume, for messages.

    Raises:
        InputError: Nothing is above the threshold.
    """
    coarse, step = _coarse(array, grid)
    body = _largest(coarse > (_BODY_HU if is_ct else _otsu(coarse)))
    if not body.any():
        raise InputError(f"{what}: no body found (crop): every voxel looks like air.")
    return _centre_of_box(body, step, grid)


def centre_of_lungs(
    array: NDArray[Any], grid: Grid, *, what: str, outside: Bools | None = None
) -> Floats:
    """(3,) centre in mm of the box around the lungs: air that the body encloses from the sides.

    Args:
        array: (X, Y, Z) in HU.
        grid: Where it is.
        what: The volume, for messages.
        outside: (X, Y, Z) where the scanner recorded nothing: no lung either.

    Raises:
        InputError: No lung of at least 200 ml.
    """
    from scipy import ndimage

    coarse, step = _coarse(array, grid)
    air = coarse < _LUNG_HU
    if outside is not None:
        air |= _coarse(outside, grid)[0].astype(np.bool_)
    labels, n = _labelled(air)
    rim = np.concatenate([labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel()])
    sizes = np.asarray(ndimage.sum_labels(air, labels, np.arange(n + 1)), dtype=np.float64)
    sizes[np.unique(rim)] = 0
    ml = sizes * float(np.prod(grid.spacing_mm * step)) / 1000
    ml[0] = 0
    order = np.argsort(ml)[::-1][:2]
    lungs = [int(k) for k in order if ml[k] >= max(1.0, _SECOND_LUNG * ml[order[0]])]
    if ml[order].sum() < _LEAST_LUNG_ML:
        raise InputError(
            f"{what}: no lung found (crop): the air enclosed by the body is "
            f"{float(ml[order].sum()):.0f} ml, expected at least {_LEAST_LUNG_ML:.0f}."
        )
    return _centre_of_box(np.isin(labels, lungs), step, grid)


def _coarse(array: NDArray[Any], grid: Grid) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Every so many voxels along each axis, and how many."""
    step = np.maximum(1, np.floor(_COARSE_MM / grid.spacing_mm)).astype(np.int64)
    step = np.minimum(step, np.maximum(1, np.asarray(array.shape) // 8))
    return array[:: step[0], :: step[1], :: step[2]], step


def _centre_of_box(mask: Bools, step: NDArray[np.int64], grid: Grid) -> Floats:
    places = np.argwhere(mask)
    return grid.point_of((places.min(axis=0) + places.max(axis=0)) / 2 * step)


def _largest(mask: Bools) -> Bools:
    labels, n = _labelled(mask)
    if n == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()


def _labelled(mask: Bools) -> tuple[NDArray[np.int32], int]:
    from scipy import ndimage

    found: Any = ndimage.label(mask)
    return found[0], int(found[1])


def _otsu(values: NDArray[Any]) -> float:
    """Threshold that separates dark from bright best (Otsu, IEEE SMC 1979; 9: 62-66)."""
    counts, edges = np.histogram(values, bins=256)
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][int(np.nanargmax(np.nan_to_num(between, nan=-1.0)))])


def _is_inside(index: Floats, grid: Grid) -> bool:
    return bool(((index >= -0.5) & (index <= np.asarray(grid.shape) - 0.5)).all())


def _point(point: Floats) -> str:
    return ", ".join(f"{value:.1f}" for value in point)
