"""Is this grid of cells a table? One header, one width, no title above, no second header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, listed

Cell = str | None

#: Name of a first column without one that only numbers the rows.
ROW_NUMBER = "row_number"


@dataclass
class Shape:
    """Columns of a checked grid, the line of each row, and what was trimmed."""

    columns: dict[str, list[Cell]]
    lines: list[int]
    notes: list[str] = field(default_factory=list[str])


def check_shape(rows: Sequence[Sequence[Cell]], path: Path) -> Shape:
    """Header and columns of a grid; row 1 of the grid is line 1.

    Empty rows and unnamed empty columns are trimmed and noted; all else that does not fit is an
    error.

    Raises:
        InputError: Nothing in the file, a title above the header, duplicate or empty column names,
            the header twice, rows with more or fewer cells than the header, no rows.
    """
    filled = [(line, row) for line, row in enumerate(rows, start=1) if any(_given(c) for c in row)]
    if not filled:
        raise InputError(f"{path.name}: is empty. Expected a header and at least one row.")
    header_line, header = filled[0]
    body = filled[1:]
    _refuse_title(header_line, header, body, path)
    if not body:
        raise InputError(f"{path.name}: has a header but no rows. Expected at least one patient.")
    notes: list[str] = []
    lines = [line for line, _ in body]
    blank = sorted(set(range(header_line, lines[-1])) - {header_line, *lines})
    if blank or header_line > 1:
        n = len(blank) + header_line - 1
        notes.append(f"{counted(n, 'empty row was', 'empty rows were')} skipped")
    width = _width(header, body)
    if width < max(len(header), *(len(row) for _, row in body)):
        notes.append("empty cells after the last column were trimmed")
    _refuse_shifted(header, body, width, path)
    names, kept = _names(header, body, width, path, notes)
    _refuse_second_header(header, body, path)
    columns: dict[str, list[Cell]] = {
        name: [row[i] for _, row in body] for name, i in zip(names, kept, strict=True)
    }
    return Shape(columns, lines, notes)


def _given(cell: Cell) -> bool:
    return cell is not None and bool(cell.strip())


def _width(header: Sequence[Cell], body: Sequence[tuple[int, Sequence[Cell]]]) -> int:
    """Columns up to the last named one; the whole header where unnamed ones hold values."""
    width = max((i + 1 for i, cell in enumerate(header) if _given(cell)), default=0)
    beyond = [row for _, row in body if any(_given(cell) for cell in row[width:])]
    return width if not beyond or len(header) <= width else len(header)


def _refuse_title(
    line: int, header: Sequence[Cell], body: Sequence[tuple[int, Sequence[Cell]]], path: Path
) -> None:
    if not body or sum(_given(cell) for cell in header) > 1:
        return
    widest = max(sum(_given(cell) for cell in row) for _, row in body[:5])
    if widest > 1:
        title = next(str(cell) for cell in header if _given(cell))
        raise InputError(
            f"{path.name}, row {line}: one cell ({title[:40]!r}) where column names are "
            f"expected; the rows below have {widest}. Delete the title above the header."
        )


def _refuse_shifted(
    header: Sequence[Cell], body: Sequence[tuple[int, Sequence[Cell]]], width: int, path: Path
) -> None:
    odd = [
        f"row {line} has {len(row)}"
        for line, row in body
        if len(row) < width or any(_given(cell) for cell in row[width:])
    ]
    if odd:
        raise InputError(
            f"{path.name}: the header has {counted(width, 'column')}, but {listed(odd)}. "
            "Is a delimiter inside a cell that is not quoted, or a column name missing?"
        )


def _names(
    header: Sequence[Cell], body: Sequence[tuple[int, Sequence[Cell]]], width: int, path: Path,
    notes: list[str],
) -> tuple[list[str], list[int]]:  # fmt: skip
    names: list[str] = []
    kept: list[int] = []
    padded: list[str] = []
    for i in range(width):
        written = str(header[i] or "")
        name = written.strip()
        if not name and not any(_given(row[i]) for _, row in body):
            notes.append(f"column {i + 1} has neither name nor values and was left out")
            continue
        if not name:
            name = _unnamed(i, body, path)
            notes.append(f"column {i + 1} has no name and numbers the rows; it is called {name!r}")
        if written != name and written:
            padded.append(name)
        names.append(name)
        kept.append(i)
    if padded:
        notes.append(f"spaces around column names were removed: {', '.join(padded)}")
    twice = sorted(name for name, n in Counter(names).items() if n > 1)
    if twice:
        where = ", ".join(
            f"{name!r} in columns "
            + " and ".join(str(kept[i] + 1) for i, n in enumerate(names) if n == name)
            for name in twice
        )
        raise InputError(f"{path.name}: duplicate column names: {where}. Rename one of each.")
    return names, kept


def _unnamed(i: int, body: Sequence[tuple[int, Sequence[Cell]]], path: Path) -> str:
    """The first column may be the row numbers that pandas and R write without a name."""
    cells = [str(row[i]) for _, row in body]
    if i == 0 and any(cells == [str(n + k) for n in range(len(cells))] for k in (0, 1)):
        return ROW_NUMBER
    line = next(line for line, row in body if _given(row[i]))
    raise InputError(
        f"{path.name}: column {i + 1} has no name but a value in row {line}. "
        "Name the column, or move the cells where they belong."
    )


def _refuse_second_header(
    header: Sequence[Cell], body: Sequence[tuple[int, Sequence[Cell]]], path: Path
) -> None:
    first = [cell for cell in header if _given(cell)]
    again = [str(line) for line, row in body if list(row[: len(header)]) == list(header) and first]
    if again:
        raise InputError(
            f"{path.name}: the header is repeated in row {listed(again)}. Delete it; "
            "were two tables joined?"
        )
