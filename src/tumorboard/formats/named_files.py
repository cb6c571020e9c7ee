"""Join a table to its files: what each row names, what is absent, what no row names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.file_patterns import FileIndex, FilePattern, unsafe_reason
from tumorboard.formats.messages import listed, shown
from tumorboard.records import FileRecord, FileState, Rejection


@dataclass(frozen=True)
class NamedFiles:
    """Files per modality and row, every file found, and the named files that are absent."""

    files: Mapping[str, tuple[tuple[Path, ...], ...]]
    records: tuple[FileRecord, ...]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]


def match_files(
    columns: Mapping[str, Sequence[str | None]], patterns: Mapping[str, str], *, root: Path,
    patient_ids: Sequence[str], lines: Sequence[int], table: Path,
) -> NamedFiles:  # fmt: skip
    """Find the files that rows name, in natural order, and account for every file.

    Args:
        columns: Column name -> cells; None is missing, and so is the modality of that row.
        patterns: Modality -> pattern; `{patient_id}` is the patient unless a column has that name.
        root: Folder that patterns start from.
        patient_ids: Patient of each row.
        lines: Line of each row.
        table: The table, for messages.

    Raises:
        StudyError: A pattern that is unsafe or names a column that the table does not have.
        InputError: A cell that leaves the data folder, or a folder that is absent altogether.
    """
    cells = {"patient_id": patient_ids, **columns}
    parsed = {name: _parse(name, text, columns) for name, text in patterns.items()}
    index = FileIndex(root, {pattern.folder for pattern in parsed.values()})
    ledger = _Ledger(root)
    files: dict[str, tuple[tuple[Path, ...], ...]] = {}
    for name, pattern in parsed.items():
        filled = _fill(pattern, {column: cells[column] for column in pattern.columns}, lines, table)
        if any(text is not None for text in filled) and not index.has_folder(pattern.folder):
            raise InputError(
                f"{root}: no folder {str(pattern.folder)!r} here, but modalities.{name}.files is "
                f"{pattern.text!r}. Name the data folder with --data DIR or TUMORBOARD_DATA."
            )
        rows: list[tuple[Path, ...]] = []
        for text, patient, line in zip(filled, patient_ids, lines, strict=True):
            found = [] if text is None else index.match(text)
            if text is not None and not found:
                ledger.absent(name, patient, text, line, index.hint(text))
            rows.append(tuple(ledger.use(name, patient, path, line) for path in found))
        files[name] = tuple(rows)
    ledger.ignore(index.files, skip=table)
    return ledger.result(files)


def _parse(name: str, text: str, columns: Mapping[str, Sequence[str | None]]) -> FilePattern:
    pattern = FilePattern.parse(text, where=f"modalities.{name}.files")
    strangers = [c for c in pattern.columns if c not in columns and c != "patient_id"]
    if strangers:
        raise StudyError(
            [
                f"modalities.{name}.files: {text!r} names {column!r}, which is no column of the "
                f"table. {nearest(column, list(columns))}"
                for column in strangers
            ]
        )
    return pattern


def _fill(
    pattern: FilePattern,
    cells: Mapping[str, Sequence[str | None]],
    lines: Sequence[int],
    table: Path,
) -> list[str | None]:
    """The pattern of each row; None where a cell of it is missing."""
    filled: list[str | None] = []
    faults: list[str] = []
    for row, line in enumerate(lines):
        own = {column: values[row] for column, values in cells.items()}
        given = {column: cell.strip() for column, cell in own.items() if cell is not None}
        for column, cell in given.items():
            reason = unsafe_reason(cell) or ("" if cell else "is empty but not declared missing")
            if reason:
                faults.append(f"row {line} column {column}: {shown(cell)} {reason}")
        filled.append(pattern.fill(given) if len(given) == len(own) else None)
    if faults:
        raise InputError(f"{table.name}: file names that cannot be used: {listed(faults)}.")
    return filled


@dataclass
class _Named:
    """One file and the modalities, patients and lines that name it, each once and in order."""

    path: Path
    hint: str = ""
    modalities: dict[str, None] = field(default_factory=dict[str, None])
    patients: dict[str, None] = field(default_factory=dict[str, None])
    lines: dict[int, None] = field(default_factory=dict[int, None])

    def add(self, modality: str, patient: str, line: int) -> None:
        self.modalities[modality] = None
        self.patients[patient] = None
        self.lines[line] = None

    def rows(self) -> str:
        return listed([str(line) for line in self.lines])

    def record(self, state: FileState, reason: str) -> FileRecord:
        return FileRecord(
            self.path, state, reason, "+".join(self.modalities), next(iter(self.patients))
        )


class _Ledger:
    """Every file exactly once: used, rejected or ignored."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._used: dict[str, _Named] = {}
        self._absent: dict[str, _Named] = {}
        self._missed: dict[tuple[str, str], _Named] = {}
        self._ignored: list[FileRecord] = []

    def use(self, modality: str, patient: str, name: str, line: int) -> Path:
        entry = self._used.setdefault(name, _Named(self.root / PurePosixPath(name)))
        entry.add(modality, patient, line)
        return entry.path

    def absent(self, modality: str, patient: str, text: str, line: int, hint: str) -> None:
        name = text.replace("[*]", "*")
        entry = self._absent.setdefault(name, _Named(self.root / PurePosixPath(name), hint))
        entry.add(modality, patient, line)
        own = self._missed.setdefault((patient, name), _Named(entry.path, hint))
        own.add(modality, patient, line)

    def ignore(self, found: Sequence[str], *, skip: Path) -> None:
        for name in found:
            path = self.root / PurePosixPath(name)
            if name in self._used or path == skip:
                continue
            is_hidden = any(part.startswith(".") for part in PurePosixPath(name).parts)
            reason = "hidden file" if is_hidden else "no row names it"
            self._ignored.append(FileRecord(path, "ignored", reason))

    def result(self, files: Mapping[str, tuple[tuple[Path, ...], ...]]) -> NamedFiles:
        used = [entry.record("used", "") for entry in self._used.values()]
        absent = [
            entry.record("rejected", f"absent: named in row {entry.rows()}{entry.hint}")
            for entry in self._absent.values()
        ]
        shared = [
            f"{name} ({listed(list(entry.patients))})"
            for name, entry in self._used.items()
            if len(entry.patients) > 1
        ]
        notes = (f"files named by several patients: {listed(shared)}",) if shared else ()
        rejections = tuple(
            Rejection(patient, own.path, f"absent: named in row {own.rows()}{own.hint}")
            for (patient, _), own in self._missed.items()
        )
        return NamedFiles(files, (*used, *absent, *self._ignored), rejections, notes)
