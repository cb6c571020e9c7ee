"""Where the notes of a cohort come from: files, a column, or sentences written from the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tumorboard.errors import StudyError
from tumorboard.formats.messages import counted
from tumorboard.formats.note_rows import (
    Note,
    RowNotes,
    cells_of,
    check_name_date,
    dates_of,
    in_time_order,
    notes_of_column,
    notes_of_files,
)
from tumorboard.records import Cohort, Floats
from tumorboard.transforms import note_template

NONE = "none"


@dataclass(frozen=True)
class NoteSource:
    """Settings of a study that say where notes are and when they were written.

    Args:
        files: Pattern of the files.
        column: Column that holds the note.
        template: Sentences with columns in braces.
        values: Column of the template -> code -> words.
        encoding: Encoding of the files.
        date: Column with the date of the row's note.
        date_in_name: Format of the date in the names of files.
        date_format: Format of `date`.
        index_date: Column with the date that prediction is made at.
        index_format: Format of `index_date`.

    Raises:
        StudyError: Not exactly one source, or dates that cannot be had.
    """

    files: str = NONE
    column: str = NONE
    template: str = NONE
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    encoding: str = "auto"
    date: str = NONE
    date_in_name: str = NONE
    date_format: str = "%Y-%m-%d"
    index_date: str = NONE
    index_format: str = "%Y-%m-%d"

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        problems: list[str] = []
        named = {"files": self.files, "column": self.column, "template": self.template}
        given = [name for name, value in named.items() if value != NONE]
        if len(given) != 1:
            problems.append(
                f"found {' and '.join(given) or 'none of them'}; expected exactly one of files, "
                "column and template: where the notes come from."
            )
        in_braces = self.template_columns
        unknown = [name for name in self.values if name not in in_braces]
        if unknown:
            problems.append(f"values: {', '.join(unknown)}: not in the template's braces.")
        if self.date_in_name != NONE and (self.files == NONE or self.date != NONE):
            problems.append("date_in_name: for files only, and in place of `date`.")
        if self.index_date != NONE and not self.is_dated:
            problems.append("index_date: the notes' own dates are needed: date or date_in_name.")
        if problems:
            raise StudyError(problems)
        check_name_date(self.date_in_name)

    @property
    def is_dated(self) -> bool:
        """Whether the notes have dates."""
        return self.date != NONE or self.date_in_name != NONE

    @property
    def template_columns(self) -> tuple[str, ...]:
        """Columns that the template names."""
        if self.template == NONE:
            return ()
        return note_template.columns_of(self.template, where="template")

    def find(self, cohort: Cohort, name: str) -> tuple[RowNotes, list[str]]:
        """The notes of each row in order, and what there is to say of them.

        Raises:
            InputError: A column is absent, or cells are no text, no date or no known code.
        """
        days = np.full(cohort.n_rows, np.nan)
        if self.date != NONE:
            days = dates_of(cohort, self.date, self.date_format, where=name)
        found = self._undated(cohort, name, days)
        sentences = [f"{counted(found.n_empty, 'empty note')} left out."] if found.n_empty else []
        if not self.is_dated:
            return found, sentences
        index = np.full(cohort.n_rows, np.inf)
        if self.index_date != NONE:
            index = dates_of(cohort, self.index_date, self.index_format, where=name)
            index[np.isnan(index)] = -np.inf  # nobody knows what is later
        ordered, n_later, n_undated = in_time_order(found.notes, cohort.patient_id, index)
        if n_later:
            said = counted(n_later, "note")
            sentences.append(f"{said} after {self.index_date}, or of a row without it, left out.")
        if n_undated:
            sentences.append(f"{counted(n_undated, 'note')} without a date left out.")
        return RowNotes(ordered, found.rejections, found.records, found.n_empty), sentences

    def _undated(self, cohort: Cohort, name: str, days: Floats) -> RowNotes:
        """The notes of each row's own files, cell or sentences."""
        if self.files != NONE:
            return notes_of_files(
                cohort, name, encoding=self.encoding, name_date=self.date_in_name, days=days
            )
        if self.column != NONE:
            return notes_of_column(cohort, self.column, where=name, days=days)
        cells = {column: cells_of(cohort, column, where=name) for column in self.template_columns}
        texts = note_template.fill(
            self.template, cells, self.values, lines=cohort.line, patient_id=cohort.patient_id,
            table=cohort.table,
        )  # fmt: skip
        pairs = zip(texts, days.tolist(), strict=True)
        return RowNotes(tuple((Note(text, day),) if text else () for text, day in pairs))
