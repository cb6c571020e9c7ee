"""CSV and TSV: the delimiter is detected, rows are numbered as a spreadsheet shows them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.messages import counted, listed

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE_ROWS = 200
_DIRECTIVE = re.compile(r"sep=(.)\r?\n")

#: A number with a decimal comma.
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


def read_delimited(
    text: str, path: Path, *, delimiter: str = "auto"
) -> tuple[list[list[str]], str]:
    """Rows of a delimited text and its delimiter; a blank line is an empty row.

    Raises:
        InputError: A quote that is not closed, or two delimiters that fit equally well.
        StudyError: A delimiter of more than one character.
    """
    skipped = 0
    directive = _DIRECTIVE.match(text)  # what Excel writes and reads as a first line, such as sep=;
    if directive:
        text, skipped = text[directive.end() :], 1
        delimiter = directive[1] if delimiter == "auto" else delimiter
    if delimiter == "auto":
        delimiter = _detect(text, path)
    if len(delimiter) != 1:
        raise StudyError(f"delimiter: found {delimiter!r}, expected one character, such as ';'.")
    rows: list[list[str]] = [[] for _ in range(skipped)]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows.extend(reader)
    except csv.Error as error:
        raise InputError(
            f"{path.name}, line {reader.line_num + skipped}: not valid CSV ({error}). "
            'Is a quote not closed, or a quote inside a cell not doubled ("")?'
        ) from None
    return rows, delimiter


def _detect(text: str, path: Path) -> str:
    """The delimiter that gives most rows the same number of cells; more cells break a tie."""
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    scores: dict[str, tuple[float, int]] = {}
    for delimiter in DELIMITERS:
        widths = _widths(text, delimiter)
        if not widths:
            continue
        width, n = widths.most_common(1)[0]
        if width > 1:
            scores[delimiter] = (n / widths.total(), width)
    if not scores:
        return ","
    best = max(scores.values())
    winners = [delimiter for delimiter, score in scores.items() if score == best]
    if len(winners) > 1:
        names = " or ".join(DELIMITERS[delimiter] for delimiter in winners)
        raise InputError(
            f"{path.name}: the delimiter could be {names}. Set delimiter under [cohort]."
        )
    return winners[0]


def _widths(text: str, delimiter: str) -> Counter[int]:
    widths: Counter[int] = Counter()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if row:
                widths[len(row)] += 1
            if widths.total() >= _SAMPLE_ROWS:
                break
    except csv.Error:  # a cell beyond the size limit: with this delimiter it is no table
        return Counter()
    return widths


def point_decimals(
    columns: dict[str, list[str]], lines: Sequence[int], path: Path, *, decimal: str,
    delimiter: str, missing: Sequence[str],
) -> list[str]:  # fmt: skip
    """Turn decimal commas into points, in place, in columns that hold nothing but such numbers.

    Args:
        columns: Column name -> cells.
        lines: Line of each row, for messages.
        path: The table.
        decimal: ",", ".", or "auto": commas are looked for in semicolon files alone.
        delimiter: The table's delimiter.
        missing: Declared codes, which say nothing about the decimal mark.

    Returns:
        Names of the columns that were changed.

    Raises:
        InputError: A column mixes commas and points, or `1,234` may be either 1.234 or 1234.
    """
    if decimal not in ("auto", ",", "."):
        raise StudyError(f"decimal: found {decimal!r}, expected 'auto', ',' or '.'.")
    if decimal == "." or (decimal == "auto" and delimiter != ";"):
        return []
    found = {name: cells for name, cells in columns.items() if _is_comma_column(cells, missing)}
    for name, cells in found.items():
        points = [i for i, cell in enumerate(cells) if _POINT.fullmatch(cell.strip())]
        if points:
            rows = listed([f"row {lines[i]}: {cells[i]!r}" for i in points])
            raise InputError(
                f"{path.name}, column {name}: decimal commas in most rows, but points in {rows}. "
                "Use one decimal mark."
            )
    certain = decimal == "," or any(_is_certain(cells) for cells in found.values())
    if found and not certain:
        name, cells = next(iter(found.items()))
        row = next(i for i, cell in enumerate(cells) if DECIMAL_COMMA.fullmatch(cell.strip()))
        raise InputError(
            f"{path.name}, row {lines[row]}, column {name}: {cells[row]!r} may be a decimal "
            'comma or a thousands mark. Set decimal = "," under [cohort], or remove the marks.'
        )
    for name, cells in found.items():
        columns[name] = [
            cell.replace(",", ".") if DECIMAL_COMMA.fullmatch(cell.strip()) else cell
            for cell in cells
        ]
    return list(found)


def _is_comma_column(cells: Sequence[str], missing: Sequence[str]) -> bool:
    """Some cells have a decimal comma, and every other cell is a number or declared missing."""
    codes = set(missing) | {""}
    values = {cell.strip() for cell in cells} - codes
    return any(DECIMAL_COMMA.fullmatch(value) for value in values) and all(
        DECIMAL_COMMA.fullmatch(value) or _INTEGER.fullmatch(value) or _POINT.fullmatch(value)
        for value in values
    )


def _is_certain(cells: Sequence[str]) -> bool:
    values = [cell.strip() for cell in cells]
    return any(
        DECIMAL_COMMA.fullmatch(value) and not _THOUSANDS.fullmatch(value) for value in values
    )


def decimal_note(changed: Sequence[str]) -> str:
    """Sentence for the report about decimal commas."""
    return f"decimal comma in {counted(len(changed), 'column')}: {', '.join(changed)}"


def escape_formula(cell: str) -> str:
    """A text cell that a spreadsheet will show and not compute: = + - @ first get an apostrophe.

    Source:
        OWASP, CSV injection: a cell may also begin with a tab or a carriage return.
    """
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and cell else cell
