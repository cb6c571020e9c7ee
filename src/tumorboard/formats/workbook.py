"""Excel workbooks and Parquet files as rows of text; a formula that failed is an error."""

from __future__ import annotations

import math
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tumorboard.errors import InputError, nearest
from tumorboard.formats.messages import listed

_MIDNIGHT = re.compile(r"(\d{4}-\d{2}-\d{2}) 00:00:00(\.0+)?")
_CELL = re.compile(rb'<(?:\w+:)?c ([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)', re.DOTALL)  # fmt: skip
_ADDRESS = re.compile(rb'\br="([A-Z]+\d+)"')
_VALUE = re.compile(rb"<(?:\w+:)?v[^>]*>([^<]+)<")
_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_workbook(path: Path, *, sheet: str = "auto") -> tuple[list[list[str]], str, list[str]]:
    """Rows of one sheet, its name, and notes about sheets that were not read.

    Integers have no decimal point, dates are ISO, booleans are true or false, an empty cell is "".

    Args:
        path: An .xlsx or .xlsm file.
        sheet: Name of the sheet; "auto" takes the first visible one that holds something.

    Raises:
        InputError: Not a workbook, no such sheet, a formula that failed or was never computed.
    """
    import fastexcel

    try:
        reader = fastexcel.read_excel(str(path))
        names = list(reader.sheet_names)
    except fastexcel.FastExcelError as error:
        reason = str(error).split("\n", 1)[0]
        raise InputError(f"{path.name}: not a readable Excel workbook ({reason}).") from None
    if sheet != "auto" and sheet not in names:
        raise InputError(f"{path.name}: no sheet {sheet!r}. {nearest(sheet, names)}")
    loaded = {
        name: reader.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
        for name in (names if sheet == "auto" else [sheet])
    }
    filled = [n for n, s in loaded.items() if s.height and (s.visible == "visible" or n == sheet)]
    if not filled:
        raise InputError(f"{path.name}: no visible sheet holds anything. Expected a table.")
    chosen = filled[0]
    _refuse_failed_cells(path, chosen)
    frame = loaded[chosen].to_polars()
    rows = [["" if cell is None else _plain(str(cell)) for cell in row] for row in frame.rows()]
    others = [name for name in names if name != chosen]
    notes = [f"sheet {chosen!r} was read"]
    if others:
        notes.append(f"sheets not read: {', '.join(repr(name) for name in others)}")
    return rows, chosen, notes


def _plain(cell: str) -> str:
    """A date without its midnight."""
    match = _MIDNIGHT.fullmatch(cell)
    return match[1] if match else cell


def _refuse_failed_cells(path: Path, sheet: str) -> None:
    """The reader gives an empty cell for #DIV/0! and for a formula never computed; look again."""
    failed: list[str] = []
    with zipfile.ZipFile(path) as archive:
        data = archive.read(_member(archive, sheet))
    for attributes, inner in _CELL.findall(data):
        value = _VALUE.search(inner)
        is_error = b't="e"' in attributes
        is_uncomputed = value is None and _FORMULA.search(inner) and b't="str"' not in attributes
        if is_error or is_uncomputed:
            address = _ADDRESS.search(attributes)
            found = value[1].decode("utf-8", "replace") if value else "formula never computed"
            failed.append(f"{address[1].decode() if address else 'a cell'}: {found}")
    if failed:
        raise InputError(
            f"{path.name}, sheet {sheet!r}: cells without a value: {listed(failed)}. "
            "Open the workbook, mend the formulas and save it."
        )


def _member(archive: zipfile.ZipFile, sheet: str) -> str:
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for entry in book.iter(f"{_MAIN}sheet"):
        if entry.get("name") == sheet:
            target = targets[entry.get(_LINK)]
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise InputError(f"{archive.filename}: sheet {sheet!r} is not in the workbook's index.")


def read_parquet(path: Path) -> list[list[str | None]]:
    """Header and rows of a Parquet file; null is None, whole numbers have no decimal point.

    Raises:
        InputError: Not Parquet, or a column of lists, structures or bytes.
    """
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        raise InputError(f"{path.name}: not a readable Parquet file ({reason}).") from None
    columns: list[list[str | None]] = []
    for series in frame.get_columns():
        if series.dtype.is_nested() or series.dtype == pl.Binary or series.dtype == pl.Object:
            raise InputError(
                f"{path.name}, column {series.name}: holds {series.dtype}; expected text, numbers "
                "or dates."
            )
        columns.append([_text(value) for value in series.to_list()])
    body = [list(row) for row in zip(*columns, strict=True)]
    return [list(frame.columns), *body]


def _text(value: Any) -> str | None:
    """A value as text: 57.0 is 57, True is true, a date is ISO."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        whole = math.isfinite(value) and value.is_integer() and abs(value) < 2**53
        return str(int(value)) if whole else repr(value)
    return _plain(str(value))
