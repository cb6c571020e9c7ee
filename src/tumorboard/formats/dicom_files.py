"""Files that may be DICOM, of a folder or out of a ZIP: what the series reader looks through."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tumorboard.errors import InputError
from tumorboard.formats.dicom_image import looks_like_dicom
from tumorboard.formats.zip_members import looks_like_zip, read_zip

#: What a file without content is called.
EMPTY = "empty"
#: Bytes that tell DICOM from other files.
_HEAD = 132
#: What other files start with -> what they are.
_OTHER = {
    b"PK": "a ZIP inside the ZIP",
    b"MZ": "a Windows program",
    b"\x7fELF": "a Linux program",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"<": "an HTML or XML file",
}


@dataclass(frozen=True)
class DicomFile:
    """One file, or one member of a ZIP in memory.

    Args:
        path: On disk; the ZIP for a member.
        member: Name in the ZIP, for messages only.
        content: Bytes of the member; None for a file on disk.
    """

    path: Path
    member: str = ""
    content: bytes | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """File name without its folder."""
        return self.member.rsplit("/", 1)[-1] if self.member else self.path.name

    @property
    def n_bytes(self) -> int:
        """Size of the whole file."""
        return self.path.stat().st_size if self.content is None else len(self.content)

    def open(self) -> BinaryIO:
        """The file from its first byte."""
        return self.path.open("rb") if self.content is None else io.BytesIO(self.content)

    def why_not_dicom(self) -> str:
        """What the file is by its content; "" for DICOM."""
        with self.open() as stream:
            head = stream.read(_HEAD)
        if looks_like_dicom(head):
            return ""
        if not head.strip(b"\0"):
            return EMPTY
        kind = next((kind for start, kind in _OTHER.items() if head.startswith(start)), "")
        return f"not DICOM but {kind}" if kind else "not DICOM"

    def ignored(self, reason: str) -> tuple[Path, str]:
        """Entry of a list of ignored files: the path on disk and the reason."""
        return self.path, f"{self.member}: {reason}" if self.member else reason


def dicom_files(path: Path) -> list[DicomFile]:
    """Every file below a folder, every member of a ZIP, or one file, in the order of their names.

    Raises:
        InputError: No such file or folder, or a ZIP that `read_zip` refuses.
    """
    if path.is_dir():
        found: list[DicomFile] = []
        for folder, below, names in os.walk(path):
            below.sort()
            found += [DicomFile(Path(folder) / name) for name in sorted(names)]
        return found
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder.")
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if not looks_like_dicom(head) and (looks_like_zip(head) or path.suffix.lower() == ".zip"):
        members = sorted(read_zip(path), key=lambda member: member.name)
        return [DicomFile(path, member.name, member.content) for member in members]
    return [DicomFile(path)]
