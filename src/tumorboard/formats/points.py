"""Points in a patient, in mm, from one or three columns of a table."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.messages import listed, shown
from tumorboard.records import Cohort

Convention = Literal["LPS", "RAS"]

_SEPARATORS = re.compile(r"[\s,;]+")
_FLIPS = {"LPS": (-1.0, -1.0, 1.0), "RAS": (1.0, 1.0, 1.0)}


def read_points(
    cohort: Cohort, columns: Sequence[str], convention: Convention, *, where: str
) -> tuple[tuple[float, ...], ...]:
    """Point of each row in mm, RAS+; empty where a cell is missing.

    Args:
        cohort: Its columns.
        columns: One column that holds "x y z", or the three columns of x, y and z.
        convention: What x and y count: `LPS` to the left and the back (DICOM, ITK, 3D Slicer's
            files), `RAS` to the right and the front (NIfTI).
        where: Path of the setting in the study file.

    Raises:
        StudyError: A column that the table does not have.
        InputError: Cells that are no point; every row at fault.
    """
    missing = [column for column in columns if column not in cohort.columns]
    if missing:
        raise StudyError(
            [
                f"{where}: {column!r} is no column of the table. "
                f"{nearest(column, list(cohort.columns))}"
                for column in missing
            ]
        )
    points: list[tuple[float, ...]] = []
    faults: list[str] = []
    for row in range(cohort.n_rows):
        cells = [(cohort.columns[column][row] or "").strip() for column in columns]
        if not all(cells):
            points.append(())
            continue
        point = _numbers(cells)
        if point is None:
            faults.append(
                f"row {cohort.line[row]} (patient {cohort.patient_id[row]}): "
                f"{shown(' '.join(cells))}"
            )
            continue
        points.append(tuple(s * v for s, v in zip(_FLIPS[convention], point, strict=True)))
    if faults:
        raise InputError(
            f"{cohort.table.name}: {' '.join(columns)}: expected x, y and z in mm, separated by "
            f"spaces, found {listed(faults)}."
        )
    return tuple(points)


def _numbers(cells: Sequence[str]) -> tuple[float, ...] | None:
    words = cells if len(cells) == 3 else _SEPARATORS.split(cells[0].strip("()[] "))
    try:
        numbers = tuple(float(word) for word in words)
    except ValueError:
        return None
    return numbers if len(numbers) == 3 and all(map(math.isfinite, numbers)) else None
