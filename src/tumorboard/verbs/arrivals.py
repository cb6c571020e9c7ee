"""Tables of cases that arrive below a watched folder: which are complete, and which changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from tumorboard.errors import StudyError
from tumorboard.formats.file_patterns import FileIndex, FilePattern, unsafe_reason
from tumorboard.records import Cohort
from tumorboard.study import Study

#: Size, time of change and number of each file; None where there is none.
Signature = tuple[tuple[int, int, int] | None, ...]


@dataclass
class _Seen:
    """What is known of one table.

    Args:
        files: Further files whose change is a change of the case.
        signature: Of the table and of these files, when it was last looked at.
        since: When they were first seen like this.
        is_settled: Whether nothing is to be done until something changes.
    """

    files: tuple[Path, ...]
    signature: Signature
    since: float
    is_settled: bool = False


class Arrivals:
    """Tables below a folder, looked at again and again.

    Args:
        folder: The watched folder; hidden files and folders are left out.
        quiet_s: For how long size and time of a case's files must not change, in seconds.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self, folder: Path, *, quiet_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = folder
        self.quiet_s = quiet_s
        self._clock = clock
        self._seen: dict[Path, _Seen] = {}

    def ready(self) -> list[Path]:
        """Complete tables that nothing was done about since they last changed, oldest first."""
        now = self._clock()
        tables = dict.fromkeys(_tables(self.folder))
        self._seen = {table: seen for table, seen in self._seen.items() if table in tables}
        found: list[tuple[float, Path]] = []
        for table in tables:
            seen = self._seen.get(table)
            files = seen.files if seen else ()
            signature = _signature((table, *files))
            if signature[0] is None:  # gone since the folder was listed
                continue
            if seen is None or seen.signature != signature:
                self._seen[table] = _Seen(files, signature, now)
            elif not seen.is_settled and now - seen.since >= self.quiet_s:
                found.append((changed_at((table,)), table))
        return [table for _, table in sorted(found)]

    @property
    def n_waiting(self) -> int:
        """Tables that are not settled yet."""
        return sum(not seen.is_settled for seen in self._seen.values())

    def follow(self, table: Path, files: Sequence[Path]) -> bool:
        """Take up the files of a ready table; False where one of them is still being written."""
        known, files = self._seen[table], tuple(files)
        if known.files == files:
            return True
        # the table as it was when it was ready: what was read of it may be older than it is now
        signature = (known.signature[0], *_signature(files))
        self._seen[table] = _Seen(files, signature, known.since)
        newest = max((own[1] for own in signature[1:] if own is not None), default=0)
        if 0 <= time.time() - newest / 1e9 < self.quiet_s:
            self._seen[table].since = self._clock()
            return False
        return True

    def settle(self, table: Path) -> None:
        """Nothing more is to be done about a table until it or one of its files changes."""
        self._seen[table].is_settled = True


def changed_at(files: Sequence[Path]) -> float:
    """When the last of some files was written or put in place, in seconds since 1970."""
    times: list[float] = []
    for path in files:
        try:
            times.append(path.stat().st_ctime)
        except OSError:  # absent: it never arrived
            continue
    return max(times, default=0.0)


def _tables(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(".csv") and not name.startswith("."):
                yield Path(here, name)


def _signature(files: Sequence[Path]) -> Signature:
    found: list[tuple[int, int, int] | None] = []
    for path in files:
        try:
            status = path.stat()
        except OSError:
            found.append(None)
            continue
        found.append((status.st_size, status.st_mtime_ns, status.st_ino))
    return tuple(found)


def named_files(study: Study, modalities: Sequence[str], cohort: Cohort) -> tuple[Path, ...]:
    """Files that belong to the rows of a table, whether they are there or not.

    Args:
        study: The study, whose modalities name patterns of files and tables.
        modalities: Those that are read.
        cohort: The rows.
    """
    found: dict[Path, None] = {}
    cells = {"patient_id": cohort.patient_id, **cohort.columns}
    for name in modalities:
        own = study.modalities[name]
        if isinstance(table := own.get("table"), str) and table != "none":
            beside = cohort.table.parent
            found |= dict.fromkeys((cohort.root / table, beside / table, beside / Path(table).name))
        patterns = [pattern for pattern in _patterns(own) if set(pattern.columns) <= set(cells)]
        index = FileIndex(cohort.root, {pattern.folder for pattern in patterns})
        for pattern in patterns:
            for row in range(cohort.n_rows):
                filled = {column: (cells[column][row] or "").strip() for column in pattern.columns}
                if not all(filled.values()) or any(map(unsafe_reason, filled.values())):
                    continue
                text = pattern.fill(filled)
                names = index.match(text) or [text.replace("[*]", "*")]
                found |= dict.fromkeys(cohort.root / each for each in names)
    return tuple(found)


def is_read_by(study: Study, modalities: Sequence[str], table: Path) -> bool:
    """Whether a table is a file that a modality reads, and so no table of cases itself."""
    for name in modalities:
        own = study.modalities[name]
        texts = [pattern.text for pattern in _patterns(own)]
        if isinstance(own.get("table"), str):
            texts.append(PurePosixPath(own["table"]).name)
        for text in texts:
            parts = PurePosixPath(text).parts
            if parts and parts[-1].lower().endswith(".csv") and _fits(parts, table):
                return True
    return False


def _fits(parts: Sequence[str], table: Path) -> bool:
    """Whether a path ends as a pattern does; a pattern of nothing but `{column}.csv` fits none."""
    if len(parts) == 1 and "{" in parts[0]:
        return False
    stars = [FilePattern.parse(part, where="files").fill(_AnyCell()) for part in parts]
    return PurePosixPath(table.as_posix()).match("/".join(s.replace("[*]", "*") for s in stars))


class _AnyCell(dict[str, str]):
    """A star for every column."""

    def __missing__(self, column: str) -> str:
        return "*"


def _patterns(settings: Mapping[str, Any]) -> list[FilePattern]:
    """Patterns of files with `{column}` names among the settings of a modality."""
    found: list[FilePattern] = []
    for text in _texts(settings):
        if "{" not in text:
            continue
        try:
            found.append(FilePattern.parse(text, where="files"))
        except StudyError:  # a text with braces that is no pattern
            continue
    return found


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in cast("Mapping[str, object]", value).values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in cast("Sequence[object]", value):
            yield from _texts(each)
