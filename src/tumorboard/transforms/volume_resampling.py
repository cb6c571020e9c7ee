"""Volumes on another grid: other voxel sizes, another volume's grid, a box around a point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Floats

Interpolation = Literal["linear", "nearest", "bspline"]

#: Full width at half maximum of a Gaussian, in standard deviations.
_FWHM_SD = 2 * math.sqrt(2 * math.log(2))
#: Grids that differ by less than this share of a voxel are one grid.
_SAME_VOXEL = 1e-3
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Grid:
    """Where voxels are.

    Args:
        shape: Number of voxels along X, Y and Z.
        affine: (4, 4) voxel index -> world mm, RAS+.
    """

    shape: tuple[int, int, int]
    affine: Floats

    @property
    def spacing_mm(self) -> Floats:
        """(3,) voxel size along each axis."""
        return np.linalg.norm(self.affine[:3, :3], axis=0).astype(np.float64)

    def index_of(self, point_mm: Floats) -> Floats:
        """(3,) voxel index, not rounded, of a point of the world."""
        index = np.linalg.solve(self.affine, np.append(point_mm, 1.0))[:3]
        return index.astype(np.float64)

    def point_of(self, index: Floats) -> Floats:
        """(3,) point of the world, in mm, of a voxel index."""
        return (self.affine @ np.append(index, 1.0))[:3]

    def offset_in(self, other: Grid) -> tuple[int, int, int] | None:
        """Index of this grid's first voxel in `other`, where its voxels are voxels of `other`."""
        start = other.index_of(self.point_of(np.zeros(3)))
        last = other.index_of(self.point_of(np.asarray(self.shape) - 1.0))
        whole = np.rint(start)
        gap = max(
            np.abs(start - whole).max(), np.abs(last - whole - (np.asarray(self.shape) - 1)).max()
        )
        return None if gap > _SAME_VOXEL else (int(whole[0]), int(whole[1]), int(whole[2]))


def respaced(grid: Grid, spacing_mm: tuple[float, float, float] | Floats) -> Grid:
    """The grid of other voxel sizes that covers the same box, about the same centre."""
    wanted = np.asarray(spacing_mm, dtype=np.float64)
    ratio = wanted / grid.spacing_mm
    shape = np.maximum(1, np.rint(np.asarray(grid.shape) / ratio)).astype(np.int64)
    first = (np.asarray(grid.shape) - 1) / 2 - ratio * (shape - 1) / 2
    step = np.diag([*ratio, 1.0])
    step[:3, 3] = first
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), grid.affine @ step)


def resample(
    array: NDArray[Any],
    source: Grid,
    target: Grid,
    *,
    interpolation: Interpolation = "linear",
    fill: float = 0.0,
) -> NDArray[Any]:
    """One channel (X, Y, Z) on another grid; voxels beyond the source get `fill`.

    Where the voxels of both grids coincide they are copied. Where the target's are larger, the
    source is smoothed first, so that nothing aliases; `nearest` never is.

    Args:
        array: (X, Y, Z); a mask with `nearest`.
        source: Its grid.
        target: The grid wanted.
        interpolation: How values between voxels are found; `bspline` is cubic.
        fill: Value beyond the source.

    Returns:
        (X, Y, Z) of the target's shape; float32, or as it was where voxels are copied or `nearest`.

    Source:
        Width of the smoothing: Cardoso et al., Scale factor point spread function matching, MICCAI
        2015; resampling by SimpleITK.
    """
    offset = target.offset_in(source)
    if offset is not None:
        return shifted(array, offset, target.shape, fill=fill)
    import SimpleITK as sitk  # noqa: N813  # pyright: ignore[reportMissingTypeStubs]

    kind, method = array.dtype, sitk.sitkNearestNeighbor
    values = array.astype(np.uint8) if kind == np.bool_ else array
    if interpolation != "nearest":
        values = _smoothed(values.astype(np.float32), source.spacing_mm, target.spacing_mm)
        method = sitk.sitkLinear if interpolation == "linear" else sitk.sitkBSpline
    if interpolation == "linear":  # a point half a voxel beyond the last centre is still inside it
        values, source = _bordered(values, source)
    image = _image(values, source)
    wanted = _image(np.empty((1, 1, 1), dtype=np.uint8), target)
    result: Any = sitk.Resample(
        image, target.shape, sitk.Transform(), method, wanted.GetOrigin(), wanted.GetSpacing(),
        wanted.GetDirection(), float(fill), image.GetPixelID(),
    )  # fmt: skip
    found = sitk.GetArrayFromImage(result).transpose(2, 1, 0)
    return found.astype(np.bool_) if kind == np.bool_ else found


def shifted(
    array: NDArray[Any], start: tuple[int, int, int], shape: tuple[int, int, int], *, fill: float
) -> NDArray[Any]:
    """The box of `shape` from voxel `start` on, which may lie outside; padded with `fill`."""
    box = np.full(shape, fill, dtype=array.dtype)
    inside = [(max(0, s), min(n, s + m)) for s, m, n in zip(start, shape, array.shape, strict=True)]
    if any(low >= high for low, high in inside):
        return box
    there = tuple(slice(low, high) for low, high in inside)
    here = tuple(slice(lo - s, hi - s) for (lo, hi), s in zip(inside, start, strict=True))
    box[here] = array[there]
    return box


def _smoothed(values: NDArray[Any], source_mm: Floats, target_mm: Floats) -> NDArray[Any]:
    from scipy.ndimage import gaussian_filter1d

    for axis in range(3):
        variance = (target_mm[axis] ** 2 - source_mm[axis] ** 2) / _FWHM_SD**2
        sd = math.sqrt(variance) / source_mm[axis] if variance > 0 else 0.0
        if sd > 0.1:  # a narrower Gaussian is its own middle weight
            values = gaussian_filter1d(values, sd, axis=axis, mode="nearest")
    return values


def _bordered(values: NDArray[Any], source: Grid) -> tuple[NDArray[Any], Grid]:
    """The same voxels with their border repeated once; ITK calls half of that outside."""
    step = np.eye(4)
    step[:3, 3] = -1
    shape = (source.shape[0] + 2, source.shape[1] + 2, source.shape[2] + 2)
    return np.pad(values, 1, mode="edge"), Grid(shape, source.affine @ step)


def _image(values: NDArray[Any], grid: Grid) -> Any:
    import SimpleITK as sitk  # noqa: N813  # pyright: ignore[reportMissingTypeStubs]

    image: Any = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
    affine = _RAS_TO_LPS @ grid.affine
    image.SetSpacing([float(value) for value in grid.spacing_mm])
    image.SetOrigin([float(value) for value in affine[:3, 3]])
    image.SetDirection((affine[:3, :3] / grid.spacing_mm).ravel().tolist())
    return image
