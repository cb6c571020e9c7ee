"""A folder of files and one table that names them: the source of most studies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from tumorboard.cohorts import Source
from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.messages import listed
from tumorboard.formats.named_files import match_files
from tumorboard.formats.patient_ids import check_patient_ids
from tumorboard.formats.plausibility import check_dates, check_ranges, check_values
from tumorboard.formats.tables import Table, read_table
from tumorboard.records import Cohort, FileRecord

Columns = dict[str, list[str | None]]

_NO_DATES: Mapping[str, str] = {}
_NO_RANGES: Mapping[str, tuple[float, float]] = {}
_NO_VALUES: Mapping[str, tuple[str, ...]] = {}


class Folder(Source):
    """A table (CSV, TSV, Excel, Parquet) whose rows name files below one folder.

    Args:
        table: File name of the table, relative to the data folder.
        patient_id: Column of the patient id, kept as text.
        missing: Codes that mean not known; nothing else is missing.
        sheet: Sheet of a workbook.
        delimiter: One character, or "auto".
        encoding: Encoding of a text table, or "auto".
        decimal: "," or ".", or "auto".
        dates: Column -> format, such as "%d/%m/%Y"; every date is checked.
        ranges: Column -> lowest and highest plausible value; anything outside is an error.
        values: Column -> the values it may hold, such as `died = ["0", "1"]`; others are errors.
    """

    def __init__(
        self, *, table: str, patient_id: str = "patient_id", missing: tuple[str, ...] = ("",),
        sheet: str = "auto", delimiter: str = "auto", encoding: str = "auto", decimal: str = "auto",
        dates: Mapping[str, str] = _NO_DATES,
        ranges: Mapping[str, tuple[float, float]] = _NO_RANGES,
        values: Mapping[str, tuple[str, ...]] = _NO_VALUES,
    ) -> None:  # fmt: skip
        self.table = table
        self.patient_id = patient_id
        self.missing = missing
        self.sheet = sheet
        self.delimiter = delimiter
        self.encoding = encoding
        self.decimal = decimal
        self.dates = dates
        self.ranges = ranges
        self.values = values

    def read(self, root: Path, *, name: str, files: Mapping[str, str]) -> Cohort:
        """Read the table and find the files that its rows name; see `Source.read`."""
        table = self._read_table(root)
        self._refuse_unknown_columns(table)
        codes = {code.strip() for code in self.missing}
        columns: Columns = {
            column: [None if cell is None or cell.strip() in codes else cell for cell in cells]
            for column, cells in table.cells.items()
        }
        ids, id_notes = check_patient_ids(
            columns[self.patient_id], column=self.patient_id, lines=table.lines, table=table.path
        )
        columns[self.patient_id] = list(ids)
        lines, columns, merged = _merge_duplicates(table, columns)
        ids = [str(cell) for cell in columns[self.patient_id]]
        check_dates(
            columns, self.dates, lines=lines, patient_ids=ids, table=table.path, today=date.today()
        )
        check_ranges(columns, self.ranges, lines=lines, patient_ids=ids, table=table.path)
        check_values(columns, self.values, lines=lines, patient_ids=ids, table=table.path)
        patterns = {modality: text for modality, text in files.items() if text != "none"}
        found = match_files(
            columns, patterns, root=root, patient_ids=ids, lines=lines, table=table.path
        )
        return Cohort(
            name=name,
            patient_id=tuple(ids),
            unit_id=tuple(f"{patient}:{line}" for patient, line in zip(ids, lines, strict=True)),
            columns={column: tuple(cells) for column, cells in columns.items()},
            files=found.files,
            line=tuple(lines),
            table=table.path,
            root=root,
            records=(FileRecord(table.path, "used", "cohort table"), *found.records),
            rejections=found.rejections,
            notes=(*table.notes, *id_notes, *merged, *found.notes),
        )

    def _read_table(self, root: Path) -> Table:
        remedy = "Name the data folder with --data DIR or TUMORBOARD_DATA."
        if not root.is_dir():
            raise InputError(f"{root}: no such data folder. {remedy}")
        path = root / self.table
        if not path.is_file():
            raise InputError(f"{path}: no such table (cohort.table). {remedy}")
        return read_table(
            path, encoding=self.encoding, delimiter=self.delimiter, decimal=self.decimal,
            sheet=self.sheet, missing=self.missing,
        )  # fmt: skip

    def _refuse_unknown_columns(self, table: Table) -> None:
        asked = [("patient_id", self.patient_id)]
        asked += [(f"dates.{column}", column) for column in self.dates]
        asked += [(f"ranges.{column}", column) for column in self.ranges]
        asked += [(f"values.{column}", column) for column in self.values]
        problems = [
            f"cohort.{key}: {table.path.name} has no column {column!r}. "
            f"{nearest(column, table.columns)}"
            for key, column in asked
            if column not in table.cells
        ]
        if problems:
            raise StudyError(problems)


def _merge_duplicates(table: Table, columns: Columns) -> tuple[list[int], Columns, list[str]]:
    """Rows that repeat an earlier row in every cell are the same row, entered twice."""
    seen: dict[tuple[str | None, ...], int] = {}
    kept: list[int] = []
    again: list[str] = []
    for row, cells in enumerate(zip(*columns.values(), strict=True)):
        if cells in seen:
            again.append(f"{table.lines[row]} (as row {table.lines[seen[cells]]})")
            continue
        seen[cells] = row
        kept.append(row)
    if not again:
        return list(table.lines), columns, []
    note = f"{table.path.name}: rows repeated with the same values were merged: {listed(again)}"
    return (
        [table.lines[row] for row in kept],
        {column: [cells[row] for row in kept] for column, cells in columns.items()},
        [note],
    )
