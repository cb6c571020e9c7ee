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
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.note_files import read_note
from tumorboard.formats.scan_visits import ScanVisit
from tumorboard.records import Floats, Rejection
from tumorboard.report.follow_figure import Plane, shown_grey
from tumorboard.report.follow_page import FollowedPatient, LeftOut
from tumorboard.transforms.course_words import reported_course, reported_outcome
from tumorboard.transforms.visit_alignment import NOT_ALIGNED, Align, Alignment, align_visits
from tumorboard.transforms.volume_preparation import grid_of
from tumorboard.transforms.volume_resampling import resample
from tumorboard.verbs.followed_files import (
    Lost,
    ReadVisit,
    joined_numbers,
    lost_visits,
    read_visits,
    rejected,
    title_of,
)
from tumorboard.verbs.followed_remarks import visit_remarks

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
        rows: Number of a visit -> its (first) row of the table, also of those left out.
        residuals_mm: Number of a visit -> residual of its alignment; absent where not aligned.
        unread: Cells of column `reported` that could not be read, with their lines.
        joined: Masks that hold several numbers, and which.
    """

    shown: FollowedPatient
    course: Course
    rows: Mapping[int, ScanVisit]
    residuals_mm: Mapping[int, float]
    unread: tuple[str, ...]
    joined: tuple[str, ...]


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
    read, lost = read_visits(rows)
    rejections = [rejected(*one) for one in lost]
    if not any(one.row.number == 0 for one in read):
        reason = "the first visit has no mask that can be read: nothing to compare with"
        return None, [*rejections, Rejection(rows[0].patient_id, None, reason)]
    aligned, remarks, unaligned = _aligned(read, settings.align)
    rejections += [rejected(*one) for one in unaligned]
    lost += unaligned
    read = [one for one in read if one.row.number in aligned]
    scans = [_scan(one, aligned[one.row.number]) for one in read]
    course = _course(scans, settings, remarks)
    joined = joined_numbers(read)
    if joined:
        remarks.append(f"Several numbers in one mask, measured as one: {listed(joined)}.")
    table = {row.number: row for row in reversed(rows)}
    own = {k: table[k] for k in sorted(aligned)}
    unread: list[str] = []
    reported = {k: _reported([r for r in rows if r.number == k], rejections, unread) for k in own}
    residuals = {
        k: one.residual_mm for k, one in aligned.items() if settings.align == "rigid" and k
    }
    page = _page(own, read, scans, course, settings, reported, remarks, lost_visits(lost))
    return Followed(page, course, table, residuals, tuple(unread), joined), rejections


def _scan(one: ReadVisit, alignment: Alignment) -> VisitMask:
    inside = np.asarray((one.mask.array > 0).any(axis=0))
    return VisitMask(one.row.number, one.row.organ, inside, one.mask.affine, alignment.matrix)


def _course(scans: Sequence[VisitMask], settings: FollowSettings, remarks: list[str]) -> Course:
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
    return course


def _page(
    own: Mapping[int, ScanVisit], read: Sequence[ReadVisit], scans: Sequence[VisitMask],
    course: Course, settings: FollowSettings, reported: Mapping[int, str], remarks: Sequence[str],
    left_out: tuple[LeftOut, ...],
) -> FollowedPatient:  # fmt: skip
    dated = not math.isnan(next(iter(own.values())).days)
    titles = [title_of(row) for row in own.values()]
    found = responses(
        course.rows(), list(own), least_change=settings.least_change, imaged=course.imaged
    )
    said = visit_remarks(course, found)
    planes = [
        _plane([p for p in zip(read, scans, strict=True) if p[1].visit == k], course, title)
        for k, title in zip(own, titles, strict=True)
    ]
    return FollowedPatient(
        next(iter(own.values())).patient_id, tuple(titles),
        tuple(row.days if dated else float(k + 1) for k, row in own.items()),
        "days" if dated else "visit",
        tuple(found), tuple(course.lesions), tuple(planes), tuple(reported.values()),
        tuple(remarks), tuple("; ".join(said[one.visit]) for one in found), left_out,
    )  # fmt: skip


def _aligned(
    read: Sequence[ReadVisit], align: Align
) -> tuple[dict[int, Alignment], list[str], list[Lost]]:
    """Number of a visit -> its alignment; a visit that cannot be aligned is left out."""
    found: dict[int, Alignment] = {}
    remarks: list[str] = []
    lost: list[Lost] = []
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
            lost.append((one.row, one.row.image, str(error)))
            continue
        made = found[number]
        remarks.append(
            f"Visit {one.row.visit}: moved {made.moved_mm:.1f} mm and turned "
            f"{made.turned_degrees:.1f} degrees to the first one; there and back "
            f"{made.residual_mm:.2f} mm apart; correlation {made.correlation:.2f} before, "
            f"{made.correlation_after:.2f} after."
        )
    return found, remarks, lost


def _registered(first: ReadVisit, one: ReadVisit) -> Alignment:
    if first.image is None or one.image is None:
        raise InputError("no image to align by; give one, or use --align none.")
    return align_visits(
        first.image.array[0], grid_of(first.image), one.image.array[0], grid_of(one.image)
    )


def _reported(
    rows: Sequence[ScanVisit], rejections: list[Rejection], unread: list[str]
) -> str:  # fmt: skip
    """What the visit reports: the table's word, else the note's, where it can be read."""
    row = next((one for one in rows if one.reported), None)
    if row is not None and row.number:
        course = reported_outcome(row.reported)
        if course is None:
            unread.append(f"line {row.line}: {shown(row.reported)}")
        return course or ""
    row = next((one for one in rows if one.note), rows[0])
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


def _plane(pairs: Sequence[tuple[ReadVisit, VisitMask]], course: Course, title: str) -> Plane:
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


def _grey(read: ReadVisit, k: int) -> Floats:
    shape = read.mask.array.shape[1:]
    if read.image is None:
        return np.full(shape[:2], 0.25)
    image = read.image
    values = image.array[0].astype(np.float32)
    moved = resample(values, grid_of(image), grid_of(read.mask), fill=float(values.min()))
    window = _WINDOW_HU if image.kind == "CT" or float(values.min()) < -500 else None
    return shown_grey(moved, window=window)[..., k]
