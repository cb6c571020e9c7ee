"""Boxes around masks: what is cut out of pictures before they are resized."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import numpy as np

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.file_patterns import FilePattern
from tumorboard.formats.images import read_pixels
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.row_files import RowFiles
from tumorboard.records import Cohort, FileRecord

Crop = Literal["none"] | Mapping[str, str | float]
#: Top, bottom, left and right of what is cut out, then height and width of the mask, in pixels.
Box = tuple[int, ...]

_KEYS = ("mask", "margin", "empty", "folder")
_MARGIN = 0.15


@dataclass(frozen=True)
class FoundBoxes:
    """Boxes of a cohort's rows.

    Args:
        boxes: Row -> what is cut out of its picture; rows that keep the whole have none.
        rejected: Row -> its picture and why it cannot be used.
        records: The masks that were used.
        notes: How many pictures stay whole, and why.
    """

    boxes: Mapping[int, Box]
    rejected: Mapping[int, tuple[Path, str]]
    records: tuple[FileRecord, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaskCrop:
    """Cuts each picture around the box of its mask.

    Args:
        mask: Pattern of the masks, of the size of their picture; anything above 0 is inside, and
            several files of a row are joined.
        margin: How much is added on every side, as a share of the box's longer side.
        empty: What happens to a picture whose mask is absent or empty.
        folder: Folder that the pattern starts from; "data" is that of the study.
    """

    mask: str
    margin: float
    empty: Literal["whole", "reject"]
    folder: str

    @classmethod
    def parse(cls, crop: Crop) -> MaskCrop | None:
        """What the setting `crop` asks for; None for "none".

        Raises:
            StudyError: Unknown keys, or values that cannot be; all of them.
        """
        if isinstance(crop, str):
            return None
        problems = [f"crop.{k}: no such key. {nearest(k, _KEYS)}" for k in crop if k not in _KEYS]
        mask, margin = crop.get("mask", ""), crop.get("margin", _MARGIN)
        empty, folder = crop.get("empty", "whole"), crop.get("folder", "data")
        if not isinstance(mask, str) or not mask:
            problems.append("crop.mask: needed, a pattern such as 'masks/{patient_id}.png'.")
        if isinstance(margin, str) or not 0 <= margin < math.inf:
            problems.append(f"crop.margin: found {margin!r}, expected a share of 0 or more.")
        if empty not in ("whole", "reject"):
            problems.append(f'crop.empty: found {empty!r}, expected "whole" or "reject".')
        if not isinstance(folder, str) or not folder:
            problems.append(f'crop.folder: found {folder!r}, expected "data" or a folder.')
        if problems:
            raise StudyError(problems)
        kept = cast("Literal['whole', 'reject']", empty)
        return cls(str(mask), float(margin), kept, str(folder))

    def find(self, cohort: Cohort, *, name: str, cache: Cache | None = None) -> FoundBoxes:
        """Boxes of the rows that have a picture.

        Args:
            cohort: Its columns fill the pattern, its files are the pictures.
            name: The modality.
            cache: Remembers boxes by the content of the masks.

        Raises:
            InputError: The folder of the masks is absent.
            StudyError: The pattern is unsafe or names a column that the table does not have.
        """
        pictures = {row: own[0] for row, own in enumerate(cohort.files.get(name, ())) if own}
        rejected: dict[int, tuple[Path, str]] = {}
        masks = self._files(cohort, pictures, rejected, name=name)
        boxes: dict[int, Box] = {}
        records: list[FileRecord] = []
        with ThreadPoolExecutor(1 if cache is None else cache.workers) as pool:
            work = pool.map(lambda paths: _box_of(paths, cache), masks.values())
            for (row, paths), found in zip(masks.items(), work, strict=True):
                if isinstance(found, str):
                    rejected[row] = (pictures[row], f"no mask to crop around: {found}")
                    continue
                patient = cohort.patient_id[row]
                records += [FileRecord(path, "used", "", name, patient) for path in paths]
                if found[1] > found[0]:
                    boxes[row] = _widened(found, self.margin)
        whole = [row for row in pictures if row not in boxes and row not in rejected]
        n_empty = sum(row in masks for row in whole)
        if self.empty == "reject":
            for row in whole:
                why = "its mask is empty" if row in masks else "it has no mask"
                rejected[row] = (pictures[row], f'{why}, and crop.empty is "reject".')
            whole = []
        return FoundBoxes(
            boxes, rejected, tuple(records), _said(cohort, whole, n_empty, len(pictures))
        )

    def _files(
        self, cohort: Cohort, pictures: Mapping[int, Path], rejected: dict[int, tuple[Path, str]],
        *, name: str,
    ) -> dict[int, tuple[Path, ...]]:  # fmt: skip
        """Masks of the rows that have some."""
        where = f"modalities.{name}.crop"
        root = cohort.root if self.folder == "data" else Path(self.folder).expanduser()
        below = root / FilePattern.parse(self.mask, where=where).folder
        if not below.is_dir():
            raise InputError(
                f"{below}: no such folder, but {where}.mask is {self.mask!r}. Make the masks "
                f"first, or name the folder that the pattern starts from with {where}.folder."
            )
        finder = RowFiles(replace(cohort, root=root), self.mask, where=where)
        masks: dict[int, tuple[Path, ...]] = {}
        for row in pictures:
            try:
                paths = finder.find(row, may_be_absent=True)
            except InputError as error:
                rejected[row] = (pictures[row], str(error))
                continue
            if paths:
                masks[row] = paths
        return masks


def _box_of(paths: Sequence[Path], cache: Cache | None) -> Box | str:
    """Box of everything above 0 in any of the masks, all zeros in front where there is nothing."""
    try:
        key = "" if cache is None else cache.key({"kind": "box of a mask"}, *paths)
        kept = None if cache is None else cache.load(key)
        if kept is None:
            kept = _measured(paths)
            if cache is not None:
                cache.store(key, kept)
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"{paths[0]}: cannot be read ({error.strerror or error})."
    return tuple(int(value) for value in kept)


def _measured(paths: Sequence[Path]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    masks = [read_pixels(path).values.max(axis=0) > 0 for path in paths]
    shape = masks[0].shape
    for path, mask in zip(paths, masks, strict=True):
        if mask.shape != shape:
            raise InputError(
                f"{path}: {mask.shape[0]} x {mask.shape[1]} pixels, but {paths[0].name} has "
                f"{shape[0]} x {shape[1]}."
            )
    joined = np.logical_or.reduce(masks)
    ends = [0, 0, 0, 0]
    if joined.any():
        rows, columns = np.flatnonzero(joined.any(axis=1)), np.flatnonzero(joined.any(axis=0))
        ends = [rows[0], rows[-1] + 1, columns[0], columns[-1] + 1]
    return np.asarray([*ends, *shape], dtype=np.int64)


def _widened(box: Box, margin: float) -> Box:
    """The box with its margin, as far as the picture reaches."""
    top, bottom, left, right, height, width = box
    more = round(margin * max(bottom - top, right - left))
    return (
        max(top - more, 0), min(bottom + more, height),
        max(left - more, 0), min(right + more, width), height, width,
    )  # fmt: skip


def _said(cohort: Cohort, whole: Sequence[int], n_empty: int, n_pictures: int) -> tuple[str, ...]:
    if not whole:
        return ()
    patients = list(dict.fromkeys(cohort.patient_id[row] for row in whole))
    return (
        f"{len(whole)} of {counted(n_pictures, 'picture')} kept whole, with nothing to crop "
        f"around: {len(whole) - n_empty} without a mask, {n_empty} with an empty one "
        f"(patients {listed(patients)})",
    )
