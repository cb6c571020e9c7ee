"""Members of a ZIP, read in memory: nothing is extracted, and no name in it is used as a path."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, shown

_CHUNK = 1 << 20
#: A local header before its name (APPNOTE 6.3.10, section 4.3.7).
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class ZipLimits:
    """What a ZIP may hold at most, counted while it is read and never taken from its headers.

    Args:
        total_bytes: Of all members together, decompressed.
        member_bytes: Of one member.
        ratio: Decompressed bytes for each byte of the file, once `ratio_from_bytes` are read.
            Deflate reaches 1,032 on zeros, a CT 2 to 4.
        ratio_from_bytes: Small archives of blank pictures may compress as they like.
        members: How many.
    """

    total_bytes: int = 8 << 30
    member_bytes: int = 4 << 30
    ratio: float = 200.0
    ratio_from_bytes: int = 128 << 20
    members: int = 50_000


@dataclass(frozen=True)
class ZipMember:
    """One file in a ZIP.

    Args:
        name: For messages; a repeated name is numbered.
        content: Its bytes, CRC checked.
    """

    name: str
    content: bytes


def looks_like_zip(head: bytes) -> bool:
    """True for bytes that start like a ZIP, or like an empty one."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def read_zip(path: Path, limits: ZipLimits = ZipLimits()) -> Iterator[ZipMember]:
    """Yield every file of a ZIP in the order of its directory.

    Raises:
        InputError: Not a whole ZIP; a member that is encrypted, damaged, a link, named outside the
            archive, or overlaps another; more than a limit.
    Source:
        PKWARE APPNOTE 6.3.10; overlapping members: CVE-2024-0450.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(
            f"{path}: not a whole ZIP ({error}). It may be cut off or split in parts; "
            "copy or export it again."
        ) from error
    with archive:
        infos = _checked(path, archive, limits)
        names = _display_names(infos)
        n_read = 0
        for info, name in zip(infos, names, strict=True):
            content = _read(path, archive, info, name, n_read, limits)
            n_read += len(content)
            yield ZipMember(name, content)


def _checked(path: Path, archive: zipfile.ZipFile, limits: ZipLimits) -> list[zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > limits.members:
        raise InputError(
            f"{path}: {counted(len(infos), 'member')}, more than the limit of {limits.members:,}. "
            "Pack one patient into one ZIP."
        )
    problems = [
        f"{path}: member {shown(info.orig_filename)} {problem}"
        for info in infos
        if (problem := _problem(info))
    ]
    problems += _overlaps(path, infos)
    if problems:
        raise InputError(problems)
    return [info for info in infos if not info.is_dir()]


def _problem(info: zipfile.ZipInfo) -> str:
    name = info.orig_filename.replace("\\", "/")
    if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/"):
        return "has a path that leads out of the archive. Pack the files by their plain names."
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link to another file. Pack the file itself."
    if info.flag_bits & 0x1:
        return "is encrypted. Pack it without a password."
    return ""


def _overlaps(path: Path, infos: list[zipfile.ZipInfo]) -> list[str]:
    """Members that share bytes: how a small archive claims to hold petabytes."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    return [
        f"{path}: members {shown(first.orig_filename)} and {shown(second.orig_filename)} share "
        "the same bytes. Such an archive is damaged or made to do harm; pack the files again."
        for first, second in pairwise(ordered)
        if first.header_offset + _LOCAL_HEADER + first.compress_size > second.header_offset
    ]


def _display_names(infos: list[zipfile.ZipInfo]) -> list[str]:
    seen: Counter[str] = Counter()
    names: list[str] = []
    for info in infos:
        seen[info.filename] += 1
        again = seen[info.filename]
        names.append(info.filename if again == 1 else f"{info.filename} (number {again})")
    return names


def _read(
    path: Path,
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    name: str,
    n_before: int,
    limits: ZipLimits,
) -> bytes:
    chunks: list[bytes] = []
    n_here = 0
    size = path.stat().st_size
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                n_here += len(chunk)
                _check_limits(path, name, n_here, n_before + n_here, size, limits)
                chunks.append(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"{path}: member {shown(name)} is damaged ({error or 'it ends too early'}). "
            "Copy or export the ZIP again."
        ) from error
    return b"".join(chunks)


def _check_limits(
    path: Path, name: str, n_here: int, n_total: int, size: int, limits: ZipLimits
) -> None:
    too_much = ""
    if n_here > limits.member_bytes:
        too_much = f"grows beyond the limit of {limits.member_bytes:,} bytes for one member"
    elif n_total > limits.total_bytes:
        too_much = f"brings the ZIP beyond the limit of {limits.total_bytes:,} bytes"
    elif n_total > limits.ratio_from_bytes and n_total > limits.ratio * size:
        too_much = f"brings the ZIP beyond {limits.ratio:g} bytes for each byte of its own"
    if too_much:
        raise InputError(
            f"{path}: member {shown(name)} {too_much}; reading stopped after {n_total:,} bytes. "
            "Pack the files of one patient only."
        )
