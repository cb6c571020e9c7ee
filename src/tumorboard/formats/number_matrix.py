"""A large table of numbers with a name for every row and every column: genes and patients."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError, nearest
from tumorboard.formats.messages import counted, listed, shown

if TYPE_CHECKING:
    import polars

#: Cells that hold no value, in addition to empty ones.
MISSING = ("NA", "N/A", "NaN", "nan", "null", "NULL")
_COMMA = re.compile(r"-?\d+,\d+")
_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")


@dataclass(frozen=True)
class NumberMatrix:
    """Numbers as they are written.

    Args:
        path: The file.
        rows: Name of each row: its first cell.
        columns: Name of each column of numbers: its header.
        values: (rows, columns) float64, NaN where missing.
        texts: Columns that hold text, such as a gene's description.
        faults: Column -> up to ten cells that are no numbers, of columns that hold some numbers.
    """

    path: Path
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    texts: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def find_matrix(file: str, *, root: Path, table: Path) -> Path:
    """Path of a table: below the folder of the data, or beside another cohort's own table.

    Args:
        file: Its name in the study, such as `rna/tpm.csv`.
        root: Folder that names start from.
        table: Table of the cohort; another cohort's genes are in a file of the same name beside it.

    Raises:
        InputError: Neither is there.
    """
    places = (root / file, table.parent / Path(file).name)
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        looked = " or ".join(dict.fromkeys(map(str, places)))
        raise InputError(f"{looked}: no such table. Check `table` and the folder of the data.")
    return found


def read_number_matrix(path: Path, *, id_column: str = "auto") -> NumberMatrix:
    """Read .csv, .tsv or .txt, gzipped or not.

    A file that did not change is read once in a process.

    Args:
        path: The table.
        id_column: Column that names the rows; "auto" is the first.

    Raises:
        InputError: No such file, no table of numbers, rows without a name, no such column.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such table. Check `table` and the folder of the data.")
    status = path.stat()
    return _read(path, status.st_size, status.st_mtime_ns, id_column)


@lru_cache(maxsize=2)
def _read(path: Path, size: int, changed_ns: int, id_column: str) -> NumberMatrix:
    """The matrix of one content of a file."""
    raw = _content(path)
    header = _header(raw, path)
    first = 0 if id_column == "auto" else _position(header.names, id_column, path)
    _refuse_short_end(raw, header.delimiter, len(header.names), path)
    frame = _frame(raw, header.delimiter, len(header.names), first, path)
    rows = tuple((cell or "").strip() for cell in frame[str(first)].to_list())
    empty = [f"row {row + 2}" for row, name in enumerate(rows) if not name]
    if empty:
        named = header.names[first] or "the first column"
        raise InputError(f"{path.name}: {named} names the rows; it is empty in {listed(empty)}.")
    return _matrix(path, header, frame, rows, first)


def _matrix(
    path: Path, header: _Header, frame: polars.DataFrame, rows: tuple[str, ...], first: int
) -> NumberMatrix:
    """Columns of numbers, and what the others are."""
    others = [str(i) for i in range(len(header.names)) if i != first]
    if others and all(frame[name].dtype.is_float() for name in others):
        names = tuple(name for i, name in enumerate(header.names) if i != first)
        whole = frame.select(others).fill_null(float("nan")).to_numpy()
        return NumberMatrix(path, rows, names, whole)
    texts: list[str] = []
    faults: list[str] = []
    kept: list[str] = []
    numbers: list[NDArray[np.float64]] = []
    for position, name in enumerate(header.names):
        if position == first:
            continue
        own = frame[str(position)]
        values, wrong = _numbers(own)
        if wrong and len(wrong) > 0.5 * max(len(own) - own.null_count(), 1):
            texts.append(name)
            continue
        faults += [f"row {row + 2} column {name}: {shown(cell)}" for row, cell in wrong]
        kept.append(name)
        numbers.append(values)
    if not numbers:
        cells = frame[str(len(header.names) - 1)].drop_nulls().to_list()
        comma = next((c for c in cells if _COMMA.fullmatch(str(c))), "")
        why = (
            f" Decimals are written with a comma ({shown(comma)}); write a point." if comma else ""
        )
        raise InputError(
            f"{path.name}: holds no column of numbers. Expected genes and patients.{why}"
        )
    values = np.stack(numbers, axis=1)
    return NumberMatrix(path, rows, tuple(kept), values, tuple(texts), tuple(faults))


@dataclass(frozen=True)
class _Header:
    names: tuple[str, ...]
    delimiter: str


def _content(path: Path) -> bytes:
    """Bytes of the table, unzipped."""
    names = [part.lower() for part in path.suffixes]
    suffix = names[-2] if len(names) > 1 and names[-1] == ".gz" else (names or [""])[-1]
    if suffix not in _SUFFIXES:
        raise InputError(
            f"{path.name}: unknown kind of table. Known: {', '.join(_SUFFIXES)}, also with .gz."
        )
    raw = path.read_bytes()
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name}: this gzip file cannot be read ({error}).") from None


def _position(names: Sequence[str], wanted: str, path: Path) -> int:
    if wanted not in names:
        raise InputError(
            f"{path.name}: has no column {wanted!r} (id_column). {nearest(wanted, names)}"
        )
    return names.index(wanted)


def _header(raw: bytes, path: Path) -> _Header:
    """Names of the columns, compared with the cells of the row below them."""
    end = raw.find(b"\n")
    first = raw if end < 0 else raw[:end]
    try:
        line = first.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: is not UTF-8 text. Save it as CSV UTF-8.") from None
    delimiter = max("\t,;", key=line.count)
    names = [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter), [])]
    stop = raw.find(b"\n", end + 1)
    second = raw[end + 1 : stop if stop > 0 else len(raw)] if end >= 0 else b""
    below = second.decode("utf-8", errors="replace").rstrip("\r")
    if not below.strip():
        raise InputError(f"{path.name}: holds no table. Expected a header and rows of numbers.")
    # R writes row names without a header of their own: one name fewer than there are cells.
    width = len(next(csv.reader(io.StringIO(below), delimiter=delimiter), []))
    if width == len(names) + 1:
        names = ["", *names]
    elif width != len(names):
        raise InputError(
            f"{path.name}: the header has {counted(len(names), 'cell')}, row 2 has {width}. "
            "Is a delimiter inside a cell, or a name missing?"
        )
    return _Header(tuple(names), delimiter)


def _frame(raw: bytes, delimiter: str, width: int, first: int, path: Path) -> polars.DataFrame:
    """Columns called "0", "1", ...: numbers where all are, else text."""
    import polars as pl

    def read(kind: type[pl.DataType]) -> pl.DataFrame:
        schema: dict[str, type[pl.DataType]] = {str(i): kind for i in range(width)}
        return pl.read_csv(
            raw, has_header=False, skip_rows=1, separator=delimiter, encoding="utf8",
            schema={**schema, str(first): pl.String}, null_values=["", *MISSING],
        )  # fmt: skip

    try:
        return read(pl.Float64)
    except pl.exceptions.PolarsError:
        pass  # some cell is text: which one is seen column by column
    try:
        return read(pl.String)
    except pl.exceptions.PolarsError as error:
        words = str(error).partition("\n")[0]
        fault = _fault(raw, delimiter, width) or f"cannot be read as a table ({words})."
        raise InputError(f"{path.name}: {fault}") from None


def _fault(raw: bytes, delimiter: str, width: int) -> str:
    """What is wrong with a table that could not be read, and in which row; "" for not known."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        column = raw.count(delimiter.encode(), raw.rfind(b"\n", 0, error.start) + 1, error.start)
        return f"row {row}, column {column + 1}: is not UTF-8 text. Save it as CSV UTF-8."
    for cells in (reader := csv.reader(io.StringIO(text), delimiter=delimiter)):
        if cells and reader.line_num > 1 and len(cells) != width:
            return (
                f"row {reader.line_num} has {counted(len(cells), 'cell')}, the header {width}. Is "
                "a delimiter inside a cell, or the file cut off?"
            )
    return ""


def _refuse_short_end(raw: bytes, delimiter: str, width: int, path: Path) -> None:
    """Refuse a table whose last row ends early: readers would take the rest for missing values."""
    body = raw.rstrip(b"\r\n")
    last = body[body.rfind(b"\n") + 1 :].decode("utf-8", errors="replace")
    n = len(next(csv.reader(io.StringIO(last), delimiter=delimiter), []))
    if n < width:
        raise InputError(
            f"{path.name}: the last row, {body.count(bytes([10])) + 1}, has {counted(n, 'cell')}, "
            f"the header {width}: the file was cut off. Copy or export it again."
        )


def _numbers(column: polars.Series) -> tuple[NDArray[np.float64], list[tuple[int, str]]]:
    """Numbers of a column, NaN where missing, and (row, cell) of cells that are none."""
    import polars as pl

    if column.dtype == pl.Float64:
        return column.fill_null(float("nan")).to_numpy(), []
    values = column.str.strip_chars().cast(pl.Float64, strict=False)
    wrong = (values.is_null() & column.is_not_null()).arg_true().to_list()
    return values.fill_null(float("nan")).to_numpy(), [(row, column[row]) for row in wrong]


def refuse_twice(names: Sequence[str], what: str, where: str) -> None:
    """Refuse names that stand twice.

    Raises:
        InputError: Every such name.
    """
    twice = [f"{name} ({n} times)" for name, n in Counter(names).items() if n > 1]
    if twice:
        raise InputError(f"{where}: {what} more than once: {listed(twice)}. Keep one of each.")
