"""Tables of visits: whose scan, when, its mask and image, and what was noted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tumorboard.errors import InputError, nearest
from tumorboard.formats.dates import fitting_formats, parse_date
from tumorboard.formats.file_patterns import FilePattern, unsafe_reason
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.tables import Table, is_number, read_table

#: A name of a visit that says which one it is: a number, or words and a number, as `cycle 2`.
_NUMBERED = re.compile(r"((?:[^\W\d]+(?:[ .#-][^\W\d]+)*[ .#-]?)?)(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class ScanVisit:
    """One row: one mask of one visit.

    Args:
        patient_id: Whose.
        number: Of the visit among the patient's, from 0, in the order of time.
        visit: What the table calls it.
        date: As ISO, or "".
        days: Since the patient's first visit; NaN where the table has no dates.
        organ: Where the lesions of this mask are, or "".
        mask: Its file; None where the cell is empty: nothing was measured.
        image: The scan, or None.
        note: A note of the visit, its text or its file.
        reported: Outcome as somebody put it, or "".
        line: Of the table.
    """

    patient_id: str
    number: int
    visit: str
    date: str
    days: float
    organ: str
    mask: Path | None
    image: Path | None
    note: str | Path
    reported: str
    line: int


def read_scan_visits(
    path: Path, *, patient_id: str = "patient_id", mask: str = "none", image: str = "none",
    note: str = "none", root: Path | None = None,
) -> list[ScanVisit]:  # fmt: skip
    """Read a table of visits: columns patient_id; date, days or visit; mask; further ones.

    Without dates and days, visits go by the number in column `visit`, which all have behind the
    same words: `cycle 2` before `cycle 10`. Other names say no order (`pre`, `post`).

    Args:
        path: The table.
        patient_id: Column of the patient.
        mask: Pattern of the masks such as `masks/{case}.nii.gz`; "none" takes column `mask`.
        image: Pattern of the images; "none" takes column `image`, where there is one.
        note: Pattern of note files; "none" takes the text of column `note`, where there is one.
        root: Folder that files start from; the table's own where None.

    Raises:
        InputError: A column is absent, or rows that say too little; every row at fault.
    """
    table = read_table(path)
    _need(table, patient_id)
    if not {"visit", "date", "days"} & set(table.columns):
        raise InputError(
            f"{path.name}: no column `date`, `days` or `visit` says when. "
            f"Found: {listed(table.columns)}."
        )
    base = root or path.parent
    masks = _files(table, "mask", mask, base)
    images = _files(table, "image", image, base, required=False)
    notes: Callable[[int], Path | None] | None = None
    if note != "none":
        notes = _files(table, "note", note, base)
    found: list[ScanVisit] = []
    times = _times(table)
    faults: list[str] = []
    for row, line in enumerate(table.lines):
        person = _cell(table, patient_id, row)
        if not person:
            faults.append(f"{path.name}, line {line}: no {patient_id}.")
            continue
        date, days = times[row]
        found.append(
            ScanVisit(
                person, 0, _cell(table, "visit", row), date, days, _cell(table, "organ", row),
                masks(row), images(row), (notes(row) or "") if notes else _cell(table, "note", row),
                _cell(table, "reported", row), line,
            )
        )  # fmt: skip
    if faults:
        raise InputError(faults)
    if not found:
        raise InputError(f"{path.name}: no rows. Expected one for each visit.")
    people = {person: [one for one in found if one.patient_id == person]
              for person in dict.fromkeys(one.patient_id for one in found)}  # fmt: skip
    if math.isnan(found[0].days):
        _check_names(path, people)
    return [visit for rows in people.values() for visit in _numbered(path, rows)]


def _check_names(path: Path, people: Mapping[str, Sequence[ScanVisit]]) -> None:
    """Refuse names of visits that say no order, unless no patient has two visits."""
    if all(len({one.visit for one in rows}) == 1 for rows in people.values()):
        return
    every = [one for rows in people.values() for one in rows]
    found = {one.visit: _NUMBERED.fullmatch(one.visit) for one in every}
    words = {match[1].strip().casefold() for match in found.values() if match}
    odd = next((one for one in every if not found[one.visit]), None)
    if odd is None and len(words) == 1:
        return
    what = f"the names begin differently ({listed(sorted(found))})"
    if odd is not None:
        what = f"line {odd.line}: {shown(odd.visit)}" if odd.visit else f"line {odd.line} is empty"
    raise InputError(
        f"{path.name}: column `visit` says no order of time: {what}. Add a column `date` or "
        "`days`, or number the visits alike, as in 1, 2, 3."
    )


def _place(visit: str) -> float:
    """The number of a visit's name."""
    match = _NUMBERED.fullmatch(visit)
    return float(match[2]) if match else 0.0


def _need(table: Table, column: str) -> None:
    if column not in table.columns:
        raise InputError(
            f"{table.path.name}: no column {column!r}. {nearest(column, list(table.columns))}"
        )


def _cell(table: Table, column: str, row: int) -> str:
    return (table.cells[column][row] or "").strip() if column in table.cells else ""


def _files(
    table: Table, kind: str, pattern: str, root: Path, *, required: bool = True
) -> Callable[[int], Path | None]:
    """Row -> the file that a pattern, or the column of that name, says; None for none."""
    if pattern == "none":
        if kind not in table.columns:
            if not required:
                return lambda _: None
            raise InputError(
                f"{table.path.name}: no column `{kind}`. Add one, or give --{kind} with a pattern "
                f"such as '{kind}s/{{case}}.nii.gz'."
            )
        pattern = f"{{{kind}}}"
    parsed = FilePattern.parse(pattern, where=f"--{kind}")
    for column in parsed.columns:
        _need(table, column)
    if "*" in pattern:
        raise InputError(f"--{kind} {pattern}: expected a name without *; one file for each visit.")
    return lambda row: _file(table, row, parsed, root)


def _file(table: Table, row: int, pattern: FilePattern, root: Path) -> Path | None:
    cells: Mapping[str, str] = {c: _cell(table, c, row) for c in pattern.columns}
    if not all(cells.values()):
        return None
    for column, cell in cells.items():
        reason = unsafe_reason(cell)
        if reason:
            raise InputError(
                f"{table.path.name}, line {table.lines[row]}, column {column}: {shown(cell)} "
                f"{reason}."
            )
    return root / pattern.fill(cells).replace("[*]", "*")


def _times(table: Table) -> list[tuple[str, float]]:
    """Date and days of each row; days count from an origin of the table, corrected later."""
    n = len(table.lines)
    if "days" in table.columns:
        dates = [_cell(table, "date", row) for row in range(n)]
        return [(d, v) for d, v in zip(dates, _numbers(table, "days"), strict=True)]
    if "date" not in table.columns:
        return [("", math.nan)] * n
    cells = [_cell(table, "date", row) for row in range(n)]
    forms = fitting_formats(cells)
    if len(forms) != 1:
        what = "no format fits all cells" if not forms else f"could be {listed(forms)}"
        raise InputError(f"{table.path.name}: column `date`: {what}. Write days as 2024-03-31.")
    days = [parse_date(cell, forms[0]) for cell in cells]
    empty = [str(line) for line, day in zip(table.lines, days, strict=True) if day is None]
    if empty:
        raise InputError(f"{table.path.name}: column `date` is empty in lines {listed(empty)}.")
    return [(day.isoformat(), float(day.toordinal())) for day in days if day is not None]


def _numbers(table: Table, column: str) -> list[float]:
    cells = [_cell(table, column, row) for row in range(len(table.lines))]
    odd = [
        f"line {line}: {shown(cell)}"
        for line, cell in zip(table.lines, cells, strict=True)
        if not is_number(cell)
    ]
    if odd:
        raise InputError(f"{table.path.name}: column `{column}` holds no number in {listed(odd)}.")
    return [float(cell) for cell in cells]


def _numbered(path: Path, rows: Sequence[ScanVisit]) -> list[ScanVisit]:
    """Rows of one patient in the order of time, visits numbered and days from the first one."""
    dated = not math.isnan(rows[0].days)
    keys = {one: one.days if dated else _place(one.visit) for one in rows}
    ordered = sorted(rows, key=lambda one: keys[one])
    times = sorted({keys[one] for one in rows})
    first = ordered[0].days
    made = [
        replace(
            one, number=times.index(keys[one]), days=one.days - first if dated else math.nan,
            visit=one.visit or str(times.index(keys[one]) + 1),
        )
        for one in ordered
    ]  # fmt: skip
    twice = [
        f"line {two.line}"
        for k, two in enumerate(made)
        if any((two.number, two.organ) == (one.number, one.organ) for one in made[:k])
    ]
    if twice:
        raise InputError(
            f"{path.name}: patient {shown(rows[0].patient_id)} has {counted(len(twice), 'row')} "
            f"of a visit that another row has ({listed(twice)}). Join the masks, or tell organs "
            "apart in a column `organ`."
        )
    return made
