"""The notes of each row of a cohort, with their dates: from files, or from a column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.note_files import fault_of, read_note
from tumorboard.formats.visit_table import days_of
from tumorboard.records import Cohort, FileRecord, Floats, Rejection

#: Directive of a format of dates -> what it matches in a file name.
_DIRECTIVES = {
    "%Y": r"\d{4}", "%y": r"\d{2}", "%m": r"\d{2}", "%d": r"\d{2}", "%b": r"[A-Za-z]{3}",
    "%B": r"[A-Za-z]+", "%H": r"\d{2}", "%M": r"\d{2}", "%S": r"\d{2}", "%j": r"\d{3}",
}  # fmt: skip
_ZERO = datetime(1900, 1, 1)


@dataclass(frozen=True)
class Note:
    """One note of one patient.

    Args:
        text: As it was written.
        day: Days from 1 January 1900; NaN where it is not dated.
    """

    text: str
    day: float = np.nan


@dataclass(frozen=True)
class RowNotes:
    """Notes of every row, in the order that the source gives them.

    Args:
        notes: One tuple per row.
        rejections: Files that could not be used.
        records: What became of each file.
        n_empty: Notes without any letter, which are no notes.
    """

    notes: tuple[tuple[Note, ...], ...]
    rejections: tuple[Rejection, ...] = ()
    records: tuple[FileRecord, ...] = ()
    n_empty: int = 0


def cells_of(cohort: Cohort, column: str, *, where: str) -> tuple[str | None, ...]:
    """Cells of a column of the cohort table.

    Raises:
        InputError: There is no such column.
    """
    if column not in cohort.columns:
        raise InputError(
            f"{cohort.table.name}: {where} needs column {column!r}, absent. "
            f"{nearest(column, list(cohort.columns))}"
        )
    return cohort.columns[column]


def dates_of(cohort: Cohort, column: str, form: str, *, where: str) -> Floats:
    """Days from 1 January 1900 of a column of dates; NaN where it is missing.

    Raises:
        InputError: No such column, or cells that are no dates of this format.
    """
    return days_of(
        cells_of(cohort, column, where=where), form=form, column=column, lines=cohort.line,
        ids=cohort.patient_id, table=cohort.table,
    )  # fmt: skip


def notes_of_files(
    cohort: Cohort, name: str, *, encoding: str, name_date: str, days: Floats
) -> RowNotes:
    """Notes of the files that each row names, in natural order of the names.

    Args:
        cohort: Its files of this modality are read, each once.
        name: The modality.
        encoding: See `note_files.read_note`.
        name_date: Format of the date in the files' names; "none" where they hold none.
        days: (rows,) date of the row's files where their names hold none.

    Raises:
        StudyError: No name of several files holds a date of that format.
    """
    read: dict[Path, Note | str] = {}
    rows: list[tuple[Note, ...]] = []
    rejections: list[Rejection] = []
    records: dict[Path, FileRecord] = {}
    date = _date_in(name_date) if name_date != "none" else None
    if date is not None:
        _check_some_dated(cohort.files.get(name, ()), date, name, name_date)
    for row, paths in enumerate(cohort.files.get(name, ())):
        found: list[Note] = []
        for path in paths:
            if path not in read:
                read[path] = _read(path, encoding, date, name_date)
            note, patient = read[path], cohort.patient_id[row]
            if isinstance(note, str):
                rejections.append(Rejection(patient, path, note))
                records[path] = FileRecord(path, "rejected", note, name, patient)
                continue
            records[path] = FileRecord(path, "used", "", name, patient)
            if note.text:
                found.append(note if date else Note(note.text, float(days[row])))
        rows.append(tuple(found))
    rows += [()] * (cohort.n_rows - len(rows))
    n_empty = sum(not isinstance(note, str) and not note.text for note in read.values())
    return RowNotes(tuple(rows), tuple(rejections), tuple(records.values()), n_empty)


def _check_some_dated(
    files: Sequence[Sequence[Path]], date: re.Pattern[str], name: str, form: str
) -> None:
    """One sentence for a format that fits no file, instead of a rejection for each."""
    paths = list(dict.fromkeys(path for own in files for path in own))
    if len(paths) > 1 and not any(date.search(path.stem) for path in paths):
        raise StudyError(
            f"modalities.{name}.date_in_name: none of {len(paths)} files has a date of the format "
            f"{form!r} in its name; the first is {paths[0].name}. Name the format that they have, "
            "or remove this key."
        )


def notes_of_column(cohort: Cohort, column: str, *, where: str, days: Floats) -> RowNotes:
    """The note in each row's cell.

    Raises:
        InputError: No such column, or cells whose characters are no text; every row is named.
    """
    cells = cells_of(cohort, column, where=where)
    faults = [
        f"row {line} patient {patient}, {fault}"
        for cell, line, patient in zip(cells, cohort.line, cohort.patient_id, strict=True)
        if (fault := fault_of(cell or ""))
    ]
    if faults:
        n = counted(len(faults), "cell is", "cells are")
        raise InputError(f"{cohort.table.name}, column {column}: {n} no text: {listed(faults)}")
    notes = tuple(
        (Note(cell, float(day)),) if cell and cell.strip() else ()
        for cell, day in zip(cells, days, strict=True)
    )
    return RowNotes(notes, n_empty=sum(cell is not None and not cell.strip() for cell in cells))


def in_time_order(
    rows: Sequence[tuple[Note, ...]], patient_id: Sequence[str], index: Floats
) -> tuple[tuple[tuple[Note, ...], ...], int, int]:
    """Each row's notes of its patient, the earliest first, up to the row's index date.

    Args:
        rows: Notes of every row; those of a patient's other rows are taken as well.
        patient_id: One per row.
        index: (rows,) day that prediction is made at; infinity takes every note.

    Returns:
        The notes of each row; how many were left out as later, and how many as undated.
    """
    pooled: dict[str, dict[tuple[float, str], Note]] = {}
    for patient, notes in zip(patient_id, rows, strict=True):
        own = pooled.setdefault(patient, {})
        for note in notes:
            own.setdefault((np.nan_to_num(note.day, nan=-1.0), note.text), note)
    chosen: list[tuple[Note, ...]] = []
    later: set[tuple[str, float, str]] = set()
    undated: set[tuple[str, str]] = set()
    for patient, day in zip(patient_id, np.floor(index).tolist(), strict=True):
        kept: list[Note] = []
        for note in pooled[patient].values():
            if np.isnan(note.day):
                undated.add((patient, note.text))
            elif np.floor(note.day) > day:
                later.add((patient, note.day, note.text))
            else:
                kept.append(note)
        chosen.append(tuple(sorted(kept, key=lambda note: note.day)))
    return tuple(chosen), len(later), len(undated)


def _read(path: Path, encoding: str, date: re.Pattern[str] | None, form: str) -> Note | str:
    """The note of a file, or why it is none."""
    day = np.nan
    if date is not None:
        match = date.search(path.stem)
        try:
            day = (datetime.strptime(match[0] if match else "", form) - _ZERO).total_seconds()
        except ValueError:
            return f"{path.name}: expected a date of the format {form!r} in the name."
    try:
        return Note(read_note(path, encoding=encoding), day / 86400)
    except InputError as error:
        return str(error)


def check_name_date(form: str) -> None:
    """Check the format of dates in file names.

    Raises:
        StudyError: It names no year, or a directive that is not known.
    """
    if form != "none":
        _date_in(form)


def _date_in(form: str) -> re.Pattern[str]:
    parts = re.split(r"(%[A-Za-z])", form)
    unknown = [part for part in parts if part.startswith("%") and part not in _DIRECTIVES]
    if unknown or not {"%Y", "%y"} & set(parts):
        raise StudyError(
            f"date_in_name: {form!r} is no format of dates in file names. Example: '%Y-%m-%d'."
        )
    return re.compile("".join(_DIRECTIVES.get(part, re.escape(part)) for part in parts))
