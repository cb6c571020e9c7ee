"""Bytes to text without mojibake: UTF-8, UTF-16, Windows-1252; else the byte at fault."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from tumorboard.errors import InputError, StudyError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the UTF-16 mark
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8_LETTERS = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}")
_WINDOWS_ONLY = re.compile(rb"[\x80-\x9f]")


def read_text(path: Path, *, encoding: str = "auto") -> tuple[str, str]:
    """Text of a file and the encoding it was read with.

    Args:
        path: The file.
        encoding: A codec name, or "auto": byte order mark, UTF-8, UTF-16 without a mark, and last
            Windows-1252 (reported as Latin-1 where both agree), but never for a file that is
            UTF-8 except for some bytes.

    Raises:
        InputError: A byte that does not belong to the encoding, with its line and column.
        StudyError: No such encoding.
    """
    data = path.read_bytes()
    if encoding == "auto":
        encoding = _detect(data, path)
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise StudyError(
            f"encoding: {encoding!r} is not known. Write utf-8, utf-16, latin-1 or windows-1252."
        ) from None
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError as error:
        raise _undecodable(path, data, error, encoding) from None
    except UnicodeError as error:
        raise InputError(f"{path.name}: is not {encoding} ({error}). Set encoding.") from None


def _detect(data: bytes, path: Path) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if b"\0" in data[:4096]:
        return _without_mark(data[:4096], path)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        # One broken byte in a UTF-8 file would turn every other letter of it into two.
        if _UTF8_LETTERS.search(data):
            raise _undecodable(path, data, error, "utf-8") from None
        return "windows-1252" if _WINDOWS_ONLY.search(data) else "latin-1"
    return "utf-8"


def _without_mark(head: bytes, path: Path) -> str:
    """UTF-16 without a byte order mark: in Latin script every second byte is zero."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd > 0.4 * half and even < 0.1 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.1 * half:
        return "utf-16-be"
    raise InputError(
        f"{path.name}: holds zero bytes (0x00), so it is no text. Expected a table or a note, "
        "saved as UTF-8."
    )


def _undecodable(path: Path, data: bytes, error: UnicodeDecodeError, encoding: str) -> InputError:
    before = data[: error.start]
    line = before.count(b"\n") + 1
    start = before.rfind(b"\n") + 1
    column = len(before[start:].decode(encoding, errors="replace")) + 1
    return InputError(
        f"{path.name}, line {line}, column {column}: byte 0x{data[error.start]:02x} is not "
        f"{encoding}. Save the file as UTF-8, or set encoding to what it was written in."
    )
