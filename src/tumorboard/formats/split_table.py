"""splits.csv: who trains, validates and tests in every repeat and fold."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from tumorboard.errors import InputError
from tumorboard.formats.csv_writing import write_csv
from tumorboard.records import Part, Split

_COLUMNS = ("patient_id", "repeat", "fold", "part")


def write_splits(path: Path, splits: Sequence[Split]) -> None:
    """Write splits.csv atomically: one line per patient, repeat and fold."""
    rows = (
        (patient, split.repeat, split.fold, part)
        for split in splits
        for patient, part in split.parts.items()
    )
    write_csv(path, _COLUMNS, rows)


def read_splits(path: Path) -> list[Split]:
    """Read splits.csv as `write_splits` writes it, in the same order.

    Raises:
        InputError: Not such a table, an unknown part, or a patient twice in one fold.
    """
    parts: dict[tuple[int, int], dict[str, Part]] = {}
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        header = tuple(next(reader, ()))
        if header != _COLUMNS:
            raise InputError(f"{path}: columns are {list(header)}, expected {list(_COLUMNS)}.")
        for line, row in enumerate(reader, start=2):
            patient, repeat, fold, part = _entry(path, line, row)
            entry = parts.setdefault((repeat, fold), {})
            if patient in entry:
                raise InputError(f"{path}, row {line}: patient {patient!r} twice in one fold.")
            entry[patient] = part
    return [Split(repeat, fold, entry) for (repeat, fold), entry in parts.items()]


def _entry(path: Path, line: int, row: Sequence[str]) -> tuple[str, int, int, Part]:
    known: dict[str, Part] = {part: part for part in get_args(Part)}
    if len(row) != len(_COLUMNS) or not (row[1].isdecimal() and row[2].isdecimal()):
        raise InputError(f"{path}, row {line}: found {row}, expected patient, repeat, fold, part.")
    if row[3] not in known:
        raise InputError(f"{path}, row {line}: part {row[3]!r}, expected {' or '.join(known)}.")
    return row[0], int(row[1]), int(row[2]), known[row[3]]
