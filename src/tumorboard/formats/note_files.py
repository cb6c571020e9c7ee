"""A note in a file of plain text or Word, checked before anybody believes its characters."""

from __future__ import annotations

import re
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.text_encoding import read_text

#: A file that is longer is no note.
_MOST_BYTES = 20_000_000
#: How a file begins that only pretends to be plain text -> what it is, and how to make it text.
_SIGNATURES = (
    (b"{\\rtf", "RTF"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP or Word (docx) file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word (doc) file"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"\x1f\x8b", "a gzip file"),
)
_HTML = re.compile(
    rb"^\s*(<!doctype\s+html|<html|<\?xml)|<(body|head|table|div|span|p|br)\b[^<>]*>.*</\w+\s*>",
    re.IGNORECASE | re.DOTALL,
)
#: Tabulator, line feed, vertical tabulator, form feed and carriage return are layout.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
#: What the first byte of a UTF-8 letter looks like where it was taken for Windows-1252.
_MISREAD = re.compile(r"[ÂÃâ][^\x00-\x7f]{1,2}")
#: Byte order marks in front of a signature.
_MARK = b"\xef\xbb\xbf"


def read_note(path: Path, *, encoding: str = "auto") -> str:
    """Text of a note; "" for a file without any letter.

    Args:
        path: Plain text, or Word where the name ends in .docx.
        encoding: A codec name, or "auto"; see `text_encoding.read_text`.

    Raises:
        InputError: It cannot be opened, is something else than its name says, is not of the
            encoding, or its characters are no text; the message holds no text of the note.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise InputError(
                f"{path.name}: {size / 1e6:.0f} MB, expected a note of at most "
                f"{_MOST_BYTES / 1e6:.0f} MB. Split the file into one note each."
            )
        text = _word(path) if path.suffix.lower() == ".docx" else _plain(path, encoding)
    except OSError as error:
        raise InputError(f"{path.name}: this note cannot be read ({error.strerror}).") from None
    fault = fault_of(text)
    if fault:
        raise InputError(f"{path.name}, {fault}")
    return text if text.strip() else ""


def fault_of(text: str) -> str:
    """Why characters are no text of a note, with line and remedy; empty where they are."""
    if match := _CONTROL.search(text):
        line = text.count("\n", 0, match.start()) + 1
        return (
            f"line {line}: control character U+{ord(match[0]):04X}, which no note holds. "
            "Export it again as plain text in UTF-8, or set encoding."
        )
    lost = text.find("�")
    if lost >= 0:
        line = text.count("\n", 0, lost) + 1
        return (
            f"line {line}: holds U+FFFD, which stands for a letter that was lost in an earlier "
            "conversion. Export it again from where it was written."
        )
    for match in _MISREAD.finditer(text):
        if _is_misread(match[0]):
            line = text.count("\n", 0, match.start()) + 1
            return (
                f"line {line}: {match[0]!r} is a letter in UTF-8 that was read as Windows-1252 "
                "and saved again. Export it again as UTF-8."
            )
    return ""


def _is_misread(letters: str) -> bool:
    for end in (len(letters), 2):
        try:
            letters[:end].encode("windows-1252").decode("utf-8")
        except UnicodeError:
            continue
        return True
    return False


def _plain(path: Path, encoding: str) -> str:
    data = path.read_bytes()
    start = data[:4096].removeprefix(_MARK)
    what = next((name for mark, name in _SIGNATURES if start.startswith(mark)), "")
    if not what and _HTML.search(start):
        what = "HTML or XML"
    if what:
        raise InputError(
            f"{path.name}: is {what}, not plain text, whatever its name says. Save it as plain "
            "text in UTF-8 (Word: as .docx) and name that file."
        )
    return read_text(path, encoding=encoding)[0]


def _word(path: Path) -> str:
    """Paragraphs and cells of tables of a Word file, in their order."""
    from zipfile import BadZipFile

    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table

    try:
        document = Document(str(path))
    except (BadZipFile, KeyError, ValueError, PackageNotFoundError):
        raise InputError(
            f"{path.name}: is not a Word file (docx), whatever its name says. Save it as plain "
            "text in UTF-8 and name that file."
        ) from None
    lines: list[str] = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            lines += ["\t".join(cell.text for cell in row.cells) for row in block.rows]
        else:
            lines.append(block.text)
    return "\n".join(lines)
