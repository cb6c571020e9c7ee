"""A table of visits: several dated rows of one patient, checked and in the order of their times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError, nearest
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.patient_ids import check_patient_ids
from tumorboard.formats.table_shape import Cell
from tumorboard.formats.tables import Table, parse_numbers, read_table
from tumorboard.records import Cohort, Floats, Ints

#: Value of `time_format` where times are numbers of days from the index date.
DAYS = "days"
#: No visit is further from the index date than this.
_MOST_DAYS = 120 * 365.25
_ONE_DAY = timedelta(days=1)
_ZERO = datetime(1900, 1, 1)


@dataclass(frozen=True)
class VisitTable:
    """Visits, by patient and time.

    Args:
        path: The file.
        patient_id: One per visit; the visits of a patient are neighbours, the earliest first.
        line: Line of each visit as a spreadsheet shows it.
        time_days: (visits,) days from the index date, or from 1 January 1900 for dates.
        numbers: Column -> (visits,) NaN where missing.
        cells: Column of categories -> one cell per visit, None where missing.
        notes: What was detected or left out.
    """

    path: Path
    patient_id: tuple[str, ...]
    line: tuple[int, ...]
    time_days: Floats
    numbers: Mapping[str, Floats]
    cells: Mapping[str, tuple[Cell, ...]]
    notes: tuple[str, ...]

    def of_patients(self) -> dict[str, slice]:
        """Patient -> where its visits stand."""
        ids = np.asarray(self.patient_id, dtype=str)
        names, first, counts = np.unique(ids, return_index=True, return_counts=True)
        found = zip(names.tolist(), first.tolist(), counts.tolist(), strict=True)
        return {name: slice(start, start + n) for name, start, n in found}


def find_visits(file: str, cohort: Cohort) -> Path | None:
    """Path of a table of visits; None where another cohort than the study's own has none.

    Args:
        file: Its name in the study, relative to the folder of the data; another cohort's is the
            file of that name beside its own table.
        cohort: Whose visits they are.

    Raises:
        InputError: The study's own table is absent.
    """
    beside = cohort.table.parent
    near, own = [beside / file, beside / Path(file).name], cohort.root / file
    places = [*near, own] if cohort.is_other else [own, near[1]]
    found = next((path for path in places if path.is_file()), None)
    if found is None and not cohort.is_other:
        looked = " or ".join(dict.fromkeys(map(str, places)))
        raise InputError(f"{looked}: no such table. Check `table` and the folder of the data.")
    return found


def read_visits(
    path: Path, *, patient_id: str, time: str, time_format: str, numeric: Sequence[str],
    categorical: Sequence[str], missing: Sequence[str],
) -> VisitTable:  # fmt: skip
    """Read a table with one row per patient and visit.

    Args:
        path: The table, see `tables.read_table`.
        patient_id: Column of the patient's id.
        time: Column of the visit's time.
        time_format: `days` from the index date (before it negative), or the format of dates.
        numeric: Columns of numbers.
        categorical: Columns of categories.
        missing: Cells that mean not known.

    Raises:
        InputError: No such column, visits without a time or with two rows of one time, cells that
            are neither number nor date; every row at fault is named.
    """
    table = read_table(path, missing=missing)
    named = [patient_id, time, *numeric, *categorical]
    absent = [name for name in named if name not in table.columns]
    if absent:
        hint = nearest(absent[0], list(table.columns))
        raise InputError(f"{path.name}: no column {', '.join(map(repr, absent))}. {hint}")
    codes = set(missing)
    cells = {
        name: tuple(None if cell is None or cell in codes else cell for cell in table.cells[name])
        for name in named
    }
    ids, notes = check_patient_ids(
        cells[patient_id], column=patient_id, lines=table.lines, table=path
    )
    times = _times(table, cells[time], ids, column=time, form=time_format)
    _refuse_twice(table, ids, times, cells[time])
    numbers = {
        name: parse_numbers(
            cells[name], column=name, lines=table.lines, patient_ids=ids, table=path
        )
        for name in numeric
    }
    order = np.lexsort((times, np.asarray(ids, dtype=str)))
    rows = _measured(order, numbers, [cells[name] for name in categorical])
    n_empty = table.n_rows - len(rows)
    if n_empty:
        said = counted(n_empty, "visit without any value was", "visits without any value were")
        notes.append(f"{path.name}: {said} left out")
    return VisitTable(
        path,
        tuple(ids[row] for row in rows),
        tuple(table.lines[row] for row in rows),
        times[rows],
        {name: values[rows] for name, values in numbers.items()},
        {name: tuple(cells[name][row] for row in rows) for name in categorical},
        (*table.notes, *notes),
    )


def days_of(
    cells: Sequence[Cell], *, form: str, column: str, lines: Sequence[int], ids: Sequence[str],
    table: Path,
) -> Floats:  # fmt: skip
    """Days from 1 January 1900 of dates, with their time of day; NaN where a cell is missing.

    Args:
        cells: One per row, None where missing.
        form: Format of the dates, such as `%Y-%m-%d`.
        column: Name of the column, for the message.
        lines: Line of each row.
        ids: Patient of each row.
        table: The table, for the message.

    Raises:
        InputError: Cells that are no date of this format between 1900 and 2100.
    """
    days = np.full(len(cells), np.nan)
    faults: list[str] = []
    for row, cell in enumerate(cells):
        if cell is None or not cell.strip():
            continue
        day = _date(cell.strip(), form)
        if day is None:
            faults.append(f"row {lines[row]} patient {ids[row]}: {shown(cell)}")
        else:
            days[row] = (day - _ZERO) / _ONE_DAY
    if faults:
        n = counted(len(faults), "cell is", "cells are")
        raise InputError(
            f"{table.name}, column {column}: {n} no date of the format {form!r}: {listed(faults)}. "
            "State the format of these dates, or mend the table."
        )
    return days


def _date(text: str, form: str) -> datetime | None:
    try:
        day = datetime.strptime(text, form)
    except ValueError:
        return None
    return day.replace(tzinfo=None) if 1900 <= day.year <= 2100 else None


def _times(
    table: Table, cells: Sequence[Cell], ids: Sequence[str], *, column: str, form: str
) -> Floats:
    """Days of every row.

    Raises:
        InputError: Cells that are empty or no time.
    """
    if form == DAYS:
        times = parse_numbers(
            cells, column=column, lines=table.lines, patient_ids=ids, table=table.path
        )
    else:
        times = days_of(
            cells, form=form, column=column, lines=table.lines, ids=ids, table=table.path
        )
    faults = [
        f"row {table.lines[r]} patient {ids[r]}" for r in np.flatnonzero(np.isnan(times)).tolist()
    ]
    if faults:
        raise InputError(
            f"{table.path.name}, column {column}: no time in {listed(faults)}. A visit without a "
            "time cannot be told from one after the index date; mend or remove it."
        )
    far = np.flatnonzero((np.abs(times) > _MOST_DAYS) & (form == DAYS)).tolist()
    if far:
        found = [f"row {table.lines[r]} patient {ids[r]}: {times[r]:g}" for r in far]
        raise InputError(
            f"{table.path.name}, column {column}: more than 120 years from the index date: "
            f"{listed(found)}. Times are in days."
        )
    return times


def _refuse_twice(table: Table, ids: Sequence[str], times: Floats, cells: Sequence[Cell]) -> None:
    """Two rows of one patient and time: nobody can say which is right.

    Raises:
        InputError: Every pair at fault.
    """
    first: dict[tuple[str, float], int] = {}
    faults: list[str] = []
    for row, key in enumerate(zip(ids, times.tolist(), strict=True)):
        other = first.setdefault(key, row)
        if other != row:
            pair = f"{table.lines[other]} and {table.lines[row]}"
            faults.append(f"patient {key[0]} at {shown(cells[row])} in rows {pair}")
    if faults:
        raise InputError(
            f"{table.path.name}: two rows of one patient and one time: {listed(faults)}. Keep one "
            "of each, or give times of day."
        )


def _measured(
    order: Ints, numbers: Mapping[str, Floats], categories: Sequence[Sequence[Cell]]
) -> Ints:
    """Rows with at least one value, in this order."""
    has_any = np.zeros(len(order), dtype=np.bool_)
    for values in numbers.values():
        has_any |= np.isfinite(values)
    for cells in categories:
        has_any |= np.asarray([cell is not None and bool(cell.strip()) for cell in cells])
    return order[has_any[order]]
