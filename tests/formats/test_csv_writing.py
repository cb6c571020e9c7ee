"""Tables come back as they were written, whatever their cells hold."""

from __future__ import annotations

import csv
from pathlib import Path

from tumorboard.formats.csv_writing import csv_text, write_csv

ROWS = [("a,b", 'say "no"'), ("two\nlines", "1.5")]


def test_cells_come_back(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ("left", "right"), ROWS)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as handle:
        assert [tuple(row) for row in csv.reader(handle)] == [("left", "right"), *ROWS]


def test_lines_end_as_on_unix() -> None:
    assert csv_text(("a", "b"), [(1, 2)]) == "a,b\n1,2\n"
