"""Columns of a computed table as the text that a cohort holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars


def text_columns(frame: polars.DataFrame) -> dict[str, tuple[str | None, ...]]:
    """Cells as text: numbers in their shortest form, times as `2150-01-31 08:30:00`, null as None.

    A number that is whole is written without a decimal point, as tables write it.
    """
    import polars as pl

    columns: dict[str, tuple[str | None, ...]] = {}
    for name in frame.columns:
        cells = frame[name]
        if cells.dtype.is_float():
            columns[name] = tuple(
                None if x is None or x != x else str(int(x)) if x.is_integer() else repr(x)
                for x in cells.to_list()
            )
            continue
        if cells.dtype.is_temporal():
            cells = cells.dt.to_string("%Y-%m-%d %H:%M:%S")
        columns[name] = tuple(cells.cast(pl.String).to_list())
    return columns
