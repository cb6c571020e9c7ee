"""Pages of patients followed over visits: one each, and one that leads to them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tumorboard
from tumorboard.cache import write_text
from tumorboard.evaluation.lesion_course import MeasuredLesion
from tumorboard.evaluation.reported_outcomes import MEASURED, Agreement
from tumorboard.evaluation.reported_outcomes import REPORTED as REPORTED_WORDS
from tumorboard.evaluation.response import VisitResponse, targets_of
from tumorboard.report.follow_figure import Plane, as_png, course_figure, planes_figure
from tumorboard.report.heat_maps import data_uri
from tumorboard.report.section import fill
from tumorboard.report.style import MINUS, save

_HERE = Path(__file__).parent
_NONE = "\N{EN DASH}"
#: The most severe first, as the best response of a patient is sought from the other end.
_ORDER = ("CR", "PR", "SD", "PD", "NE")


@dataclass(frozen=True)
class LeftOut:
    """A visit that was not measured.

    Args:
        number: Of the visit, from 0.
        title: What it is called.
        reason: Why, without a full stop.
    """

    number: int
    title: str
    reason: str


@dataclass(frozen=True)
class FollowedPatient:
    """One patient.

    Args:
        patient_id: Who.
        titles: What each measured visit is called.
        times: When it was, in the unit of `unit`.
        unit: "days", or "visit" where the table has no dates.
        visits: Response at each.
        lesions: Lesions at each.
        planes: One axial plane of each.
        reported: What was reported at each; "" for nothing.
        remarks: Sentences about what was read, aligned and left out.
        notes: What the category of each visit hangs on; "" for nothing.
        left_out: Visits that were not measured.
    """

    patient_id: str
    titles: tuple[str, ...]
    times: tuple[float, ...]
    unit: str
    visits: tuple[VisitResponse, ...]
    lesions: tuple[MeasuredLesion, ...]
    planes: tuple[Plane, ...]
    reported: tuple[str, ...]
    remarks: tuple[str, ...]
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def write_follow_pages(
    out: Path, patients: Sequence[FollowedPatient], *, agreed: Agreement | None,
    remarks: Sequence[str], not_followed: Sequence[tuple[str, str]] = (),
) -> Path:  # fmt: skip
    """Write patients/<id>.html, figures/ and index.html, which open without a network.

    Args:
        out: Folder to write.
        patients: In the order of the table.
        agreed: Reports against measurements; None where nothing is reported.
        remarks: Sentences about how all of it was measured.
        not_followed: Patients without a page, and why.
    """
    entries: list[dict[str, Any]] = []
    for number, patient in enumerate(patients, start=1):
        word = f"{number:03d}_{_file_word(patient.patient_id)}"
        figure = course_figure(patient.visits, patient.times, patient.lesions, unit=patient.unit)
        drawing = save(figure, out / "figures", word)
        figure.clear()
        words = {**_common(), **_patient(patient), "drawing": _markup(drawing)}
        write_text(out / "patients" / f"{word}.html", fill("follow_patient.html", **words))
        entries.append({**_entry(patient), "file": f"patients/{word}.html"})
    words = {
        **_common(), "entries": entries, "remarks": list(remarks), "agreed": agreed,
        "not_followed": list(not_followed),
        "agreed_rows": _agreement_rows(agreed) if agreed else [], "measured": MEASURED,
    }  # fmt: skip
    path = out / "index.html"
    write_text(path, fill("follow_index.html", **words))
    return path


def _common() -> dict[str, Any]:
    css = (_HERE / "page.css").read_text(encoding="utf-8")
    return {"css": _markup(css), "version": tumorboard.__version__}


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def _patient(patient: FollowedPatient) -> dict[str, Any]:
    figure = planes_figure(patient.planes) if patient.planes else None
    targets = targets_of([one.row for one in patient.lesions])
    return {
        "patient_id": patient.patient_id,
        "lead": lead_of(patient),
        "planes": data_uri(as_png(figure)) if figure else "",
        "visits": _visits(patient),
        "lesions": [_lesion(patient, one, targets) for one in patient.lesions],
        "remarks": patient.remarks,
        "has_reports": any(patient.reported),
    }


def lead_of(patient: FollowedPatient) -> str:
    """The sentence that says what became of the patient."""
    absent = "".join(f" Not measured: {one.title} ({one.reason})." for one in patient.left_out)
    if len(patient.visits) < 2:
        return f"One visit could be measured: there is nothing to compare it with.{absent}"
    last, note = patient.visits[-1], patient.notes[-1]
    word = last_word(patient)
    categories = f"{last.recist} by diameters, {last.volumetric} by volume"
    return (
        f"{_volumes(patient)}{word[0].upper()}{word[1:]}: {categories}"
        f"{f' ({note})' if note else ''}.{absent}"
    )


def _volumes(patient: FollowedPatient) -> str:
    """The sentence on the change of volume up to the last visit that has all organs."""
    first, last = patient.visits[0], whole_visits(patient)[-1]
    if last.visit == first.visit:
        return ""
    judged = "more than its measurement error"
    if last.flag_from_baseline == "within error":
        judged = "which its measurement error may explain"
    until = "" if last is patient.visits[-1] else f" at {_title(patient, last)}"
    return (
        f"From {first.volume_ml:.1f} to {last.volume_ml:.1f} ml{until} "
        f"({percent(last.volume_from_baseline)}, {judged}). "
    )


def whole_visits(patient: FollowedPatient) -> list[VisitResponse]:
    """Visits with masks of all organs; the first one always is."""
    return [one for one in patient.visits if not one.missing]


def last_word(patient: FollowedPatient) -> str:
    """What the last measured visit is called: no later one may be behind it unseen."""
    last = patient.visits[-1]
    if all(one.number < last.visit for one in patient.left_out):
        return "last visit"
    return f"last measured visit ({patient.titles[-1]})"


def _title(patient: FollowedPatient, visit: VisitResponse) -> str:
    return patient.titles[patient.visits.index(visit)]


def _visits(patient: FollowedPatient) -> list[dict[str, Any]]:
    """Rows of the table of visits: those measured and those left out, in order."""
    rows = [(one.visit, _visit(patient, k)) for k, one in enumerate(patient.visits)]
    rows += [(o.number, {"title": o.title, "left_out": o.reason}) for o in patient.left_out]
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _visit(patient: FollowedPatient, k: int) -> dict[str, Any]:
    one = patient.visits[k]
    events = [f"new: {', '.join(one.new)}"] if one.new else []
    events += [f"gone: {', '.join(one.vanished)}"] if one.vanished else []
    events += [f"{one.n_split} split"] if one.n_split else []
    events += [f"{one.n_merged} merged"] if one.n_merged else []
    events += [patient.notes[k]] if patient.notes[k] else []
    return {
        "title": patient.titles[k],
        "left_out": "",
        "volume": with_error(one.volume_ml, one.volume_error_ml, 2),
        "from_baseline": percent(one.volume_from_baseline),
        "from_last": percent(one.volume_from_last),
        "flag": one.flag or _NONE,
        "is_flagged": one.flag in ("growing", "shrinking"),
        "volumetric": one.volumetric,
        "sum": with_error(one.sum_mm, one.sum_error_mm, 1),
        "sum_from_baseline": percent(one.from_baseline),
        "sum_from_nadir": percent(one.from_nadir),
        "recist": one.recist,
        "events": "; ".join(events) or _NONE,
        "reported": patient.reported[k] or _NONE,
    }


def _lesion(
    patient: FollowedPatient, one: MeasuredLesion, targets: Sequence[str]
) -> dict[str, Any]:
    numbers = [v.visit for v in patient.visits]
    row = one.row
    name = f"{row.lesion}{' (target)' if row.lesion in targets else ''}"
    gone = row.state in ("vanished", "merged")
    return {
        "title": patient.titles[numbers.index(row.visit)],
        "name": f"{name}, {row.organ}" if row.organ else name,
        "state": row.state + (", by distance" if one.by_distance else ""),
        "volume": _NONE if gone else with_error(row.volume_ml, row.volume_error_ml, 2),
        "diameter": _NONE if gone else with_error(row.diameter_mm, row.diameter_error_mm, 1),
        "perpendicular": _NONE if gone else f"{one.perpendicular_mm:.1f}",
        "parts": row.n_parts,
    }


def _entry(patient: FollowedPatient) -> dict[str, Any]:
    later = patient.visits[1:]
    last = later[-1] if later else None
    whole = whole_visits(patient)[-1]
    n_visits = len(patient.visits)
    every = n_visits + len(patient.left_out)
    behind = f" ({patient.titles[-1]})" if last_word(patient) != "last visit" else ""
    flags = dict.fromkeys(v.flag for v in later if v.flag in ("growing", "shrinking"))
    return {
        "patient_id": patient.patient_id,
        "n_visits": str(n_visits) if n_visits == every else f"{n_visits} of {every}",
        "volume": f"{patient.visits[0].volume_ml:.1f} \N{RIGHTWARDS ARROW} "
        f"{whole.volume_ml:.1f}",
        "change": percent(whole.volume_from_baseline) if whole.visit else _NONE,
        "best": best([v.recist for v in later]),
        "recist": last.recist + behind if last else _NONE,
        "volumetric": last.volumetric + behind if last else _NONE,
        "flags": ", ".join(flags) or _NONE,
        "remarks": patient.remarks,
        "left_out": [f"{one.title}: {one.reason}" for one in patient.left_out],
    }  # fmt: skip


def best(categories: Sequence[str]) -> str:
    """Best response over visits, up to progression."""
    until = categories[: categories.index("PD") + 1] if "PD" in categories else categories
    return min(until, key=_ORDER.index) if until else _NONE


def _agreement_rows(agreed: Agreement) -> list[dict[str, Any]]:
    return [
        {"word": word, "counts": agreed.counts[k].tolist()} for k, word in enumerate(REPORTED_WORDS)
    ]


def percent(share: float) -> str:
    """A change with its sign; a dash where there is none to give."""
    if math.isnan(share):
        return _NONE
    if math.isinf(share):
        return "from none"
    text = f"{abs(100 * share):.0f} %"
    return text if text == "0 %" else f"{'+' if share > 0 else MINUS}{text}"


def with_error(value: float, error: float, digits: int) -> str:
    """A value and its error."""
    if math.isnan(value):
        return _NONE
    return f"{value:.{digits}f} \N{PLUS-MINUS SIGN} {error:.{digits}f}"


def _file_word(text: str) -> str:
    """A patient's name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:60] or "patient"
