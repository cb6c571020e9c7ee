"""Files of one patient of `tumorboard follow`: masks and images of visits, and what is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.messages import shown
from tumorboard.formats.scan_visits import ScanVisit
from tumorboard.formats.volume import Volume
from tumorboard.formats.volume_masks import check_is_mask, is_dicom, mask_numbers, read_mask_volume
from tumorboard.formats.volumes import read_volume
from tumorboard.records import Rejection
from tumorboard.report.follow_page import LeftOut


@dataclass(frozen=True)
class ReadVisit:
    """One row of the table with its mask, and its image where there is one."""

    row: ScanVisit
    mask: Volume
    image: Volume | None


#: A row that could not be used, the file at fault, and the reason.
Lost = tuple[ScanVisit, Path | None, str]


def read_visits(rows: Sequence[ScanVisit]) -> tuple[list[ReadVisit], list[Lost]]:
    """Masks and images of the visits that can be measured, and the rows that are lost.

    A visit with one file that cannot be used is left out whole.
    """
    found: list[ReadVisit] = []
    lost: list[Lost] = []
    for row in rows:
        if row.mask is None:
            lost.append((row, None, "no mask"))
            continue
        try:
            found.append(_read_one(row, row.mask))
        except InputError as error:
            lost.append((row, row.mask, str(error)))
    broken = {row.number for row, _, _ in lost}
    return [one for one in found if one.row.number not in broken], lost


def _read_one(row: ScanVisit, path: Path) -> ReadVisit:
    image = read_volume(row.image) if row.image is not None else None
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if path.is_file() and is_dicom(path):
        if image is None:
            raise InputError(f"{path}: a DICOM mask needs its image: give --image.")
        mask = read_mask_volume([path], image)
    else:
        mask = read_volume(path)
    if mask.facts.get("geometry") == "unknown":
        raise InputError(f"{path}: says no voxel size; millimetres cannot be measured.")
    check_is_mask(mask, path)
    return ReadVisit(row, mask, image)


def rejected(row: ScanVisit, path: Path | None, reason: str) -> Rejection:
    """A lost row as the user reads it."""
    where = f"visit {shown(row.visit)} (line {row.line})"
    return Rejection(row.patient_id, path, f"{where}: {reason}")


def lost_visits(lost: Sequence[Lost]) -> tuple[LeftOut, ...]:
    """Visits that were not measured, each with all its reasons."""
    reasons: dict[int, list[str]] = {}
    rows = {row.number: row for row, _, _ in lost}
    for row, path, reason in lost:
        short = reason.replace(str(path), path.name) if path else reason
        reasons.setdefault(row.number, []).append(short.rstrip("."))
    return tuple(
        LeftOut(number, title_of(rows[number]), "; ".join(reasons[number]))
        for number in sorted(reasons)
    )


def title_of(row: ScanVisit) -> str:
    """What a visit is called on pages."""
    return f"visit {row.visit}" + ("" if math.isnan(row.days) else f", day {row.days:g}")


def joined_numbers(read: Sequence[ReadVisit]) -> tuple[str, ...]:
    """Masks of several numbers, which are measured as one."""
    numbers = [(one, mask_numbers(one.mask)) for one in read]
    return tuple(
        f"visit {one.row.visit} ({', '.join(map(str, own))})"
        for one, own in numbers
        if len(own) > 1
    )
