"""Tables written as CSV.gz piece by piece, in bounded memory and with the same bytes each time."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars


class GzipTable:
    """One CSV.gz file; a context manager.

    Args:
        path: Where; its folder exists.
        columns: Names of all columns, in order. Those that a piece lacks are empty in it.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._raw = path.open("wb")
        # no name and no time stamp: equal tables are equal files
        self._file = gzip.GzipFile("", "wb", compresslevel=1, fileobj=self._raw, mtime=0)
        self._file.write((",".join(self._columns) + "\n").encode())

    def __enter__(self) -> GzipTable:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._raw.close()

    def write(self, piece: polars.DataFrame) -> None:
        """Append rows; times are written as `2150-01-31 13:05:00`."""
        import polars as pl

        absent = [column for column in self._columns if column not in piece.columns]
        rows = piece.with_columns(pl.lit("").alias(column) for column in absent)
        text = rows.select(self._columns).write_csv(
            include_header=False, datetime_format="%Y-%m-%d %H:%M:%S"
        )
        self._file.write(text.encode())
