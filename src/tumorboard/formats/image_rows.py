"""Which slices the image of each row is prepared from, and what became of its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.prepared_images import file_paths
from tumorboard.formats.slices import Slice, SliceFinder
from tumorboard.records import Cohort, FileRecord


def find_slices(
    cohort: Cohort, finder: SliceFinder, *, name: str
) -> tuple[dict[int, tuple[Slice, ...]], dict[int, tuple[Path, str]]]:
    """Slices of each row that names files; the file and the reason where there are none.

    Args:
        cohort: Its files are looked at.
        finder: How many slices, and how far apart.
        name: The modality.

    Raises:
        InputError: Neighbouring slices of a row belong to another patient.
    """
    found: dict[int, tuple[Slice, ...]] = {}
    rejected: dict[int, tuple[Path, str]] = {}
    for row, paths in enumerate(cohort.files.get(name, ())):
        if not paths:
            continue
        try:
            found[row] = finder.find(paths)
        except InputError as error:
            rejected[row] = (paths[0], str(error))
        except OSError as error:
            rejected[row] = (paths[0], f"{paths[0]}: cannot be read ({error.strerror}).")
    _check_neighbours(cohort, name, found)
    return found, rejected


def _check_neighbours(cohort: Cohort, name: str, found: Mapping[int, tuple[Slice, ...]]) -> None:
    """Refuse neighbours that are another patient's images: they would leak over the split."""
    owner = {
        os.path.abspath(path): cohort.patient_id[row]
        for row, paths in enumerate(cohort.files.get(name, ()))
        for path in paths
    }
    for row, slices in found.items():
        patient = cohort.patient_id[row]
        named = set(cohort.files[name][row])  # one file under two patients is the audit's to judge
        for item in slices:
            if item.path in named:
                continue
            other = owner.get(os.path.abspath(item.path), patient)
            if other != patient:
                raise InputError(
                    f"{name}: `slices` takes {item.path} as a neighbouring slice of patient "
                    f"{patient}, but it belongs to patient {other}. Put every patient's slices in "
                    "a folder of their own, or set slices = 1."
                )


def image_records(
    cohort: Cohort,
    name: str,
    finder: SliceFinder,
    used: Mapping[int, tuple[Slice, ...]],
    rejected: Mapping[int, tuple[Path, str]],
) -> tuple[FileRecord, ...]:
    """What became of every file; a file used by one row stays used whatever another row says."""
    records: dict[Path, FileRecord] = {}
    for row, slices in used.items():
        for path in file_paths(slices):
            records[path] = FileRecord(path, "used", "", name, cohort.patient_id[row])
    for row, (path, reason) in rejected.items():
        records.setdefault(path, FileRecord(path, "rejected", reason, name, cohort.patient_id[row]))
    for row in used:
        for path in finder.stack(cohort.files[name][row]):
            reason = "not among the slices that are read"
            records.setdefault(
                path, FileRecord(path, "ignored", reason, name, cohort.patient_id[row])
            )
    return tuple(records.values())
