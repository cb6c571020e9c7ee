"""Masks that a segmentation is trained on and judged by: read once, kept in the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.cohorts.selection import keep_rows
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.row_files import RowFiles
from tumorboard.modalities import Measured, Modality
from tumorboard.records import Cohort, FileRecord, Rejection
from tumorboard.study import Study
from tumorboard.tasks import Task
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.mask_numbers import MaskNumbers
from tumorboard.transforms.cases import Cases, OwnGrid

#: What the files of the reference are called in the manifest, beside the names of modalities.
MASK = "mask of the reference"

#: Masks that cannot be used whose reasons are said where none can be.
_REASONS = 3
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
        absent: Sentences about labels that no mask has.
    """

    cases: Cases
    cache: Cache
    keys: Mapping[int, str]
    files: Mapping[int, tuple[Path, ...]]
    notes: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

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


def with_masks(
    study: Study, task: Task, modalities: Mapping[str, Modality], found: Cohort, selected: Cohort,
    kept: Mapping[str, Measured], cache: Cache, *, learns: bool = False,
) -> tuple[Cohort, Cohort, Mapping[str, Measured], References | None]:  # fmt: skip
    """The same patients with their masks; who has none that can be used is left out, and listed.

    Args:
        study: The study.
        task: Its task.
        modalities: Modality -> itself, not fitted.
        found: Everybody of the cohort.
        selected: Those analysed.
        kept: Modality -> its measurements of these.
        cache: Where masks are kept.
        learns: Whether models learn from these: then each label must be in some mask. Another
            cohort may lack one, and so may the few patients of a trial.

    Raises:
        InputError: No mask can be used.
        StudyError: A label that no mask has.
    """
    references, unreadable = read_references(study, task, modalities, selected, kept, cache)
    if unreadable:
        usable = np.asarray([row not in unreadable for row in range(selected.n_rows)])
        lost = tuple(
            Rejection(selected.patient_id[row], path, reason)
            for row, (path, reason) in unreadable.items()
        )
        found = replace(found, rejections=(*found.rejections, *lost))
        selected = keep_rows(selected, usable, "mask of the reference cannot be used")
        kept = {name: m.read(selected, name=name, cache=cache) for name, m in modalities.items()}
        references, _ = read_references(study, task, modalities, selected, kept, cache)
    if references is not None:
        if learns and references.absent:
            raise StudyError(references.absent)
        selected = replace(selected, notes=(*selected.notes, *references.notes))
    return found, selected, kept, references


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

    Raises:
        InputError: No mask can be used, or none holds a number that the study names.
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
    held: dict[int, list[int]] = {}
    moved: list[str] = []
    for row in range(cohort.n_rows):
        files[row] = finder.find(row)
        if not cases.files(row):  # another row of the patient has an image
            unusable[row] = (files[row][0], f"its image ({name}) is absent or cannot be used")
            continue
        try:
            keys[row] = _prepared(cases, row, files[row], numbers, cache)
        except InputError as error:
            unusable[row] = (files[row][0], " ".join(error.problems))
            continue
        if np.any(cache.load(_key(cache, keys[row], "moved"))):
            moved.append(cohort.patient_id[row])
        own = cache.load(_key(cache, keys[row], "own"), mapped=True)
        held[row] = sorted(set(np.unique(own).tolist()) - {0}) if own is not None else []
    if not keys:
        raise _without_usable(cohort, unusable)
    found = MaskNumbers(task, cohort, held)
    found.refuse_strangers_alone(files[min(keys)][0])
    notes = (*_moved_note(moved), *found.notes())
    return References(cases, cache, keys, files, notes, found.absent_labels()), unusable


def _moved_note(patients: Sequence[str]) -> list[str]:
    """A sentence where masks do not lie on the voxels of their images."""
    if not patients:
        return []
    return [
        f"{counted(len(patients), 'mask lies', 'masks lie')} on another grid than the image, whose "
        f"nearest voxels were taken: {listed(list(dict.fromkeys(patients)))}. Do they belong to it?"
    ]


def _without_usable(cohort: Cohort, unusable: Mapping[int, tuple[Path, str]]) -> InputError:
    """What stops a study of which no mask can be used, with the first reasons."""
    reasons = [
        f"patient {cohort.patient_id[row]}: {'' if path.name in reason else f'{path}: '}{reason}"
        for row, (path, reason) in list(unusable.items())[:_REASONS]
    ]
    return InputError(
        f"task.mask: no patient has an image with a usable mask "
        f"({counted(len(unusable), 'mask cannot', 'masks cannot')} be used), such as "
        f"{'; '.join(reasons)}"
    )


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
    parts = ("own", "network", "moved")
    is_kept = all(cache.path(_key(cache, key, part)).is_file() for part in parts)
    if grid is not None and is_kept:
        cases.remember(row, OwnGrid.decoded(grid))
        return key
    mask = cases.read_mask(row, files, numbers)
    cache.store(_key(cache, key, "own"), mask)
    cache.store(_key(cache, key, "network"), cases.to_network(row, mask))
    cache.store(_key(cache, key, "moved"), np.asarray([cases.was_moved(row)]))
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
