"""Large tables (CSV, CSV.gz, Parquet) scanned lazily in types that their reader names.

Nothing is inferred: a code such as 0389 stays text, and a cell that does not fit is an error with
its row. CSV.gz is inflated piece by piece by polars' streaming engine.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from tumorboard.errors import InputError, nearest
from tumorboard.formats.messages import LISTED, listed, shown

if TYPE_CHECKING:
    import polars

Kind = Literal["text", "whole", "number", "moment"]

#: Ways in which a moment may be written; a column has one of them.
MOMENTS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
)  # fmt: skip
_EXPECTED: Mapping[Kind, str] = {
    "text": "text",
    "whole": "a whole number",
    "number": "a number",
    "moment": "a date such as 2150-01-31 or 2150-01-31 08:30:00",
}
T = TypeVar("T")


@dataclass(frozen=True)
class HospitalTable:
    """One table of the database.

    Args:
        name: Its published name in lower case, such as `labevents`.
        path: The file.
        columns: Column in lower case -> as the file writes it.
        missing: Cells that mean "not known", besides empty ones.
    """

    name: str
    path: Path
    columns: Mapping[str, str]
    missing: tuple[str, ...] = ()

    def first_of(self, *names: str) -> str:
        """The first of these columns that the file has; the first name where it has none."""
        return next((name for name in names if name in self.columns), names[0])


def scan(table: HospitalTable, kinds: Mapping[str, Kind]) -> polars.LazyFrame:
    """These columns in these types, named in lower case; nothing is read yet.

    Run the query inside `reading`, which turns a cell that does not fit into a clear line.

    Raises:
        InputError: The file lacks columns.
    """
    import polars as pl

    _refuse_missing(table, kinds)
    types = {"whole": pl.Int64, "number": pl.Float64}
    if _is_parquet(table):
        return _parquet(table, kinds)
    direct = {table.columns[c]: types[kind] for c, kind in kinds.items() if kind in types}
    frame = scan_text(table, direct)
    return frame.select(
        _moment(pl.col(table.columns[c]), _moment_format(table, c)).alias(c)
        if kind == "moment"
        else pl.col(table.columns[c]).alias(c)
        for c, kind in kinds.items()
    )


@contextmanager
def reading(*tables: tuple[HospitalTable, Mapping[str, Kind]]) -> Generator[None]:
    """Turn what polars says of a cell into a line that names file, row, column and cell.

    Args:
        tables: The tables that the query reads, with the types asked of their columns.
    """
    import polars as pl

    try:
        yield
    except pl.exceptions.PolarsError as error:
        for table, kinds in tables:
            _name_faults(table, kinds)
        names = ", ".join(table.path.name for table, _ in tables)
        reason = str(error).split("\n", 1)[0]
        raise InputError(
            f"{names}: cannot be read as comma-separated UTF-8 text or Parquet ({reason}). "
            "Was it copied completely?"
        ) from error
    except (OSError, EOFError) as error:
        names = ", ".join(table.path.name for table, _ in tables)
        raise InputError(f"{names}: cannot be read ({error}). Was it copied completely?") from error


def read(table: HospitalTable, kinds: Mapping[str, Kind]) -> polars.DataFrame:
    """A small table whole; the column `line` counts from 2, as a spreadsheet does."""
    import polars as pl

    with reading((table, kinds)):
        frame = scan(table, kinds).with_row_index("line", 2).with_columns(pl.col("line").cast(int))
        return frame.collect(engine="streaming")


def refuse_repeated(frame: polars.DataFrame, column: str, table: HospitalTable) -> None:
    """Ids that should name one row each.

    Raises:
        InputError: A row without an id, or an id in several rows; every row at fault.
    """
    import polars as pl

    empty = frame.filter(pl.col(column).is_null())["line"].to_list()
    if empty:
        raise InputError(
            f"{table.path.name}, column {column}: empty in row {listed([str(n) for n in empty])}. "
            "Every row needs an id."
        )
    again = frame.filter(pl.col(column).is_duplicated()).group_by(column, maintain_order=True)
    rows = [
        f"{ids[0]} (rows {listed([str(n) for n in group['line'].to_list()])})"
        for ids, group in again
    ]
    if rows:
        raise InputError(
            f"{table.path.name}, column {column}: an id stands in several rows: {listed(rows)}. "
            "Each id names one row; remove the copies."
        )


def scan_text(table: HospitalTable, types: Mapping[str, type] | None = None) -> polars.LazyFrame:
    """A CSV file whose columns are text but for those with a type; nothing is read yet."""
    import polars as pl

    return pl.scan_csv(
        table.path,
        infer_schema=False,
        schema_overrides=dict(types or {}),
        null_values=list(table.missing) or None,
        glob=False,
    )


def _parquet(table: HospitalTable, kinds: Mapping[str, Kind]) -> polars.LazyFrame:
    import polars as pl

    frame = _untyped(table)
    found = _parquet_types(table)
    wrong = [
        f"{name}: type {found[table.columns[name]]}, expected {_EXPECTED[kind]}"
        for name, kind in kinds.items()
        if not _is_readable(found[table.columns[name]], kind)
    ]
    if wrong:
        raise InputError(f"{table.path.name}: columns of another type: {listed(wrong)}.")

    def converted(name: str, kind: Kind) -> polars.Expr:
        column = pl.col(table.columns[name])
        is_text = found[table.columns[name]] == pl.String
        if is_text:
            blank = column.str.strip_chars().is_in(["", *table.missing])
            column = pl.when(blank).then(None).otherwise(column)
        if kind == "moment":
            form = _moment_format(table, name) if is_text else ""
            return _moment(column, form) if is_text else column.cast(pl.Datetime("us"))
        return column.cast({"text": pl.String, "whole": pl.Int64, "number": pl.Float64}[kind])

    return frame.select(converted(name, kind).alias(name) for name, kind in kinds.items())


def _is_parquet(table: HospitalTable) -> bool:
    return table.path.suffix.lower() == ".parquet"


def _untyped(table: HospitalTable) -> polars.LazyFrame:
    """The file as it is: Parquet in its own types, CSV as text."""
    import polars as pl

    return pl.scan_parquet(table.path, glob=False) if _is_parquet(table) else scan_text(table)


def _parquet_types(table: HospitalTable) -> Mapping[str, polars.DataType]:
    """Types of a Parquet file's columns; empty for CSV."""
    return _untyped(table).collect_schema() if _is_parquet(table) else {}


def _is_readable(found: polars.DataType, kind: Kind) -> bool:
    """Whether a Parquet type can hold such values; what its cells hold is seen in reading."""
    import polars as pl

    if found == pl.String or found == pl.Null:
        return True
    if kind == "moment":  # a number would become microseconds since 1970
        return found == pl.Date or found == pl.Datetime
    if kind == "text":
        return not (found.is_nested() or found == pl.Binary)
    return found.is_numeric() or found == pl.Boolean


def _moment(column: polars.Expr, form: str) -> polars.Expr:
    import polars as pl

    if form == "%Y-%m-%d":
        return column.str.to_date(form).cast(pl.Datetime("us"))
    return column.str.to_datetime(form, time_unit="us")


def _moment_format(table: HospitalTable, column: str) -> str:
    """The format of a column's first date; every other cell must then have it."""
    import polars as pl

    name = table.columns[column]
    with reading((table, {})):
        cells = (
            _untyped(table)
            .select(name)
            .filter(pl.col(name).str.strip_chars() != "")
            .head(1)
            .collect()
        )
    if not cells.height:
        return MOMENTS[0]
    for form in MOMENTS:
        if not cells.select(_lenient(pl.col(name), form)).to_series().null_count():
            return form
    raise InputError(
        f"{table.path.name}, column {column}: {shown(cells.item())}; expected "
        f"{_EXPECTED['moment']}."
    )


def _lenient(column: polars.Expr, form: str) -> polars.Expr:
    if form == "%Y-%m-%d":
        return column.str.to_date(form, strict=False)
    return column.str.to_datetime(form, strict=False)


def _refuse_missing(table: HospitalTable, kinds: Mapping[str, Kind]) -> None:
    missing = [name for name in kinds if name not in table.columns]
    if missing:
        _refuse_separator(table)
        # a column that is expected as itself is no misspelling of another one
        free = [name for name in table.columns if name not in kinds]
        advice = " ".join(f"{name}: {nearest(name, free)}" for name in missing[:LISTED] if free)
        raise InputError(
            f"{table.path.name}: no column {', '.join(missing)}; expected "
            f"{', '.join(kinds)}. {advice or 'All its columns are among these.'}"
        )


def _refuse_separator(table: HospitalTable) -> None:
    """A header in one piece, which says once what each missing column would say again."""
    signs = {";": "semicolons", "\t": "tabs", "|": "bars"}
    name = next(iter(table.columns), "")
    found = [text for sign, text in signs.items() if sign in name]
    if found and len(table.columns) == 1:
        raise InputError(
            f"{table.path.name}: found one column {shown(name)}; is it separated by {found[0]}? "
            "Expected commas: write the table again as comma-separated text or as Parquet."
        )


def _name_faults(table: HospitalTable, kinds: Mapping[str, Kind]) -> None:
    """Look for the cells that do not fit, which costs a second pass over a faulty table only."""
    import polars as pl

    types = _parquet_types(table)
    tests: dict[Kind, Callable[[polars.Expr, str], polars.Expr]] = {
        "whole": lambda cell, _: cell.cast(pl.Int64, strict=False),
        "number": lambda cell, _: cell.cast(pl.Float64, strict=False),
        "moment": lambda cell, column: _lenient(cell, _moment_format(table, column)),
    }
    for column, kind in kinds.items():
        if kind not in tests or types.get(table.columns[column], pl.String()) != pl.String:
            continue
        cell = pl.col(table.columns[column])
        # blank cells are missing in Parquet, of CSV only empty ones
        blank = cell.str.strip_chars().is_in(["", *table.missing]) & _is_parquet(table)
        wrong = cell.is_not_null() & ~blank & tests[kind](cell, column).is_null()
        lazy = _untyped(table).select(cell).with_row_index("line", 2).filter(wrong).head(LISTED)
        try:
            rows = lazy.collect(engine="streaming").rows()
        except pl.exceptions.PolarsError:
            return  # the file itself is at fault, not a cell
        if rows:
            cells = listed([f"row {line}: {shown(str(text))}" for line, text in rows])
            name = f"{table.path.name}, column {column}{', a column of text' if types else ''}"
            raise InputError(f"{name}: {cells}; expected {_EXPECTED[kind]}.")
