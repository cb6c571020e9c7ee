"""`tumorboard factors`: clinical factors of notes as a table, and as a page for the reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.column_roles import patient_id_columns
from tumorboard.formats.csv_writing import write_csv
from tumorboard.formats.delimited import escape_formula
from tumorboard.formats.file_patterns import natural_key
from tumorboard.formats.language_server import LanguageServer
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.note_files import read_note
from tumorboard.formats.tables import Table, read_table
from tumorboard.records import Rejection
from tumorboard.report.factors_page import NoteFactors, write_factors_page
from tumorboard.transforms.clinical_factors import Factor, extract_factors
from tumorboard.transforms.factor_mentions import KINDS
from tumorboard.transforms.model_factors import ask_factors, joined
from tumorboard.transforms.note_matches import is_free_text
from tumorboard.transforms.note_preparation import RawNote, known_values, prepare

#: Endings of notes, and of tables with a column of notes.
NOTES, TABLES = (".txt", ".text", ".docx"), (".csv", ".tsv", ".xlsx", ".parquet")
_WRITTEN = ("factors.csv", "factors.html")
_HEADER = (
    "patient_id", "note", "kind", "name", "value", "number", "unit", "code", "negated", "uncertain",
    "temporality", "experiencer", "start", "end", "text",
)  # fmt: skip


@dataclass(frozen=True)
class FactorsReport:
    """What was found.

    Args:
        notes: Every note with its factors.
        lines: What the user should read, one line each.
        exit_code: 0, or 3 where a file was no note.
    """

    notes: tuple[NoteFactors, ...]
    lines: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True)
class _Raw:
    """A note before it is de-identified."""

    patient_id: str
    note: str
    text: str
    known: tuple[str | None, ...] = ()


def write_factors(
    source: Path, *, out: Path, column: str = "none", patient_id: str = "none",
    known_identifiers: Sequence[str] = (), llm_address: str = "none", llm_model: str = "none",
) -> FactorsReport:  # fmt: skip
    """Write factors.csv and factors.html of a note, a folder of notes or a table.

    Notes are cleaned and de-identified first; spans count the characters of the text that the page
    shows. Who asks for this page asks for the text of the notes.

    Args:
        source: A note (.txt, .docx), a folder of notes, or a table with a column of notes.
        out: Folder to write.
        column: Column of the notes; "none" takes the only one that holds free text.
        patient_id: Column of the patient; "none" guesses.
        known_identifiers: Columns of the table whose values are removed from the notes.
        llm_address: Where a language model answers that is asked as well; "none" asks none.
        llm_model: Its name there.

    Raises:
        InputError: There is no note, or no such column.
        StudyError: The address or the name of the language model is none.
        RunError: The language model does not answer, or stands outside.
    """
    source, out = Path(source), Path(out)
    server = _server(llm_address, llm_model)
    raw, rejections = _read(source, out, column, patient_id, known_identifiers)
    if not any(one.text for one in raw):
        refused = f" {rejections[0].reason}" if rejections else ""
        raise InputError(f"{source}: holds no note.{refused}")
    own = [
        RawNote(one.text, one.patient_id, known_values(one.patient_id, one.known)) for one in raw
    ]
    with Cache() as cache:
        prepared = prepare(own, deidentified=True, cache=cache)
    removed: Counter[str] = Counter()
    notes: list[NoteFactors] = []
    n_dropped = 0
    for one, ready in zip(raw, prepared, strict=True):
        removed.update(ready.removed)
        factors, dropped = _factors(ready.text, server)
        n_dropped += dropped
        notes.append(NoteFactors(one.patient_id, one.note, ready.text, factors))
    remarks = [*_remarks(removed, rejections, n_dropped), *_without(notes)]
    write_csv(out / "factors.csv", _HEADER, (row for note in notes for row in _rows(note)))
    write_factors_page(out / "factors.html", notes, remarks=remarks)
    n_factors = sum(len(note.factors) for note in notes)
    n_notes = sum(bool(note.text) for note in notes)
    said = f"{counted(n_factors, 'factor')} in {counted(n_notes, 'note')}"
    lines = (*remarks, f"{said}: {out / 'factors.csv'}, {out / 'factors.html'}")
    return FactorsReport(tuple(notes), lines, 3 if rejections else 0)


def _server(address: str, model: str) -> LanguageServer | None:
    if (address == "none") != (model == "none"):
        raise StudyError("--llm-address and --llm-model go together: give both, or neither.")
    if address == "none":
        return None
    return LanguageServer.of_settings({"address": address, "model": model}, where="--llm")


def _factors(text: str, server: LanguageServer | None) -> tuple[tuple[Factor, ...], int]:
    found = extract_factors(text)
    if server is None or not text.strip():
        return found, 0
    asked = ask_factors(text, server, kinds=KINDS)
    return joined(found, asked.factors), asked.n_not_quoted + asked.n_malformed


def _read(
    source: Path, out: Path, column: str, patient_id: str, identifiers: Sequence[str]
) -> tuple[list[_Raw], list[Rejection]]:
    """Every note, "" where one is empty, and the files that could not be used."""
    if identifiers and source.suffix.lower() not in TABLES:
        raise InputError(
            f"{source}: --known-identifiers names columns of a table ({', '.join(TABLES)}), and "
            "this is none. Give a table with a column of notes, or leave the option out."
        )
    if source.is_dir():
        return _of_folder(source, out)
    if source.suffix.lower() in NOTES:
        return [_Raw(source.stem, source.name, read_note(source))], []
    if source.suffix.lower() in TABLES:
        return _of_table(read_table(source), column, patient_id, identifiers), []
    raise InputError(
        f"{source}: expected a note ({', '.join(NOTES)}), a folder of notes, or a table "
        f"({', '.join(TABLES)})."
    )


def _of_folder(folder: Path, out: Path) -> tuple[list[_Raw], list[Rejection]]:
    """Notes of a folder; hidden files and what this command wrote there are passed over."""
    own = {out.resolve(), *(out.resolve() / name for name in _WRITTEN)}
    paths = [
        path
        for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
        if not path.name.startswith(".") and path.resolve() not in own
    ]
    found: list[_Raw] = []
    rejections: list[Rejection] = []
    for path in (path for path in paths if _is_note(path)):
        try:
            found.append(_Raw(path.stem, path.name, read_note(path)))
        except InputError as error:
            rejections.append(Rejection(path.stem, path, str(error)))
    others = [path.name + "/" * path.is_dir() for path in paths if not _is_note(path)]
    if others:
        reason = (
            f"{counted(len(others), 'entry', 'entries')} not read, being no notes: "
            f"{listed(others)}. Expected files of {', '.join(NOTES)}; save their text as .txt "
            f"in {folder.name}."
        )
        rejections.append(Rejection("", folder, reason))
    return found, rejections


def _is_note(path: Path) -> bool:
    return path.suffix.lower() in NOTES and not path.is_dir()


def _of_table(table: Table, column: str, patient_id: str, identifiers: Sequence[str]) -> list[_Raw]:
    note_column = _note_column(table, column)
    id_column = _id_column(table, patient_id)
    known = [table.cells[_checked(table, name, "--known-identifiers")] for name in identifiers]
    rows = zip(table.cells[id_column], table.lines, table.cells[note_column], strict=True)
    return [
        _Raw(
            str(patient or f"line {line}"),
            f"line {line}",
            str(text or "").strip() and str(text),
            tuple(str(cells[row] or "") for cells in known),
        )
        for row, (patient, line, text) in enumerate(rows)
    ]


def _note_column(table: Table, column: str) -> str:
    if column != "none":
        return _checked(table, column, "--column")
    texts = [
        name
        for name, cells in table.cells.items()
        if is_free_text([str(cell) if cell else None for cell in cells])
    ]
    if len(texts) != 1:
        raise InputError(
            f"{table.path.name}: {len(texts)} columns hold free text"
            f"{': ' + ', '.join(texts) if texts else ''}. Name the notes' column with --column."
        )
    return texts[0]


def _id_column(table: Table, patient_id: str) -> str:
    if patient_id != "none":
        return _checked(table, patient_id, "--patient-id")
    guesses = patient_id_columns(table)
    if not guesses:
        raise InputError(f"{table.path.name}: no column of patients found. Name it: --patient-id.")
    return guesses[0]


def _checked(table: Table, column: str, option: str) -> str:
    if column not in table.columns:
        raise InputError(
            f"{table.path.name}: no column {column!r} ({option}). "
            f"{nearest(column, list(table.columns))}"
        )
    return column


def _remarks(removed: Counter[str], rejections: Sequence[Rejection], n_dropped: int) -> list[str]:
    """What was taken out, rejected and dropped."""
    counts = ", ".join(f"{category} {n:,}" for category, n in sorted(removed.items()))
    said = f"Identifiers removed: {counts}." if counts else "No identifier was found to remove."
    remarks = [f"{said} Rules miss some: keep this page where the notes are kept."]
    if n_dropped:
        dropped = counted(n_dropped, "answer")
        remarks.append(f"{dropped} of the language model dropped: not quoted from the note.")
    return [*remarks, *(f"rejected: {one.reason}" for one in rejections)]


def _without(notes: Sequence[NoteFactors]) -> list[str]:
    """Which notes are empty; their patients are not left out."""
    empty = [note.note for note in notes if not note.text]
    if not empty:
        return []
    return [f"{counted(len(empty), 'note')} without text (no note): {listed(empty)}."]


def _rows(note: NoteFactors) -> Iterator[tuple[object, ...]]:
    """A row per factor; one row for a note without any, so that no patient is left out."""
    if note.factors:
        yield from (_row(note, factor) for factor in note.factors)
        return
    kind = "no factor" if note.text else "no note"
    head = (escape_formula(note.patient_id), escape_formula(note.note), kind)
    yield (*head, *[""] * (len(_HEADER) - len(head)))


def _row(note: NoteFactors, factor: Factor) -> tuple[object, ...]:
    number = "" if np.isnan(factor.number) else f"{factor.number:g}"
    return (
        escape_formula(note.patient_id), escape_formula(note.note), factor.kind, factor.name,
        escape_formula(factor.value), number, factor.unit, factor.code,
        str(factor.negated).lower(), str(factor.uncertain).lower(), factor.temporality,
        factor.experiencer, factor.start, factor.end,
        escape_formula(note.text[factor.start : factor.end]),
    )  # fmt: skip
