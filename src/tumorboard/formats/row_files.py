"""Further files of a cohort's rows, beside those that its source matched: masks, more channels."""

from __future__ import annotations

from pathlib import Path

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.file_patterns import FileIndex, FilePattern, unsafe_reason
from tumorboard.records import Cohort


class RowFiles:
    """Finds the files that a pattern names for a row of a cohort.

    Args:
        cohort: Its columns fill the pattern.
        pattern: Pattern with `{column}` names.
        where: Path of the setting in the study file.

    Raises:
        StudyError: The pattern is unsafe or names a column that the table does not have.
    """

    def __init__(self, cohort: Cohort, pattern: str, *, where: str) -> None:
        self._pattern = FilePattern.parse(pattern, where=where)
        cells = {"patient_id": cohort.patient_id, **cohort.columns}
        for column in self._pattern.columns:
            if column not in cells:
                raise StudyError(
                    f"{where}: {pattern!r} names {column!r}, which is no column of the table. "
                    f"{nearest(column, list(cohort.columns))}"
                )
        self._cells = {column: cells[column] for column in self._pattern.columns}
        self._index = FileIndex(cohort.root, {self._pattern.folder})

    def find(self, row: int, *, may_be_absent: bool = False) -> tuple[Path, ...]:
        """Files of a row in natural order; none where one of its cells is missing.

        Args:
            row: Which one.
            may_be_absent: None, too, where there is no such file.

        Raises:
            InputError: There is no such file, or a cell leaves the data folder.
        """
        own = {column: (cells[row] or "").strip() for column, cells in self._cells.items()}
        if not all(own.values()):
            return ()
        for column, cell in own.items():
            reason = unsafe_reason(cell)
            if reason:
                raise InputError(f"column {column}: {cell!r} {reason}.")
        filled = self._pattern.fill(own)
        names = self._index.match(filled)
        if not names and not may_be_absent:
            raise InputError(
                f"{self._index.root / filled}: no such file{self._index.hint(filled)}."
            )
        return tuple(self._index.root / found for found in names)
