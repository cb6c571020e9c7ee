"""Which slices the image of each row is prepared from, and what became of its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.mask_boxes import FoundBoxes, MaskCrop
from tumorboard.formats.prepared_images import PreparedImages, file_paths, prepare
from tumorboard.formats.slices import Slice, SliceFinder
from tumorboard.records import Cohort, FileRecord, Ints, Rejection


@dataclass(frozen=True)
class ImageRows:
    """Images of a cohort's rows.

    Args:
        images: Every distinct slice.
        index: (rows, slices) number of each among them, -1 where a row has no usable image.
        rejections: Files that cannot be used.
        records: What became of each file.
        notes: Sentences about what was read.
    """

    images: PreparedImages
    index: Ints
    rejections: tuple[Rejection, ...]
    records: tuple[FileRecord, ...]
    notes: tuple[str, ...]


def read_rows(
    cohort: Cohort, finder: SliceFinder, preparation: Preparation, crop: MaskCrop | None,
    cache: Cache, *, name: str,
) -> ImageRows:  # fmt: skip
    """Prepare the images of every row; a file that cannot be used is rejected, the rest stay.

    Args:
        cohort: Its files are read.
        finder: Which slices a row has.
        preparation: What is done to each.
        crop: What they are cropped around, if anything.
        cache: Where prepared images are kept.
        name: The modality.

    Raises:
        InputError: Neighbouring slices of a row belong to another patient.
    """
    found, rejected = find_slices(cohort, finder, name=name)
    around = FoundBoxes({}, {}) if crop is None else crop.find(cohort, name=name, cache=cache)
    rejected = {**around.rejected, **rejected}
    found = {
        row: tuple(replace(item, box=around.boxes.get(row, ())) for item in slices)
        for row, slices in found.items()
        if row not in rejected
    }
    every = list(dict.fromkeys(item for slices in found.values() for item in slices))
    images, numbers, failed = prepare(every, preparation, cache, name=name)
    index = np.full((cohort.n_rows, finder.n_slices), -1, dtype=np.int64)
    for row, slices in found.items():
        bad = [item for item in slices if item in failed]
        if bad:
            rejected[row] = (bad[0].path, failed[bad[0]])
        else:
            index[row] = [numbers[item] for item in slices]
    used = {row: slices for row, slices in found.items() if row not in rejected}
    return ImageRows(
        images,
        index,
        tuple(
            Rejection(cohort.patient_id[row], path, reason)
            for row, (path, reason) in sorted(rejected.items())
        ),
        (*image_records(cohort, name, finder, used, rejected), *around.records),
        around.notes,
    )


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
