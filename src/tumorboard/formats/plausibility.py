"""Dates and ranges that a study declares for its columns; what does not fit is listed by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.tables import parse_numbers

#: Excel shows an empty or zero cell that is formatted as a date as 1900-01-00 or 1900-01-01.
_FIRST_DATE = date(1900, 1, 2)

Columns = Mapping[str, Sequence[str | None]]


def check_dates(
    columns: Columns, formats: Mapping[str, str], *, lines: Sequence[int],
    patient_ids: Sequence[str], table: Path, today: date,
) -> None:  # fmt: skip
    """Check that declared date columns hold real dates in their declared format.

    Args:
        columns: Column name -> cells; None is missing.
        formats: Column name -> format such as "%d/%m/%Y", which settles what 03/04/2021 means.
        lines: Line of each row.
        patient_ids: Patient of each row.
        table: The table, for messages.
        today: A date after it is an error.

    Raises:
        InputError: Dates that are impossible, in another format, in the future, before 1900-01-02.
        StudyError: A format without year, month and day.
    """
    for column, form in formats.items():
        _check_format(column, form)
        reasons = {
            cell: reason
            for cell in set(columns[column])
            if cell is not None and (reason := _date_fault(cell, form, today))
        }
        faults = [
            f"row {lines[i]} patient {patient_ids[i]}: {shown(cell)} {reasons[cell]}"
            for i, cell in enumerate(columns[column])
            if cell is not None and cell in reasons
        ]
        if faults:
            raise InputError(
                f"{table.name}, column {column}: {counted(len(faults), 'date')} at fault: "
                f"{listed(faults)}. Mend the rows, or the format {form!r} in cohort.dates."
            )


def _check_format(column: str, form: str) -> None:
    example = date(2001, 2, 3)
    try:
        is_whole = datetime.strptime(example.strftime(form), form).date() == example
    except ValueError:
        is_whole = False
    if not is_whole:
        raise StudyError(
            f"cohort.dates.{column}: found {form!r}, expected a format of a whole date, such as "
            '"%Y-%m-%d" or "%d/%m/%Y".'
        )


def _date_fault(cell: str, form: str, today: date) -> str:
    try:
        day = datetime.strptime(cell.strip(), form).date()
    except ValueError:
        return f"is no date of the form {form}"
    if day > today:
        return "is in the future"
    return "is before 1900-01-02, as an empty date in a spreadsheet" if day < _FIRST_DATE else ""


def check_ranges(
    columns: Columns, ranges: Mapping[str, tuple[float, float]], *, lines: Sequence[int],
    patient_ids: Sequence[str], table: Path,
) -> None:  # fmt: skip
    """Check that declared columns stay in their plausible range; mixed units show up here.

    Raises:
        InputError: Values outside the range, with up to ten rows.
        StudyError: A range whose ends are reversed.
    """
    for column, (low, high) in ranges.items():
        if not low < high:
            raise StudyError(f"cohort.ranges.{column}: found [{low}, {high}], expected low < high.")
        cells = columns[column]
        numbers = parse_numbers(
            cells, column=column, lines=lines, patient_ids=patient_ids, table=table
        )
        rows = [int(row) for row in np.flatnonzero((numbers < low) | (numbers > high))]
        if rows:
            faults = [f"row {lines[i]} patient {patient_ids[i]}: {shown(cells[i])}" for i in rows]
            raise InputError(
                f"{table.name}, column {column}: {counted(len(faults), 'value')} outside the range "
                f"{low:g} to {high:g} of cohort.ranges: {listed(faults)}. Another unit, or a typo?"
            )


def check_values(
    columns: Columns, values: Mapping[str, Sequence[str]], *, lines: Sequence[int],
    patient_ids: Sequence[str], table: Path,
) -> None:  # fmt: skip
    """Check that declared columns hold only their declared values, such as 0 and 1 for an event.

    Raises:
        InputError: Other values, counted, with up to ten rows.
    """
    for column, allowed in values.items():
        cells = columns[column]
        rows = [i for i, cell in enumerate(cells) if cell is not None and cell not in allowed]
        if rows:
            often = Counter(cells[i] for i in rows).most_common(5)
            found = ", ".join(f"{shown(cell)} {n} times" for cell, n in often)
            faults = [f"row {lines[i]} patient {patient_ids[i]}: {shown(cells[i])}" for i in rows]
            raise InputError(
                f"{table.name}, column {column}: {counted(len(rows), 'cell')} with other values "
                f"than {', '.join(map(repr, allowed))} of cohort.values ({found}): "
                f"{listed(faults)}. Recode the column, or declare the values."
            )
