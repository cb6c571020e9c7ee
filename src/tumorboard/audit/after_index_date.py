"""Predictors that nobody can know yet at the date that the prediction is made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import cast

from tumorboard.audit import Audited, Check
from tumorboard.formats.dates import fitting_formats, parse_date
from tumorboard.formats.messages import counted, listed
from tumorboard.modalities.longitudinal import MeasuredVisits
from tumorboard.records import Finding
from tumorboard.transforms.patient_columns import numbers_of

_BEFORE = re.compile(
    r"prior|previous|former|family|history|before|risk|past|baseline|expected", re.I
)
#: Facts of the follow-up, which no prediction can be made from.
_FOLLOW_UP = re.compile(
    r"death|\bdied\b|\bdead\b|deceased|vital.?status|surviv|\bos\b|\bpfs\b|\bdfs\b|\brfs\b|"
    r"follow.?up|last.?(contact|known|seen)|days?.?to.?(death|event|last)|censor",
    re.IGNORECASE,
)
#: Events that mostly follow, but may have happened before.
_PERHAPS = re.compile(
    r"recurren|relapse|progress(ed|ion)|discharge|treatment.?(response|outcome)|readmi",
    re.IGNORECASE,
)


class AfterIndexDate(Check):
    """after-index-date: a predictor that holds, or was measured at, a date after the index date.

    Error: dates, or years, of a predictor later than `[cohort] index_date` in any patient; a
    predictor whose companion column (`ca15_3` and `ca15_3_date`) is dated later; a predictor that
    is named after the follow-up itself (death, survival, last contact), or whose source says that
    it is known only later, such as codes of the same admission, which are assigned at discharge.
    Warning: a predictor named after an event that mostly follows (recurrence, discharge).
    """

    def find(self, audited: Audited) -> list[Finding]:
        """Findings of every predictor column, of the cohort table and of visits."""
        findings = _by_source(audited)
        said = {column for finding in findings for column in _columns_of(finding)}
        for column, modality in audited.predictors.items():
            if column not in said:
                late = _by_date(audited, column, modality)
                findings += late or _by_name(column, modality)
        for measured in audited.measured.values():
            if isinstance(measured, MeasuredVisits):
                for column in measured.latest():
                    findings += _by_name(column, measured.name)
        return findings


def _by_source(audited: Audited) -> list[Finding]:
    """One finding for the predictors of a modality that are known at the same later time."""
    groups: dict[tuple[str, str], list[str]] = {}
    for column, modality in audited.predictors.items():
        when = audited.cohort.known_later.get(column)
        if when:
            groups.setdefault((modality, when), []).append(column)
    return [
        Finding(
            "after-index-date",
            "error",
            f"{counted(len(columns), 'predictor')} of modalities.{modality} "
            f"{'is' if len(columns) == 1 else 'are'} known only {when}, after the prediction is "
            f"made: {listed(columns)}. Remove {'it' if len(columns) == 1 else 'them'}, or let the "
            "source take facts from before (same_admission_codes = false, an earlier window).",
            patients=audited.cohort.patients,
            evidence={"columns": columns, "known": when, "modality": modality},
        )
        for (modality, when), columns in groups.items()
    ]


def _columns_of(finding: Finding) -> Sequence[str]:
    return cast("Sequence[str]", finding.evidence["columns"])


def _by_date(audited: Audited, column: str, modality: str) -> list[Finding]:
    cohort = audited.cohort
    index = audited.study.keys.cohort.index_date
    if index not in cohort.columns:
        return []
    for name in (column, *_companions(column, list(cohort.columns))):
        late = _later(audited, name, index)
        if late:
            return [_finding(audited, column, name, modality, late)]
    return []


def _finding(
    audited: Audited, column: str, dated: str, modality: str, late: Mapping[int, str]
) -> Finding:
    cohort = audited.cohort
    index = audited.study.keys.cohort.index_date
    ids = tuple(dict.fromkeys(cohort.patient_id[row] for row in late))
    first = [
        f"row {cohort.line[row]} patient {cohort.patient_id[row]}: {text}"
        for row, text in late.items()
    ]
    by = "holds dates" if dated == column else f"was measured ({dated})"
    return Finding(
        "after-index-date",
        "error",
        f"Column {column!r} {by} after {index} in {counted(len(ids), 'patient')}: "
        f"{listed(first[:3])}. Nobody knows them when the prediction is made: remove it from "
        f"modalities.{modality}.",
        patients=ids,
        evidence={
            "column": column, "dated_by": dated, "modality": modality, "index_date": index,
            "n_patients": len(ids), "n_rows": len(late),
        },
    )  # fmt: skip


def _companions(column: str, columns: Sequence[str]) -> list[str]:
    """Columns that date another one: `x_date`, `date of x`, `x date`."""
    own = _plain(column)
    return [
        name
        for name in columns
        if name != column and _plain(name) in (f"{own} date", f"date {own}", f"date of {own}")
    ]


def _plain(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.findall(r"[a-z0-9]+", spaced.lower()))


def _later(audited: Audited, column: str, index: str) -> dict[int, str]:
    """Rows where the column is later than the index date, however its dates can be read."""
    declared = audited.study.source.get("dates", {})
    columns = audited.cohort.columns
    index_forms = fitting_formats(columns[index], str(declared.get(index, "")))
    if _is_year(column, columns[column]):
        readings = [_years_later(columns[column], columns[index], form) for form in index_forms]
    else:
        forms = fitting_formats(columns[column], str(declared.get(column, "")))
        alike = [(form, form) for form in forms if form in index_forms]
        pairs = alike or [(own, other) for own in forms for other in index_forms]
        readings = [_days_later(columns[column], columns[index], *pair) for pair in pairs]
    if not readings:
        return {}
    rows = set(readings[0]).intersection(*readings[1:])
    return {row: readings[0][row] for row in sorted(rows)}


def _days_later(
    cells: Sequence[str | None], index: Sequence[str | None], form: str, index_form: str
) -> dict[int, str]:
    late: dict[int, str] = {}
    for row, (cell, other) in enumerate(zip(cells, index, strict=True)):
        day, at = parse_date(cell, form), parse_date(other, index_form)
        if isinstance(day, date) and isinstance(at, date) and day > at:
            late[row] = f"{cell} after {other}"
    return late


def _is_year(column: str, cells: Sequence[str | None]) -> bool:
    given = [cell.strip() for cell in cells if cell is not None and cell.strip()]
    is_named = "year" in _plain(column).split()
    return is_named and bool(given) and all(re.fullmatch(r"(19|20)\d\d(\.0)?", c) for c in given)


def _years_later(
    cells: Sequence[str | None], index: Sequence[str | None], form: str
) -> dict[int, str]:
    years = numbers_of(cells)
    late: dict[int, str] = {}
    for row, other in enumerate(index):
        at = parse_date(other, form)
        if years is not None and at is not None and years[row] > at.year:
            late[row] = f"{cells[row]} after {other}"
    return late


def _by_name(column: str, modality: str) -> list[Finding]:
    name = re.sub(r"\d+$", "", _plain(column)).strip()
    if _BEFORE.search(name):
        return []
    is_certain = bool(_FOLLOW_UP.search(name))
    if not is_certain and not _PERHAPS.search(name):
        return []
    what = "a fact of the follow-up" if is_certain else "an event that mostly follows"
    return [
        Finding(
            "after-index-date",
            "error" if is_certain else "warning",
            f"Column {column!r} is named after {what}. If it is not known when the prediction is "
            f"made, remove it from modalities.{modality}; if it is, give it a name that says so "
            "(such as prior_...).",
            evidence={"column": column, "modality": modality, "by": "name"},
        )
    ]
