"""Tables as text, exactly as written: CSV, TSV, Excel and Parquet, with what was detected on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError

#: How many rows a message lists before it counts the rest.
LISTED = 10

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)


def parse_numbers(
    cells: Sequence[str | None],
    *,
    column: str,
    lines: Sequence[int],
    patient_ids: Sequence[str],
    table: Path,
) -> NDArray[np.float64]:
    """Cells of one column as numbers; None becomes NaN, anything that is not a plain number is an error.

    Args:
        cells: One per row; None where the study declares the value missing.
        column: Name of the column, for the message.
        lines: Line of each row as a spreadsheet shows it.
        patient_ids: Patient of each row.
        table: The table, for the message.

    Raises:
        InputError: `<5`, `12 mg`, `n/a`, infinity, a decimal comma: up to ten rows with their values.
    """
    numbers = np.full(len(cells), np.nan)
    faults: list[int] = []
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        text = cell.strip()
        number = float(text) if _NUMBER.fullmatch(text) else np.nan
        if not np.isfinite(number):
            faults.append(row)
        numbers[row] = number
    if faults:
        found = [f"row {lines[r]} patient {patient_ids[r]}: {shown(cells[r])}" for r in faults]
        raise InputError(
            f"{table.name}, column {column}: {_count(len(faults), 'value')} not a number: "
            f"{listed(found)}. {_number_remedy([cells[r] or '' for r in faults])}"
        )
    return numbers


def _number_remedy(values: Sequence[str]) -> str:
    if all(_DECIMAL_COMMA.fullmatch(value.strip()) for value in values):
        return 'If these are decimal commas, set decimal = "," under [cohort]; else mend the table.'
    return (
        "Declare the codes that mean not known in `missing` under [cohort], use the column as "
        "categorical, or mend the table."
    )


def _count(n: int, word: str) -> str:
    return f"1 {word} is" if n == 1 else f"{n} {word}s are"


def shown(cell: str | None) -> str:
    """A cell for a message: quoted, control characters escaped, cut at 40 characters."""
    text = "" if cell is None else cell
    return repr(text if len(text) <= 40 else text[:37] + "...")


def listed(items: Sequence[str]) -> str:
    """The first ten items, and how many more there are."""
    more = f", and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return ", ".join(items[:LISTED]) + more
