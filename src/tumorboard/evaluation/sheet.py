"""Cells of a prediction table as text, with the row numbers that a spreadsheet shows."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError, nearest
from tumorboard.evaluation.prediction_table import Texts
from tumorboard.records import Floats, Ints

#: Beginnings of a cell that a spreadsheet takes for a formula; `predict` sets a quote before them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Sheet:
    """Cells of a CSV file as text, with the row numbers that a spreadsheet shows."""

    path: Path
    header: list[str]
    rows: list[list[str]]
    line: list[int]

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """Read a CSV file in UTF-8.

        Raises:
            InputError: Not such a file, no rows, no `patient_id`, or rows of other lengths.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as handle:
                numbered = [(i, row) for i, row in enumerate(csv.reader(handle), 1) if row]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path}: cannot be read as a CSV file in UTF-8 ({error}).") from error
        if len(numbered) < 2:
            raise InputError(f"{path}: no predictions. Expected a header and one row per patient.")
        header = [name.strip() for name in numbered[0][1]]
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise InputError(f"{path}: the column {twice!r} is there twice. Remove or rename one.")
        if "patient_id" not in header:
            raise InputError(
                f"{path}: no column patient_id. {nearest('patient_id', header)} "
                "The file must be separated by commas."
            )
        for line, row in numbered[1:]:
            if len(row) != len(header):
                raise InputError(
                    f"{path}, row {line}: {len(row)} cells, but the header has {len(header)}. "
                    "Is a comma missing or too many?"
                )
        return cls(path, header, [row for _, row in numbered[1:]], [i for i, _ in numbered[1:]])

    def cells(self, name: str) -> list[str]:
        """A column's cells, without spaces around them."""
        at = self.header.index(name)
        return [row[at].strip() for row in self.rows]

    def texts(self, name: str, default: str = "") -> Texts:
        """A column as text; a column that is not there holds `default` in every row."""
        cells = self.cells(name) if name in self.header else [default] * len(self.rows)
        return np.asarray(cells, dtype=np.str_)

    def ids(self, name: str) -> Texts:
        """A column of ids, without the quote that keeps a spreadsheet from taking formulas."""
        plain = [
            cell[1:].strip() if cell[:1] == "'" and cell[1:2] in _FORMULA else cell
            for cell in self.cells(name)
        ]
        return np.asarray(plain, dtype=np.str_)

    def counts(self, name: str) -> Ints:
        """A column of numbers from 1; a column that is not there is 1 in every row."""
        cells = self.texts(name, "1").tolist()
        for row, cell in enumerate(cells):
            if not (cell.isascii() and cell.isdigit() and int(cell) >= 1):
                raise self.fault(row, f"{name} is {cell!r}, expected a whole number from 1.")
        return np.asarray([int(cell) for cell in cells], dtype=np.int64)

    def fault(self, row: int, sentence: str) -> InputError:
        """An error about one row, by the row number that a spreadsheet shows and by patient."""
        patient = self.rows[row][self.header.index("patient_id")].strip()
        return InputError(f"{self.path}, row {self.line[row]}, patient {patient!r}: {sentence}")

    def numbers(self, names: Sequence[str], *, empty: bool) -> Floats:
        """(rows, columns) of numbers; an empty cell is NaN where `empty` allows it."""
        values = np.full((len(self.rows), len(names)), np.nan)
        for k, name in enumerate(names):
            for row, cell in enumerate(self.cells(name)):
                if not cell and empty:
                    continue
                try:
                    values[row, k] = float(cell)
                except ValueError:
                    raise self.fault(row, f"{name} is {cell!r}, expected a number.") from None
                if not np.isfinite(values[row, k]):
                    raise self.fault(row, f"{name} is {cell!r}, expected a finite number.")
        return values
