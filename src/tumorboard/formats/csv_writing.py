"""Tables as CSV: one header line, Unix line ends, written complete or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from tumorboard.cache import write_text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as text; cells that hold commas, quotes or line ends are quoted."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table in UTF-8, atomically."""
    write_text(path, csv_text(header, rows))
