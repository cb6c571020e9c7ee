"""File patterns of a study, such as `images/{Image_filename}`: which files a table row names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path, PurePosixPath

from tumorboard.errors import InputError, StudyError

_BRACES = re.compile(r"\{([^{}]*)\}")
_DRIVE = re.compile(r"[A-Za-z]:")
_DIGITS = re.compile(r"(\d+)")


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key: slice_2 before slice_10; equal numbers fall back to their spelling."""
    return tuple(
        (0, int(part), part) if part.isdecimal() else (1, 0, part)
        for part in _DIGITS.split(text)
        if part
    )


def unsafe_reason(cell: str) -> str:
    """Why a cell must not become part of a file name; empty where it may."""
    if "\0" in cell or any(ord(character) < 32 for character in cell):
        return "holds a control character"
    if "\\" in cell:
        return "holds a backslash; write folders with /"
    if cell.startswith("/") or _DRIVE.match(cell):
        return "is an absolute path; expected a name below the data folder"
    if ".." in PurePosixPath(cell).parts:
        return "leaves the data folder with '..'"
    return ""


@dataclass(frozen=True)
class FilePattern:
    """A pattern of files with `{column}` names and `*`, relative to the data folder.

    Args:
        text: The pattern as in the study file.
        columns: Columns that its braces name, in order.
        folder: The part before any brace or star: everything below it belongs to the pattern.
    """

    text: str
    columns: tuple[str, ...]
    folder: PurePosixPath

    @classmethod
    def parse(cls, text: str, *, where: str) -> FilePattern:
        """Check a pattern.

        Raises:
            StudyError: An absolute path, `..`, a backslash, `**`, or braces that do not pair.
        """
        columns = tuple(_BRACES.findall(text))
        rest = _BRACES.sub("", text)
        reason = unsafe_reason(text)
        if "{" in rest or "}" in rest or "" in columns:
            reason = "has braces without a column name between them"
        if "**" in text:
            reason = "holds **; name the folder itself to take every file below it"
        if not text.strip():
            reason = "is empty"
        if reason:
            raise StudyError(f"{where}: {text!r} {reason}. Example: 'images/{{patient_id}}.png'.")
        fixed: list[str] = []
        for part in PurePosixPath(text).parts:
            if "{" in part or "*" in part:
                break
            fixed.append(part)
        if len(fixed) == len(PurePosixPath(text).parts):
            fixed = fixed[:-1]
        return cls(text, columns, PurePosixPath(*fixed))

    def fill(self, cells: Mapping[str, str]) -> str:
        """The pattern with a row's cells in its braces; a star in a cell stays a letter."""
        return _BRACES.sub(lambda match: cells[match[1]].replace("*", "[*]"), self.text)


class FileIndex:
    """Every file below some folders, listed once; names are compared exactly, on every system."""

    def __init__(self, root: Path, folders: set[PurePosixPath]) -> None:
        self.root = root
        self.files: list[str] = []
        self._children: dict[str, list[str]] = {}
        self._known: set[str] = set()
        self._folded: dict[str, str] = {}
        for folder in sorted(folders, key=lambda f: len(f.parts)):
            if str(folder) not in self._children and (root / folder).is_dir():
                self._list(folder)
        self.files.sort(key=natural_key)
        self._known.update(self.files)
        self._folded = {name.casefold(): name for name in self.files}

    def _list(self, start: PurePosixPath) -> None:
        pending = [str(start)]
        while pending:
            folder = pending.pop()
            names: list[str] = []
            entries = _entries(self.root / folder)
            if _is_output({entry.name for entry in entries}):
                continue
            for entry in entries:
                names.append(entry.name)
                path = _join(folder, entry.name)
                if entry.is_dir(follow_symlinks=False) or (
                    entry.is_symlink() and Path(entry.path).is_dir() and not _is_loop(entry)
                ):
                    pending.append(path)
                else:
                    self.files.append(path)
            self._children[folder] = sorted(names, key=natural_key)

    def has_folder(self, folder: PurePosixPath) -> bool:
        """Whether this folder was found."""
        return str(folder) in self._children

    def match(self, filled: str) -> list[str]:
        """Files that a filled pattern names, in natural order; a folder gives all files in it."""
        text = str(PurePosixPath(filled.replace("[*]", "*")))
        if text in self._known:
            return [text]
        if text in self._children:
            return self._below(text)
        if "*" not in filled.replace("[*]", ""):
            return []
        return self._expand(filled)

    def _below(self, folder: str) -> list[str]:
        found: list[str] = []
        for name in self._children[folder]:
            path = _join(folder, name)
            if path in self._children:
                found += self._below(path)
            elif not name.startswith("."):
                found.append(path)
        return found

    def _expand(self, filled: str) -> list[str]:
        parts = PurePosixPath(filled).parts
        level = ["."]
        for part in parts:
            level = [_join(folder, name) for folder in level for name in self._named(folder, part)]
        found: list[str] = []
        for path in level:
            found += self._below(path) if path in self._children else [path]
        return [path for path in found if path in self._known]

    def _named(self, folder: str, part: str) -> list[str]:
        plain = part.replace("[*]", "*")
        if "*" not in part.replace("[*]", ""):
            return [plain]
        stars = "".join(
            piece if piece in ("*", "[*]") else re.sub(r"([\[?])", r"[\1]", piece)
            for piece in re.split(r"(\[\*\]|\*)", part)
        )
        wanted = re.compile(translate(stars))
        names = self._children.get(folder, [])
        return [name for name in names if wanted.match(name) and not name.startswith(".")]

    def hint(self, filled: str) -> str:
        """The file that differs from this name only in upper and lower case, for the message."""
        other = self._folded.get(filled.replace("[*]", "*").casefold())
        return f"; {other} differs only in upper and lower case" if other else ""


def _is_output(names: set[str]) -> bool:
    """Whether a folder is a run or a model of ours, whose files are no input of a study."""
    return {"study.toml", "environment.json"} <= names or {
        "model.json",
        "fitted.safetensors",
    } <= names


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise InputError(f"{folder}: this folder cannot be read ({error.strerror}).") from None


def _join(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder}/{name}"


def _is_loop(entry: os.DirEntry[str]) -> bool:
    """A link to a folder that holds the link would be walked for ever."""
    target = os.path.realpath(entry.path)
    return os.path.realpath(os.path.dirname(entry.path)).startswith(target)
