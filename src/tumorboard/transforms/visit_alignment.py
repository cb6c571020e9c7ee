"""Rigid registration of a visit's image to the first visit's, and how far it can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Floats
from tumorboard.transforms.volume_resampling import Grid, resample, respaced

#: `none`: positions of all visits are comparable as they are; `rigid`: rotation and translation.
Align = Literal["none", "rigid"]
#: Registration reads voxels of at least this size: positions are found to a fraction of one.
_SPACING_MM = 2.0
#: Smoothing in voxels and coarseness of each level.
_LEVELS = ((4, 2.0), (2, 1.0), (1, 0.0))
#: Share of voxels that are compared; bins of the joint histogram; steps of each level.
_SHARE, _BINS, _STEPS = 0.25, 32, 60
_FLIP = np.diag([-1.0, -1.0, 1.0])  # ITK's world is LPS


@dataclass(frozen=True)
class Alignment:
    """Where a visit lies in the frame of the first one.

    Args:
        matrix: (4, 4) mm of the visit -> mm of the first visit, RAS+.
        moved_mm: How far the middle of the image moves.
        turned_degrees: Angle of the rotation.
        residual_mm: How far points of the image come to lie from where they were after
            registration there and back, on average: a lower bound of the error. 0 without
            registration.
        correlation: Of both images where they overlap, before.
        correlation_after: And after.
    """

    matrix: Floats
    moved_mm: float
    turned_degrees: float
    residual_mm: float
    correlation: float
    correlation_after: float


NOT_ALIGNED = Alignment(np.eye(4), 0.0, 0.0, 0.0, math.nan, math.nan)


def check_align(word: str) -> Align:
    """The word as an `Align`.

    Raises:
        InputError: Another word.
    """
    for known in get_args(Align):
        if word == known:
            return known
    raise InputError(f"--align {word}: expected {' or '.join(get_args(Align))}.")


def align_visits(
    fixed: NDArray[Any], fixed_grid: Grid, moving: NDArray[Any], moving_grid: Grid
) -> Alignment:
    """Register one image of a patient to another one of the same kind.

    Mutual information over three levels of resolution, from the middles of both images on, there
    and back; the same images give the same answer.

    Args:
        fixed: (X, Y, Z) the first visit.
        fixed_grid: Where its voxels are.
        moving: (X, Y, Z) a later visit.
        moving_grid: Where its voxels are.

    Raises:
        InputError: The images do not overlap, or registration made them less alike.

    Source:
        Mutual information: Mattes et al., IEEE Trans Med Imaging 2003; 22: 120, by SimpleITK;
        error from there and back: Christensen & Johnson, IEEE Trans Med Imaging 2001; 20: 568.
    """
    first, second = (_coarse(*pair) for pair in ((fixed, fixed_grid), (moving, moving_grid)))
    there = _registered(first, second)
    back = _registered(second, first)
    matrix = np.asarray(np.linalg.inv(there), dtype=np.float64)
    corners = _points(first[1])
    middle = corners.mean(axis=0)
    before = _correlation(first, second, np.eye(4))
    after = _correlation(first, second, there)
    if not math.isnan(before) and not after >= before - 1e-3:
        raise InputError(
            f"registration made the images less alike (correlation {before:.2f} before, "
            f"{after:.2f} after): are they of one kind and one patient? Align them with another "
            "program, or use --align none."
        )
    cosine = (np.trace(matrix[:3, :3]) - 1) / 2
    return Alignment(
        matrix, float(np.linalg.norm(_moved(matrix, middle[None]) - middle)),
        math.degrees(math.acos(min(1.0, max(-1.0, float(cosine))))),
        float(np.linalg.norm(_moved(back @ there, corners) - corners, axis=1).mean()),
        before, after,
    )  # fmt: skip


def _coarse(values: NDArray[Any], grid: Grid) -> tuple[NDArray[np.float32], Grid]:
    wanted = np.maximum(grid.spacing_mm, _SPACING_MM)
    if np.allclose(wanted, grid.spacing_mm):
        return values.astype(np.float32), grid
    target = respaced(grid, wanted)
    coarse = resample(values.astype(np.float32), grid, target)
    return coarse.astype(np.float32), target


def _registered(
    fixed: tuple[NDArray[np.float32], Grid], moving: tuple[NDArray[np.float32], Grid]
) -> Floats:
    """(4, 4) mm of the fixed image -> mm of the moving image, RAS+."""
    import SimpleITK as sitk  # noqa: N813  # pyright: ignore[reportMissingTypeStubs]

    images: list[Any] = [_image(*each) for each in (fixed, moving)]
    start: Any = sitk.CenteredTransformInitializer(
        *images, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    start.SetTranslation((0.0, 0.0, 0.0))  # scanners put patients close to one place
    if _far(fixed[1], moving[1]):
        start = sitk.CenteredTransformInitializer(
            *images, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
        )
    method: Any = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(_SHARE, 1)  # else the clock says where samples lie
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, _STEPS, 0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([shrink for shrink, _ in _LEVELS])
    method.SetSmoothingSigmasPerLevel([sigma for _, sigma in _LEVELS])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    method.SetNumberOfThreads(1)  # sums in one order
    method.SetInitialTransform(start, inPlace=True)
    try:
        method.Execute(*images)
    except RuntimeError as error:
        raise InputError(
            "the images of both visits do not overlap enough to be registered "
            f"({str(error).splitlines()[-1].strip()[:120]}). Use --align none."
        ) from error
    turn = np.asarray(start.GetMatrix(), dtype=np.float64).reshape(3, 3)
    centre, shift = np.asarray(start.GetCenter()), np.asarray(start.GetTranslation())
    matrix = np.eye(4)
    matrix[:3, :3] = _FLIP @ turn @ _FLIP
    matrix[:3, 3] = _FLIP @ (centre + shift - turn @ centre)
    return matrix


def _far(fixed: Grid, moving: Grid) -> bool:
    """Whether the middle of one image lies outside of the other."""
    middle = moving.point_of((np.asarray(moving.shape) - 1) / 2)
    index = fixed.index_of(middle)
    return bool(((index < 0) | (index > np.asarray(fixed.shape) - 1)).any())


def _image(values: NDArray[np.float32], grid: Grid) -> Any:
    import SimpleITK as sitk  # noqa: N813  # pyright: ignore[reportMissingTypeStubs]

    image: Any = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
    spacing = grid.spacing_mm
    image.SetSpacing(spacing.tolist())
    image.SetOrigin((_FLIP @ grid.affine[:3, 3]).tolist())
    image.SetDirection((_FLIP @ grid.affine[:3, :3] / spacing).ravel().tolist())
    return image


def _moved(matrix: Floats, points: Floats) -> Floats:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _points(grid: Grid) -> Floats:
    """Points all over the middle three quarters of an image, in mm."""
    share = np.linspace(0.125, 0.875, 4)
    index = np.stack(np.meshgrid(share, share, share, indexing="ij"), axis=-1).reshape(-1, 3)
    return index * (np.asarray(grid.shape) - 1) @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def _correlation(
    fixed: tuple[NDArray[np.float32], Grid], moving: tuple[NDArray[np.float32], Grid],
    there: Floats,
) -> float:  # fmt: skip
    """Of both images where the moving one has voxels."""
    values, grid = moving
    in_fixed = Grid(grid.shape, np.linalg.inv(there) @ grid.affine)
    moved = resample(values, in_fixed, fixed[1], fill=math.nan)
    known = np.isfinite(moved)
    if np.count_nonzero(known) < 100:
        return math.nan
    first, second = fixed[0][known], moved[known]
    if float(np.ptp(first)) == 0 or float(np.ptp(second)) == 0:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])
