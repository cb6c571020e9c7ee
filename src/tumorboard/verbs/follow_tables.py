"""Tables of `tumorboard follow`: every lesion, every visit, and reports against measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from tumorboard.evaluation.lesion_course import Course
from tumorboard.evaluation.reported_outcomes import MEASURED, REPORTED, Agreement
from tumorboard.evaluation.response import VisitResponse, targets_of
from tumorboard.formats.csv_writing import write_csv
from tumorboard.formats.delimited import escape_formula
from tumorboard.formats.scan_visits import ScanVisit
from tumorboard.verbs.followed_patient import Followed

_MEASUREMENTS = (
    "patient_id", "visit", "date", "days", "lesion", "organ", "state", "is_target", "volume_ml",
    "volume_error_ml", "diameter_mm", "diameter_error_mm", "perpendicular_mm", "n_parts",
    "matched_by", "centre_mm",
)  # fmt: skip
_RESPONSE = (
    "patient_id", "visit", "date", "days", "n_lesions", "sum_of_diameters_mm",
    "sum_of_diameters_error_mm", "change_from_baseline_percent", "change_from_nadir_percent",
    "recist", "volume_ml", "volume_error_ml", "volume_change_from_baseline_percent",
    "volume_change_from_nadir_percent", "volumetric", "volume_change_from_last_percent", "flag",
    "flag_from_baseline", "new_lesions", "vanished_lesions", "n_split", "n_merged", "reported",
    "alignment_residual_mm", "remark",
)  # fmt: skip


def write_follow_tables(
    out: Path, found: Sequence[Followed], agreed: Agreement | None, *,
    not_followed: Sequence[tuple[Sequence[ScanVisit], str]] = (),
) -> None:  # fmt: skip
    """Write measurements.csv, response.csv and, where anything is reported, agreement.csv.

    Args:
        out: Folder to write.
        found: Patients that could be followed.
        agreed: Reports against measurements.
        not_followed: Rows of every other patient, and why; their visits are not evaluable (NE), as
            is every visit that could not be measured (RECIST 1.1, 4.4.2).
    """
    measurements = [row for one in found for row in _measurement_rows(one)]
    write_csv(out / "measurements.csv", _MEASUREMENTS, measurements)
    rows = [row for one in found for row in _response_rows(one)]
    for visits, reason in not_followed:
        table = {row.number: row for row in reversed(visits)}
        rows += [_not_measured(table[number], reason) for number in sorted(table)]
    write_csv(out / "response.csv", _RESPONSE, rows)
    if agreed is not None:
        cells = [[word, *agreed.counts[k].tolist()] for k, word in enumerate(REPORTED)]
        header = ["reported", *(word.replace(" ", "_") for word in MEASURED)]
        write_csv(out / "agreement.csv", header, cells)


def _when(row: ScanVisit) -> list[object]:
    days = "" if math.isnan(row.days) else f"{row.days:g}"
    return [escape_formula(row.patient_id), escape_formula(row.visit), row.date, days]


def _measurement_rows(one: Followed) -> list[list[object]]:
    course: Course = one.course
    targets = targets_of(course.rows())
    found: list[list[object]] = []
    for lesion in course.lesions:
        row = lesion.row
        gone = row.state in ("vanished", "merged")
        centre = " ".join(f"{v:.1f}" for v in lesion.centre_mm)
        matched = {"followed": "distance" if lesion.by_distance else "overlap"}.get(row.state, "")
        found.append(
            [
                *_when(one.rows[row.visit]), row.lesion, escape_formula(row.organ), row.state,
                str(row.lesion in targets).lower(), repr(row.volume_ml), repr(row.volume_error_ml),
                repr(row.diameter_mm), repr(row.diameter_error_mm), repr(lesion.perpendicular_mm),
                row.n_parts, matched, "" if gone else centre,
            ]
        )  # fmt: skip
    return found


def _response_rows(one: Followed) -> list[list[object]]:
    """One row for each visit of the table, whether measured or not."""
    rows = [(visit.visit, _response_row(one, k, visit)) for k, visit in enumerate(one.shown.visits)]
    rows += [
        (lost.number, _not_measured(one.rows[lost.number], lost.reason))
        for lost in one.shown.left_out
    ]
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _not_measured(row: ScanVisit, reason: str) -> list[object]:
    cells: dict[str, object] = {"recist": "NE", "volumetric": "NE"}
    cells["remark"] = escape_formula(f"not measured: {reason}")
    return [*_when(row), *(cells.get(name, "") for name in _RESPONSE[4:])]


def _response_row(one: Followed, k: int, visit: VisitResponse) -> list[object]:
    return [
        *_when(one.rows[visit.visit]), visit.n_lesions, _number(visit.sum_mm),
        _number(visit.sum_error_mm), _percent(visit.from_baseline), _percent(visit.from_nadir),
        visit.recist, _number(visit.volume_ml), _number(visit.volume_error_ml),
        _percent(visit.volume_from_baseline), _percent(visit.volume_from_nadir), visit.volumetric,
        _percent(visit.volume_from_last), visit.flag, visit.flag_from_baseline,
        " ".join(visit.new), " ".join(visit.vanished), visit.n_split, visit.n_merged,
        one.shown.reported[k], _number(one.residuals_mm.get(visit.visit, math.nan)),
        escape_formula(one.shown.notes[k]),
    ]  # fmt: skip


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _percent(share: float) -> str:
    return "" if not math.isfinite(share) else repr(100 * float(share))
