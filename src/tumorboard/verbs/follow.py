"""`tumorboard follow`: masks of visits in, measurements, response and a page per patient out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.repeatability import repeatability
from tumorboard.evaluation.reported_outcomes import Agreement, agreement
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.scan_visits import ScanVisit, read_scan_visits
from tumorboard.formats.tables import parse_numbers, read_table
from tumorboard.records import Rejection
from tumorboard.report.follow_page import FollowedPatient, write_follow_pages
from tumorboard.transforms.visit_alignment import check_align
from tumorboard.verbs.follow_tables import write_follow_tables
from tumorboard.verbs.followed_patient import Followed, FollowSettings, follow_patient


@dataclass(frozen=True)
class FollowReport:
    """What was measured.

    Args:
        patients: Those that could be followed.
        agreed: Reported outcomes against measured changes; None without reports.
        lines: What the user should read, one line each.
        exit_code: 0, or 3 where files could not be used.
    """

    patients: tuple[FollowedPatient, ...]
    agreed: Agreement | None
    lines: tuple[str, ...]
    exit_code: int


def follow(
    visits: Path, *, out: Path, mask: str = "none", image: str = "none", note: str = "none",
    patient_id: str = "patient_id", data: Path | None = None, align: str = "none",
    within_mm: float = 15.0, least_mm: float = 5.0, border_error_mm: float = math.nan,
    retest: Path | None = None,
) -> FollowReport:  # fmt: skip
    """Measure lesions over visits and write tables, figures and pages.

    Args:
        visits: Table with a row for each visit (and organ): `patient_id`; `date`, `days` or
            `visit`; `mask`; where there are any `image`, `organ`, `note`, `reported`.
        out: Folder to write.
        mask: Pattern of the masks, such as `masks/{case}.nii.gz`, in place of the column.
        image: Pattern of the images, likewise.
        note: Pattern of note files, likewise.
        patient_id: Column of the patient.
        data: Folder that files start from; the table's own where None.
        align: `rigid` registers every visit's image to the first one's; `none` takes positions as
            they are.
        within_mm: Largest distance of two centres that make one lesion without overlap.
        least_mm: Least longest diameter of a lesion that was not there before.
        border_error_mm: How far borders of masks may be off; half a voxel where NaN.
        retest: Table with columns `first_ml` and `second_ml`: volumes of the same lesions measured
            twice, which the measurement error is then taken from.

    Raises:
        InputError: The table or an option cannot be used; nothing is written.
    """
    settings = _settings(align, within_mm, least_mm, border_error_mm, retest)
    rows = read_scan_visits(
        Path(visits), patient_id=patient_id, mask=mask, image=image, note=note, root=data
    )
    _check_out(Path(out), rows)
    if settings.align == "rigid" and not any(row.image for row in rows):
        raise InputError("--align rigid needs the images: give --image, or a column `image`.")
    found, lacking, rejections = _follow_all(rows, settings)
    if not found:
        first = f" {rejections[0].reason}" if rejections else ""
        raise InputError(f"{visits}: no patient could be followed.{first}")
    agreed = _agreement(found)
    write_follow_tables(Path(out), found, agreed, not_followed=lacking)
    patients = tuple(one.shown for one in found)
    notes = _notes(rows, found)
    page = write_follow_pages(
        Path(out), patients, agreed=agreed, remarks=[*_remarks(settings), *notes],
        not_followed=[(own[0].patient_id, reason) for own, reason in lacking],
    )  # fmt: skip
    lines = [f"rejected: patient {r.patient_id}: {r.reason}" for r in rejections]
    lines += [f"note: {note}" for note in [*notes, *_visit_notes(patients)]]
    n_flags = sum(v.flag in ("growing", "shrinking") for p in patients for v in p.visits)
    lines += [
        *_agreed_lines(agreed),
        f"{counted(len(patients), 'patient')}, {counted(n_flags, 'change')} between two visits "
        "beyond measurement error",
        f"measurements.csv, response.csv and pages: {page}",
    ]
    return FollowReport(patients, agreed, tuple(lines), 3 if rejections else 0)


def _follow_all(
    rows: Sequence[ScanVisit], settings: FollowSettings
) -> tuple[list[Followed], list[tuple[list[ScanVisit], str]], list[Rejection]]:
    """Patients that could be followed; rows of the others, and why; everything rejected."""
    found: list[Followed] = []
    lacking: list[tuple[list[ScanVisit], str]] = []
    rejections: list[Rejection] = []
    for person in dict.fromkeys(row.patient_id for row in rows):
        own = [row for row in rows if row.patient_id == person]
        one, lost = follow_patient(own, settings)
        rejections += lost
        if one is not None:
            found.append(one)
        else:
            lacking.append((own, lost[-1].reason))
    return found, lacking, rejections


def _notes(rows: Sequence[ScanVisit], found: Sequence[Followed]) -> list[str]:
    """What was taken for granted of the table and the masks."""
    notes: list[str] = []
    names = list(dict.fromkeys(row.visit for row in sorted(rows, key=lambda row: row.number)))
    if math.isnan(rows[0].days) and any(row.number for row in rows):
        notes.append(f"Visits go by their numbers in column `visit`: {listed(names)}.")
    unread = [cell for one in found for cell in one.unread]
    if unread:
        notes.append(
            f"Column `reported`: {counted(len(unread), 'cell')} could not be read as better, "
            f"stable or worse (CR, PR, SD, PD) and {'counts' if len(unread) == 1 else 'count'} as "
            f"nothing reported: {listed(unread)}."
        )
    joined = [f"patient {one.shown.patient_id}, {mask}" for one in found for mask in one.joined]
    if joined:
        notes.append(
            f"{counted(len(joined), 'mask holds', 'masks hold')} several numbers, measured as one: "
            f"{listed(joined)}."
        )
    return notes


def _visit_notes(patients: Sequence[FollowedPatient]) -> list[str]:
    return [
        f"patient {patient.patient_id}, {title}: {note}."
        for patient in patients
        for title, note in zip(patient.titles, patient.notes, strict=True)
        if note
    ]


def _settings(
    align: str, within_mm: float, least_mm: float, border_error_mm: float, retest: Path | None
) -> FollowSettings:
    for name, value in (("within-mm", within_mm), ("least-mm", least_mm)):
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"--{name} {value}: expected 0 or more.")
    if not math.isnan(border_error_mm) and not 0 <= border_error_mm < math.inf:
        raise InputError(f"--border-error-mm {border_error_mm}: expected 0 or more.")
    least = _retested(retest) if retest is not None else math.nan
    return FollowSettings(check_align(align), within_mm, least_mm, border_error_mm, least)


def _retested(path: Path) -> float:
    table = read_table(path)
    absent = [name for name in ("first_ml", "second_ml") if name not in table.columns]
    if absent:
        raise InputError(f"{path.name}: no column {absent[0]!r}; expected first_ml and second_ml.")
    lines = [f"line {line}" for line in table.lines]
    first, second = (
        parse_numbers(
            table.cells[name], column=name, lines=table.lines, patient_ids=lines, table=path
        )
        for name in ("first_ml", "second_ml")
    )
    return repeatability(first, second).coefficient


def _check_out(out: Path, rows: Sequence[ScanVisit]) -> None:
    inputs = {path.resolve() for row in rows for path in (row.mask, row.image) if path}
    if out.is_file() or any(out.resolve() in (path, *path.parents) for path in inputs):
        raise InputError(f"--out {out}: a file, or holds inputs; expected a folder of its own.")


def _agreement(found: Sequence[Followed]) -> Agreement | None:
    if not any(said for one in found for said in one.shown.reported):
        return None
    rows = [
        (one.shown.patient_id, said, visit.flag)
        for one in found
        for said, visit in zip(one.shown.reported, one.shown.visits, strict=True)
    ]
    people, reported, measured = zip(*rows, strict=True)
    return agreement(people, reported, measured)


def _agreed_lines(agreed: Agreement | None) -> list[str]:
    if agreed is None or not agreed.counts.sum():
        return []
    return [
        f"reports went with the measured change in {int(np.trace(agreed.counts))} of "
        f"{int(agreed.counts.sum())} visits of {agreed.n_patients} patients"
    ]


def _remarks(settings: FollowSettings) -> list[str]:
    border = (
        "half a voxel" if math.isnan(settings.border_error_mm)
        else f"{settings.border_error_mm:g} mm"
    )  # fmt: skip
    error = f"Measurement error: the border of every mask {border} further out or in, all around."
    if not math.isnan(settings.least_change):
        share = 100 * settings.least_change
        error = (
            f"Measurement error: measured twice, 95 % of volumes differ by less than {share:.0f} %."
        )
    aligned = "registered to the first one" if settings.align == "rigid" else "taken as they are"
    return [
        error,
        f"Positions of visits are {aligned}; a lesion without overlap is the nearest one within "
        f"{settings.within_mm:g} mm; new ones count from {settings.least_mm:g} mm on.",
        "At most five targets of 10 mm or more at the first visit, two in an organ. What RECIST "
        "leaves to judgement is not judged.",
    ]
