"""Masks of lesions beside their images, in the geometry of the prepared image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.images import read_pixels
from tumorboard.formats.mask_boxes import Box
from tumorboard.formats.row_files import RowFiles
from tumorboard.formats.slices import Slice
from tumorboard.records import Bools, Cohort, Ints

T = TypeVar("T")

_WHOLE: Mapping[int, Box] = {}


@dataclass(frozen=True)
class LesionMasks:
    """Lesions of some rows.

    Args:
        masks: (n, *space) True inside a lesion.
        known: (n,) False where a row has no usable mask, or an empty one.
        remarks: Why a mask that is named cannot be used, one sentence each.
    """

    masks: Bools
    known: Bools
    remarks: tuple[str, ...]


def read_masks(
    cohort: Cohort,
    rows: Ints,
    pattern: str,
    pictures: Mapping[int, T],
    read: Callable[[T, tuple[Path, ...]], Bools],
    *,
    size: tuple[int, ...],
    name: str,
) -> LesionMasks:
    """Read the masks that rows name, each in the geometry of its picture.

    Args:
        cohort: Its columns fill the pattern.
        rows: Which rows.
        pattern: Pattern of the mask files; braces name columns.
        pictures: Row -> what its picture is made from; other rows have no mask.
        read: A picture and the files of its masks to (*size) True inside any of them.
        size: Pixels or voxels of a mask.
        name: The modality.

    Raises:
        StudyError: The pattern is unsafe or names a column that the table does not have.
    """
    finder = RowFiles(cohort, pattern, where=f"modalities.{name}.masks")
    masks = np.zeros((len(rows), *size), dtype=np.bool_)
    remarks: list[str] = []
    for i, row in enumerate(rows.tolist()):
        if row not in pictures:
            continue
        try:
            paths = finder.find(row)
            if paths:
                masks[i] = read(pictures[row], paths)
        except InputError as error:
            remarks.append(f"{name}, patient {cohort.patient_id[row]}: no mask: {error}")
    known = np.asarray(masks.any(axis=tuple(range(1, masks.ndim))))
    return LesionMasks(masks, known, tuple(remarks))


def read_image_masks(
    cohort: Cohort, rows: Ints, pattern: str, preparation: Preparation, *, name: str,
    boxes: Mapping[int, Box] = _WHOLE,
) -> LesionMasks:  # fmt: skip
    """Masks of two-dimensional images, resized as these were; several of a row are joined.

    A pixel is inside where it is above half of the mask's largest value, before and after resizing.

    Args:
        cohort: Its columns fill the pattern, its files are the images.
        rows: Which rows.
        pattern: Pattern of the mask files; braces name columns.
        preparation: What was done to the images.
        name: The modality.
        boxes: Row -> what was cut out of its image.

    Raises:
        StudyError: The pattern is unsafe or names a column that the table does not have.
    """
    images = {
        row: Slice(paths[0], box=boxes.get(row, ()))
        for row, paths in enumerate(cohort.files.get(name, ()))
        if paths
    }
    read = partial(_joined, preparation=preparation)
    return read_masks(cohort, rows, pattern, images, read, size=preparation.size, name=name)


def _joined(image: Slice, paths: Sequence[Path], *, preparation: Preparation) -> Bools:
    size = read_pixels(image.path).values.shape[1:]
    joined = np.zeros(size, dtype=np.bool_)
    for path in paths:
        values = read_pixels(path).values.max(axis=0)
        if values.shape != size:
            raise InputError(
                f"{path}: {values.shape[0]} x {values.shape[1]} pixels, but its image has "
                f"{size[0]} x {size[1]}."
            )
        joined |= values > values.max() / 2
    return preparation.resize(image.cut(joined.astype(np.uint8) * np.uint8(255))) > 127
