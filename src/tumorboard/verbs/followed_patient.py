"""One patient of `tumorboard follow`: files read, visits aligned, lesions measured, planes cut."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.lesion_course import Course, VisitMask, follow_lesions
from tumorboard.evaluation.response import responses
from tumorboard.formats.messages import counted, shown
from tumorboard.formats.note_files import read_note
from tumorboard.formats.scan_visits import ScanVisit
from tumorboard.formats.volume import Volume
from tumorboard.formats.volume_masks import check_is_mask, is_dicom, read_mask_volume
from tumorboard.formats.volumes import read_volume
from tumorboard.records import Floats, Rejection
from tumorboard.report.follow_figure import Plane, shown_grey
from tumorboard.report.follow_page import FollowedPatient
from tumorboard.transforms.course_words import reported_course
from tumorboard.transforms.visit_alignment import NOT_ALIGNED, Align, Alignment, align_visits
from tumorboard.transforms.volume_preparation import grid_of
from tumorboard.transforms.volume_resampling import resample

#: CT is shown as soft tissue and lung at once.
_WINDOW_HU = (-1000.0, 400.0)


@dataclass(frozen=True)
class FollowSettings:
    """Options of `tumorboard follow`; see `verbs.follow.follow`."""

    align: Align
    within_mm: float
    least_mm: float
    border_error_mm: float
    least_change: float


@dataclass(frozen=True)
class Followed:
    """One patient.

    Args:
        shown: For the pages.
        course: Every lesion at every visit.
        rows: Number of a visit -> its (first) row of the table.
        residuals_mm: Number of a visit -> residual of its alignment; absent where not aligned.
    """

    shown: FollowedPatient
    course: Course
    rows: Mapping[int, ScanVisit]
    residuals_mm: Mapping[int, float]


@dataclass(frozen=True)
class _Read:
    row: ScanVisit
    mask: Volume
    image: Volume | None


def follow_patient(
    rows: Sequence[ScanVisit], settings: FollowSettings
) -> tuple[Followed | None, list[Rejection]]:
    """Follow the lesions of one patient.

    Args:
        rows: Of the table, in the order of time.
        settings: Options.

    Returns:
        None where the first visit cannot be measured, and what could not be used.
    """
    read, lost = _read_all(rows)
    broken = {r for r, _ in lost}
    read = [one for one in read if one.row.number not in broken]
    rejections = [rejection for _, rejection in lost]
    if not any(one.row.number == 0 for one in read):
        reason = "the first visit has no mask that can be read: nothing to compare with"
        return None, [*rejections, Rejection(rows[0].patient_id, None, reason)]
    aligned, remarks, unaligned = _aligned(read, settings.align)
    rejections += unaligned
    read = [one for one in read if one.row.number in aligned]
    scans = [
        VisitMask(
            one.row.number, one.row.organ, np.asarray((one.mask.array > 0).any(axis=0)),
            one.mask.affine, aligned[one.row.number].matrix,
        )
        for one in read
    ]  # fmt: skip
    course = follow_lesions(
        scans, within_mm=settings.within_mm, least_mm=settings.least_mm,
        border_error_mm=settings.border_error_mm,
    )  # fmt: skip
    dropped = sum(course.n_dropped.values())
    if dropped:
        remarks.append(
            f"{counted(dropped, 'component')} below {settings.least_mm:g} mm that "
            f"{'is' if dropped == 1 else 'are'} no known lesion left out."
        )
    own = {one.row.number: one.row for one in reversed(read)}
    reported = {k: _reported(row, rejections) for k, row in sorted(own.items())}
    residuals = {
        k: one.residual_mm for k, one in aligned.items() if settings.align == "rigid" and k
    }
    own = dict(sorted(own.items()))
    page = _page(own, read, scans, course, settings, reported, remarks)
    return Followed(page, course, own, residuals), rejections


def _page(
    own: Mapping[int, ScanVisit], read: Sequence[_Read], scans: Sequence[VisitMask],
    course: Course, settings: FollowSettings, reported: Mapping[int, str], remarks: Sequence[str],
) -> FollowedPatient:  # fmt: skip
    dated = not math.isnan(next(iter(own.values())).days)
    titles = [
        f"visit {row.visit}, day {row.days:g}" if dated else f"visit {row.visit}"
        for row in own.values()
    ]
    planes = [
        _plane([p for p in zip(read, scans, strict=True) if p[1].visit == k], course, title)
        for k, title in zip(own, titles, strict=True)
    ]
    return FollowedPatient(
        next(iter(own.values())).patient_id, tuple(titles),
        tuple(row.days if dated else float(k + 1) for k, row in own.items()),
        "days" if dated else "visit",
        tuple(responses(course.rows(), list(own), least_change=settings.least_change)),
        tuple(course.lesions), tuple(planes), tuple(reported.values()),
        tuple(remarks),
    )  # fmt: skip


def _read_all(rows: Sequence[ScanVisit]) -> tuple[list[_Read], list[tuple[int, Rejection]]]:
    found: list[_Read] = []
    lost: list[tuple[int, Rejection]] = []
    for row in rows:
        where = f"visit {shown(row.visit)} (line {row.line})"
        if row.mask is None:
            lost.append((row.number, Rejection(row.patient_id, None, f"{where}: no mask")))
            continue
        try:
            found.append(_read_one(row, row.mask))
        except InputError as error:
            reason = f"{where}: {error}"
            lost.append((row.number, Rejection(row.patient_id, row.mask, reason)))
    return found, lost


def _read_one(row: ScanVisit, path: Path) -> _Read:
    image = read_volume(row.image) if row.image is not None else None
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if path.is_file() and is_dicom(path):
        if image is None:
            raise InputError(f"{path}: a DICOM mask needs its image: give --image.")
        mask = read_mask_volume([path], image)
    else:
        mask = read_volume(path)
    if mask.facts.get("geometry") == "unknown":
        raise InputError(f"{path}: says no voxel size; millimetres cannot be measured.")
    check_is_mask(mask, path)
    return _Read(row, mask, image)


def _aligned(
    read: Sequence[_Read], align: Align
) -> tuple[dict[int, Alignment], list[str], list[Rejection]]:
    """Number of a visit -> its alignment; a visit that cannot be aligned is left out."""
    found: dict[int, Alignment] = {}
    remarks: list[str] = []
    rejections: list[Rejection] = []
    first = next(one for one in read if one.row.number == 0)
    for one in read:
        number = one.row.number
        if number in found:
            continue
        if number == 0 or align == "none":
            found[number] = NOT_ALIGNED
            continue
        try:
            found[number] = _registered(first, one)
        except InputError as error:
            where = f"visit {shown(one.row.visit)} (line {one.row.line})"
            rejections.append(Rejection(one.row.patient_id, one.row.image, f"{where}: {error}"))
            continue
        made = found[number]
        remarks.append(
            f"Visit {one.row.visit}: moved {made.moved_mm:.1f} mm and turned "
            f"{made.turned_degrees:.1f} degrees to the first one; there and back "
            f"{made.residual_mm:.2f} mm apart; correlation {made.correlation:.2f} before, "
            f"{made.correlation_after:.2f} after."
        )
    return found, remarks, rejections


def _registered(first: _Read, one: _Read) -> Alignment:
    if first.image is None or one.image is None:
        raise InputError("no image to align by; give one, or use --align none.")
    return align_visits(
        first.image.array[0], grid_of(first.image), one.image.array[0], grid_of(one.image)
    )


def _reported(row: ScanVisit, rejections: list[Rejection]) -> str:
    """What the visit reports: the table's word, else the note's, where it can be read."""
    if row.reported:
        return reported_course(row.reported)
    if not row.number or not row.note:  # a first visit has no visit before
        return ""
    if not isinstance(row.note, Path):
        return reported_course(row.note)
    try:
        return reported_course(read_note(row.note))
    except InputError as error:
        reason = f"visit {shown(row.visit)} (line {row.line}), note: {error}"
        rejections.append(Rejection(row.patient_id, row.note, reason))
        return ""


def _plane(pairs: Sequence[tuple[_Read, VisitMask]], course: Course, title: str) -> Plane:
    """The axial plane of the largest lesion, or of where it was."""
    visit = pairs[0][1].visit
    own = [one for one in course.lesions if one.row.visit == visit]
    there = [one for one in own if one.row.state not in ("vanished", "merged")]
    main = max(there, key=lambda one: one.largest.volume_ml) if there else None
    organ = main.row.organ if main else pairs[0][1].organ
    read, scan = next((pair for pair in pairs if pair[1].organ == organ), pairs[0])
    if main is not None:
        k, ends = main.largest.slice, main.largest.ends
        centre = ((ends[0][0] + ends[1][0]) / 2, (ends[0][1] + ends[1][1]) / 2)
    else:
        last = [one for one in course.lesions if one.row.visit < visit and one.largest.slice >= 0]
        point = np.asarray(last[-1].centre_mm if last else _middle(scan))
        x, y, z = np.linalg.solve(scan.affine, np.append(point, 1.0))[:3].tolist()
        k, ends, centre = min(max(round(z), 0), scan.mask.shape[2] - 1), None, (x, y)
    sx, sy, _ = scan.spacing_mm
    return Plane(title, _grey(read, k), scan.mask[..., k], (sx, sy), centre, ends)


def _middle(scan: VisitMask) -> Floats:
    return (scan.affine @ np.append((np.asarray(scan.mask.shape) - 1) / 2, 1.0))[:3]


def _grey(read: _Read, k: int) -> Floats:
    shape = read.mask.array.shape[1:]
    if read.image is None:
        return np.full(shape[:2], 0.25)
    image = read.image
    values = image.array[0].astype(np.float32)
    moved = resample(values, grid_of(image), grid_of(read.mask), fill=float(values.min()))
    window = _WINDOW_HU if image.kind == "CT" or float(values.min()) < -500 else None
    return shown_grey(moved, window=window)[..., k]
