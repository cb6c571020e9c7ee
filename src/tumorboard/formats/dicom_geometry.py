"""Order and spacing of slices from their positions along the normal, and what spoils a grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.dicom_slices import Slice
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.records import Floats

#: A slice may stand this far from its place on the grid: min(1 % of the spacing, 0.1 mm), never
#: less than 0.01 mm, since scanners write positions with few decimals.
_SHARE, _MOST_MM, _LEAST_MM = 0.01, 0.1, 0.01
#: Rounding of sums of positions, in mm; far below what any tolerance means.
_ROUNDING_MM = 1e-6
#: Slices may be displaced within their own plane by 0.1 mm or a tenth of a pixel.
_IN_PLANE_PIXELS = 0.1
#: At most this share of a series may be missing to be called a series with missing slices.
_MISSING_SHARE = 0.25


@dataclass(frozen=True)
class Grid:
    """Slices on one regular grid.

    Args:
        slices: In the order of the normal.
        at: Place of each slice on the grid, from 0; whole numbers with gaps where some are missing.
        n: Places on the grid.
        affine: (4, 4) index of column, row and place -> world mm, RAS+.
        notes: Sentences for the report.
    """

    slices: tuple[Slice, ...]
    at: tuple[int, ...]
    n: int
    affine: Floats
    notes: tuple[str, ...] = ()


def tolerance_mm(spacing_mm: float) -> float:
    """How far a slice may stand from its place on the grid, in mm."""
    return max(min(_SHARE * spacing_mm, _MOST_MM), _LEAST_MM)


def normal_of(image: Slice) -> Floats:
    """Unit normal of the plane, LPS: the cross product of the directions of row and column.

    Raises:
        InputError: Directions that are not two unit vectors at right angles.
    """
    orientation = np.array(image.orientation, dtype=np.float64).reshape(2, 3)
    lengths = np.linalg.norm(orientation, axis=1)
    if np.abs(lengths - 1).max() > 1e-2 or abs(float(orientation[0] @ orientation[1])) > 1e-2:
        raise InputError(
            f"{image.file}: ImageOrientationPatient is {_vector(orientation.ravel())}; expected "
            "two unit vectors at right angles. Export the file again."
        )
    normal = np.cross(orientation[0], orientation[1])
    return normal / np.linalg.norm(normal)


def along_normal(slices: Sequence[Slice]) -> tuple[list[Slice], Floats]:
    """Slices in the order of their positions along the normal, and these positions in mm."""
    normal = normal_of(slices[0])
    positions = np.array([image.position for image in slices], dtype=np.float64)
    places = positions @ normal
    order = np.argsort(places, kind="stable")
    return [slices[k] for k in order], places[order]


def regular_grid(slices: Sequence[Slice], name: str, *, allow_missing_slices: bool) -> Grid:
    """Put slices, one for each position, on a grid.

    Args:
        slices: At least two, of one orientation and pixel spacing.
        name: Series, for messages.
        allow_missing_slices: Let gaps of a whole number of slices through.

    Raises:
        InputError: A gap, spacings that vary, slices shifted in their plane, a tilted gantry.
    Source:
        DICOM PS3.3 C.7.6.2.1.1 (position and orientation of a plane).
    """
    ordered, places = along_normal(slices)
    _check_stack_is_straight(ordered, places, name)
    gaps = np.diff(places)
    spacing = float(np.median(gaps))
    steps = _steps(ordered, gaps, spacing, name, allow_missing_slices=allow_missing_slices)
    at = np.concatenate([[0], np.cumsum(steps)])
    spacing = float((places[-1] - places[0]) / at[-1])
    _check_drift(ordered, places, at, spacing, name)
    notes: list[str] = []
    if at[-1] + 1 > len(ordered):
        missing = int(at[-1]) + 1 - len(ordered)
        notes.append(
            f"{name}: {counted(missing, 'missing slice')} of {int(at[-1]) + 1} interpolated "
            "between neighbours (allow_missing_slices)"
        )
    affine = plane_affine(ordered[0], spacing)
    return Grid(tuple(ordered), tuple(at.tolist()), int(at[-1]) + 1, affine, tuple(notes))


def plane_affine(first: Slice, spacing: float = 1.0) -> Floats:
    """Column, row, slice -> RAS+ mm; DICOM's world is LPS, so that x and y change their sign."""
    orientation = np.array(first.orientation, dtype=np.float64).reshape(2, 3)
    between_rows, between_columns = first.spacing_mm or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, 0] = orientation[0] * between_columns
    affine[:3, 1] = orientation[1] * between_rows
    affine[:3, 2] = normal_of(first) * spacing
    affine[:3, 3] = first.position
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def _check_stack_is_straight(ordered: Sequence[Slice], places: Floats, name: str) -> None:
    positions = np.array([image.position for image in ordered], dtype=np.float64)
    normal = normal_of(ordered[0])
    aside = positions - positions[0] - np.outer(places - places[0], normal)
    offsets = np.linalg.norm(aside, axis=1)
    allowed = max(_MOST_MM, _IN_PLANE_PIXELS * min(ordered[0].spacing_mm or (1.0, 1.0)))
    if offsets.max() <= allowed:
        return
    rise = float(places[-1] - places[0])
    drift = aside[-1] / rise  # mm aside for each mm along the normal
    straight = np.linalg.norm(aside - np.outer(places - places[0], drift), axis=1)
    if straight.max() <= allowed:
        tilt = float(np.degrees(np.arctan(np.linalg.norm(drift))))
        tag = ordered[0].tags.get("GantryDetectorTilt", "")
        said = f" (GantryDetectorTilt {tag})" if tag else ""
        raise InputError(
            f"{name}: slices are sheared by {tilt:.1f} degrees{said}, as with a tilted gantry: "
            f"the last lies {offsets[-1]:.1f} mm aside of the first. Resample the series to a "
            "rectangular grid first."
        )
    worst = int(offsets.argmax())
    raise InputError(
        f"{name}: {ordered[worst].label} lies {offsets[worst]:.2f} mm aside of the stack, expected "
        f"at most {allowed:.2f} mm. Export the series again without the slices of another one."
    )


def _steps(
    ordered: Sequence[Slice],
    gaps: Floats,
    spacing: float,
    name: str,
    *,
    allow_missing_slices: bool,
) -> list[int]:
    """Places from each slice to the next: 1, or more over a gap that is allowed."""
    # Both ends of a gap may be off their places.
    wrong = np.abs(gaps - spacing) > 2 * tolerance_mm(spacing)
    if not wrong.any():
        return [1] * len(gaps)
    times = np.rint(gaps / spacing)
    whole = np.abs(gaps - times * spacing) <= 2 * tolerance_mm(spacing)
    n_missing = int((times[wrong] - 1).sum())
    few = n_missing <= _MISSING_SHARE * (len(ordered) + n_missing)
    if not (whole.all() and (times >= 1).all() and few):
        raise InputError(_variable(ordered, gaps, spacing, name))
    if allow_missing_slices:
        return [int(t) for t in times]
    where = [
        f"gap of {gaps[k]:.4g} mm where {spacing:.4g} mm was expected, between "
        f"{ordered[k].label} and {ordered[k + 1].label}"
        for k in np.flatnonzero(wrong).tolist()
    ]
    raise InputError(
        f"{name}: {counted(n_missing, 'slice')} missing: {listed(where)}. Export the series again, "
        "or set allow_missing_slices = true to interpolate them."
    )


def _variable(ordered: Sequence[Slice], gaps: Floats, spacing: float, name: str) -> str:
    rounded = [f"{gap:.4g}" for gap in gaps]
    table = Counter(rounded)
    kinds = [f"{n} of {gap} mm" for gap, n in table.most_common()]
    usual = f"{spacing:.4g}"
    k = next((k for k, gap in enumerate(rounded) if gap != usual), 0)
    return (
        f"{name}: distances between slices vary: {listed(kinds)}; the first unlike the others "
        f"between {ordered[k].label} and {ordered[k + 1].label}. Expected one distance; choose one "
        "reconstruction, or resample the series first."
    )


def _check_drift(
    ordered: Sequence[Slice], places: Floats, at: Floats, spacing: float, name: str
) -> None:
    off = np.abs(places - places[0] - at * spacing)
    worst = int(off.argmax())
    if off[worst] > tolerance_mm(spacing) + _ROUNDING_MM:
        raise InputError(
            f"{name}: {ordered[worst].label} stands {off[worst]:.3f} mm off a grid of "
            f"{spacing:.4g} mm, expected at most {tolerance_mm(spacing):.3f} mm: distances between "
            "slices vary. Resample the series first."
        )


def orientation_text(image: Slice) -> str:
    """Direction of rows and columns for a message."""
    return _vector(np.array(image.orientation)) if image.orientation else shown("")


def _vector(values: Floats) -> str:
    return "[" + ", ".join(f"{v:.4g}" for v in values) + "]"
