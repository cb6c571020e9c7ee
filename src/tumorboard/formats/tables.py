"""Tables as text, exactly as written: CSV, TSV, Excel and Parquet, with what was detected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.delimited import (
    DECIMAL_COMMA,
    DELIMITERS,
    decimal_note,
    point_decimals,
    read_delimited,
)
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.table_shape import Cell, Shape, check_shape
from tumorboard.formats.text_encoding import read_text
from tumorboard.formats.workbook import read_parquet, read_workbook

_DELIMITED = (".csv", ".tsv", ".tab", ".txt")
_EXCEL = (".xlsx", ".xlsm")
_PARQUET = (".parquet", ".pq")
_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook or a ZIP",
    b"PAR1": "Parquet",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}

#: From this many cells on, a column is parsed as a whole: twenty times faster.
_MANY = 1_000

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Table:
    """A table as text: ids keep their zeros, codes stay codes; nothing is converted.

    Args:
        path: The file.
        columns: Column names in the file's order.
        cells: Column name -> one cell per row; None is a null of Parquet, "" an empty cell.
        lines: Line of each row as a spreadsheet shows it (the header is usually 1).
        encoding: Encoding of a text table, else "".
        delimiter: Delimiter of a text table, else "".
        sheet: Sheet of a workbook, else "".
        notes: What was detected, trimmed or normalised, for the report.
    """

    path: Path
    columns: tuple[str, ...]
    cells: Mapping[str, tuple[Cell, ...]]
    lines: tuple[int, ...]
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    notes: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        """Number of rows below the header."""
        return len(self.lines)


def refuse_no_file(path: Path, *, expected: str = "a table") -> None:
    """Refuse a path that is no file.

    Args:
        path: The path.
        expected: What the file should be, for the message.

    Raises:
        InputError: No such file, or a folder.
    """
    if path.is_dir():
        raise InputError(f"{path.resolve()}: is a folder; expected {expected}, one file.")
    if not path.is_file():
        raise InputError(f"{path}: no such table; expected {expected}.")


def read_table(
    path: Path, *, encoding: str = "auto", delimiter: str = "auto", decimal: str = "auto",
    sheet: str = "auto", missing: Sequence[str] = ("",),
) -> Table:  # fmt: skip
    """Read a table, detecting what the options leave to "auto", and refuse what would need a guess.

    Args:
        path: .csv, .tsv, .txt, .xlsx or .parquet.
        encoding: Of a text table.
        delimiter: Of a text table: one character.
        decimal: "," or "." of a text table; "auto" reads decimal commas in semicolon files alone.
        sheet: Of a workbook; "auto" is the first visible one that holds something.
        missing: Codes that mean not known; they say nothing about a column's decimal mark.

    Raises:
        InputError: The file cannot be read as one table with one header; says row and column.
        StudyError: An option that does not exist.
    """
    refuse_no_file(path)
    suffix = path.suffix.lower()
    head = _first_bytes(path)
    if suffix in _EXCEL:
        rows, chosen, notes = read_workbook(path, sheet=sheet)
        return _table(path, check_shape(rows, path), notes, sheet=chosen)
    if suffix in _PARQUET:
        return _table(path, check_shape(read_parquet(path), path), [])
    if suffix not in _DELIMITED:
        known = ", ".join((*_DELIMITED, *_EXCEL, *_PARQUET))
        raise InputError(f"{path.name}: unknown kind of table {suffix!r}. Known: {known}.")
    if head in _SIGNATURES:
        raise InputError(
            f"{path.name}: is {_SIGNATURES[head]}, although its name says text. "
            "Rename it, or export CSV."
        )
    text, used = read_text(path, encoding=encoding)
    rows, found = read_delimited(text, path, delimiter=delimiter)
    shape = check_shape(rows, path)
    texts = {name: [cell or "" for cell in cells] for name, cells in shape.columns.items()}
    changed = point_decimals(
        texts, shape.lines, path, decimal=decimal, delimiter=found, missing=missing
    )
    columns: dict[str, list[Cell]] = {name: list(cells) for name, cells in texts.items()}
    notes = [f"encoding {used}, delimiter {DELIMITERS.get(found, repr(found))}"]
    if changed:
        notes.append(decimal_note(changed))
    shape = Shape(columns, shape.lines, shape.notes)
    return _table(path, shape, notes, encoding=used, delimiter=found)


def _table(
    path: Path, shape: Shape, notes: Sequence[str], *, encoding: str = "", delimiter: str = "",
    sheet: str = "",
) -> Table:  # fmt: skip
    return Table(
        path=path,
        columns=tuple(shape.columns),
        cells={name: tuple(cells) for name, cells in shape.columns.items()},
        lines=tuple(shape.lines),
        encoding=encoding,
        delimiter=delimiter,
        sheet=sheet,
        notes=tuple(f"{path.name}: {note}" for note in (*notes, *shape.notes)),
    )


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(4)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None


def parse_numbers(
    cells: Sequence[str | None],
    *,
    column: str,
    lines: Sequence[int],
    patient_ids: Sequence[str],
    table: Path,
) -> NDArray[np.float64]:
    """Cells of one column as numbers: None becomes NaN, what is no plain number is an error.

    Args:
        cells: One per row; None where the study declares the value missing.
        column: Name of the column, for the message.
        lines: Line of each row as a spreadsheet shows it.
        patient_ids: Patient of each row.
        table: The table, for the message.

    Raises:
        InputError: `<5`, `12 mg`, `n/a`, infinity, a decimal comma: up to ten rows and values.
    """
    numbers = _fast_numbers(cells) if len(cells) >= _MANY else np.full(len(cells), np.nan)
    faults: list[int] = []
    for row in np.flatnonzero(~np.isfinite(numbers)).tolist():
        cell = cells[row]
        if cell is None:
            continue
        text = cell.strip()
        numbers[row] = float(text) if is_number(text) else np.nan
        if not np.isfinite(numbers[row]):
            faults.append(row)
    if faults:
        found = [f"row {lines[r]} patient {patient_ids[r]}: {shown(cells[r])}" for r in faults]
        n = counted(len(faults), "value is", "values are")
        raise InputError(
            f"{table.name}, column {column}: {n} not a number: "
            f"{listed(found)}. {_number_remedy([cells[r] or '' for r in faults])}"
        )
    return numbers


def _fast_numbers(cells: Sequence[str | None]) -> NDArray[np.float64]:
    """What polars takes for finite numbers, which all are; NaN where somebody must look closer."""
    import polars as pl

    texts = pl.Series(cells, dtype=pl.String)
    numbers = texts.str.strip_chars().cast(pl.Float64, strict=False).to_numpy(writable=True)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


def is_number(text: str) -> bool:
    """Whether a text is a plain decimal number; `nan`, `inf`, `1_000` and `1,5` are not."""
    return _NUMBER.fullmatch(text) is not None


def _number_remedy(values: Sequence[str]) -> str:
    if all(DECIMAL_COMMA.fullmatch(value.strip()) for value in values):
        return 'If these are decimal commas, set decimal = "," under [cohort]; else mend the table.'
    return (
        "Declare the codes that mean not known in `missing` under [cohort], use the column as "
        "categorical, or mend the table."
    )
