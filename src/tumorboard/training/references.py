"""Masks that a segmentation is trained on and judged by: read once, kept in the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.row_files import RowFiles
from tumorboard.modalities import Measured, Modality
from tumorboard.records import Cohort, FileRecord
from tumorboard.study import Study
from tumorboard.tasks import Task
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.transforms.cases import Cases, OwnGrid

#: What the files of the reference are called in the manifest, beside the names of modalities.
MASK = "mask of the reference"

#: Ends of the names of mask files.
_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".png", ".dcm", ".tif", ".tiff", ".jpg", ".zip")


@dataclass(frozen=True)
class References:
    """The masks of a cohort's rows.

    Args:
        cases: The rows' images and their geometry.
        cache: Where masks are kept.
        keys: Row -> key of its mask in the cache.
        files: Row -> its mask files.
        notes: Sentences for the report.
    """

    cases: Cases
    cache: Cache
    keys: Mapping[int, str]
    files: Mapping[int, tuple[Path, ...]]
    notes: tuple[str, ...] = ()

    def own(self, row: int) -> NDArray[np.uint8]:
        """The mask on the image's own grid, mapped from the cache."""
        return self._load(row, "own")

    def network(self, row: int) -> NDArray[np.uint8]:
        """The mask as the segmenter sees it, mapped from the cache."""
        return self._load(row, "network")

    @property
    def is_known(self) -> bool:
        """Whether every image says how large its pixels or voxels are."""
        return all(self.cases.own_grid(row).is_known for row in self.keys)

    def records(self, cohort: Cohort) -> tuple[FileRecord, ...]:
        """The mask files as the manifest lists them."""
        return tuple(
            FileRecord(path, "used", "", MASK, cohort.patient_id[row])
            for row, paths in self.files.items()
            for path in paths
        )

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Row -> what its predicted mask is called, without a suffix; no two rows share a name.

        As its reference, or as the folder of several files; where that is not enough (`p1/seg.nii`
        and `p2/seg.nii`) with the folder before it, and with a number where rows share files.
        """
        named = {row: _names(files) for row, files in self.files.items() if row in self.keys}
        found = {row: short for row, (short, _) in named.items()}
        for _ in range(2):
            counts = Counter(name.casefold() for name in found.values())
            twice = [row for row, name in found.items() if counts[name.casefold()] > 1]
            for row in twice:
                long = named[row][1]
                found[row] = long if found[row] != long else f"{long}-{row}"
        return found

    def _load(self, row: int, which: str) -> NDArray[np.uint8]:
        found = self.cache.load(_key(self.cache, self.keys[row], which), mapped=True)
        if found is None:
            raise InputError(
                f"{self.files[row][0]}: its prepared mask was lost from {self.cache.folder} during "
                "the run. Start the same command again."
            )
        return found


def read_references(
    study: Study, task: Task, modalities: Mapping[str, Modality], cohort: Cohort,
    measured: Mapping[str, Measured], cache: Cache,
) -> tuple[References | None, Mapping[int, tuple[Path, str]]]:  # fmt: skip
    """Read the masks of every row; None where the task is no segmentation.

    Args:
        study: The study.
        task: Its task, which names the labels.
        modalities: Modality -> itself, not fitted.
        cohort: The rows; each has a mask file and an image.
        measured: Modality -> its measurements of these rows.
        cache: Where masks are kept.

    Returns:
        The masks, and for each row whose mask cannot be used its file and the reason.
    """
    if not isinstance(task, Segmentation):
        return None, {}
    name = study.keys.task.image
    cases = modalities[name].cases(cohort, measured[name], name=name)
    finder = RowFiles(cohort, study.keys.task.mask, where="task.mask")
    numbers = tuple(dict.fromkeys(n for own in task.numbers.values() for n in own))
    keys: dict[int, str] = {}
    files: dict[int, tuple[Path, ...]] = {}
    unusable: dict[int, tuple[Path, str]] = {}
    held: Counter[int] = Counter()
    for row in range(cohort.n_rows):
        files[row] = finder.find(row)
        try:
            keys[row] = _prepared(cases, row, files[row], numbers, cache)
        except InputError as error:
            unusable[row] = (files[row][0], " ".join(error.problems))
            continue
        own = cache.load(_key(cache, keys[row], "own"), mapped=True)
        inside = set(np.unique(own).tolist()) - {0} if own is not None else set[int]()
        held.update(inside)
    left = sorted(set(held) - set(numbers))
    if left and not set(held) & set(numbers):
        raise InputError(
            f"task.labels: the study names {listed([str(n) for n in numbers])}, but the masks of "
            f"{counted(len(keys), 'row')} hold {listed([str(n) for n in left])} alone, such as "
            f"{files[min(keys)][0]}. Name their numbers."
        )
    notes = _notes(task, held, left, len(keys))
    return References(cases, cache, keys, files, notes), unusable


def _notes(
    task: Segmentation, held: Mapping[int, int], left: Sequence[int], n_masks: int
) -> tuple[str, ...]:
    """How many masks hold each number, where not all do; numbers that no label names.

    Args:
        task: Names the labels.
        held: Number -> masks that hold it.
        left: Numbers that the study does not name.
        n_masks: Masks of the cohort.
    """
    named = [f"{n} in {held[n]}" for own in task.numbers.values() for n in own]
    is_whole = all(held[n] == n_masks for own in task.numbers.values() for n in own)
    notes = () if is_whole else (f"{', '.join(named)} of {n_masks} masks (task.labels)",)
    if not left:
        return notes
    others = ", ".join(f"{n} in {held[n]}" for n in left)
    said = f"numbers that task.labels does not name are background: {others} of {n_masks} masks"
    return (*notes, said)


def _prepared(
    cases: Cases, row: int, files: Sequence[Path], numbers: Sequence[int], cache: Cache
) -> str:
    """Key of a row's mask, which is read and resampled where the cache does not hold it."""
    images = cases.files(row)
    settings = {
        "kind": "reference mask of all numbers", "image": cases.settings(row),
        "numbers": list(numbers),
        "n_files": [len(images), len(files)],
    }  # fmt: skip
    key = cache.key(settings, *images, *files)
    grid = cache.load(_key(cache, key, "grid"))
    is_kept = all(cache.path(_key(cache, key, which)).is_file() for which in ("own", "network"))
    if grid is not None and is_kept:
        cases.remember(row, OwnGrid.decoded(grid))
        return key
    mask = cases.read_mask(row, files, numbers)
    cache.store(_key(cache, key, "own"), mask)
    cache.store(_key(cache, key, "network"), cases.to_network(row, mask))
    cache.store(_key(cache, key, "grid"), cases.own_grid(row).encoded())
    return key


def _names(files: Sequence[Path]) -> tuple[str, str]:
    """Short and long name of a mask: of its file or folder, and with what tells it from others."""
    first, folder = _stem(files[0].name), files[0].parent.name
    if len(files) == 1:
        return first, f"{folder}-{first}"
    return _stem(folder), f"{folder}-{first}"


def _stem(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _key(cache: Cache, key: str, which: str) -> str:
    plain: dict[str, Any] = {"kind": f"reference mask, {which}", "mask": key}
    return cache.key(plain)
