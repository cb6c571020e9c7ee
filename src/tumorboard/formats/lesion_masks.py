"""Masks of lesions beside their images, in the geometry of the prepared image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.file_patterns import FileIndex, FilePattern, unsafe_reason
from tumorboard.formats.images import read_pixels
from tumorboard.formats.prepared_images import Preparation
from tumorboard.records import Bools, Cohort, Ints


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
    cohort: Cohort, rows: Ints, pattern: str, preparation: Preparation, *, name: str
) -> LesionMasks:
    """Read the masks that rows name; several masks of a row are joined.

    A pixel is inside where it is above half of the mask's largest value, before and after resizing.

    Args:
        cohort: Its columns fill the pattern, its files are the images.
        rows: Which rows.
        pattern: Pattern of the mask files; braces name columns.
        preparation: What was done to the images.
        name: The modality.

    Raises:
        StudyError: The pattern is unsafe or names a column that the table does not have.
    """
    parsed = FilePattern.parse(pattern, where=f"modalities.{name}.masks")
    cells = {"patient_id": cohort.patient_id, **cohort.columns}
    for column in parsed.columns:
        if column not in cells:
            raise StudyError(
                f"modalities.{name}.masks: {pattern!r} names {column!r}, which is no column of the "
                f"table. {nearest(column, list(cohort.columns))}"
            )
    index = FileIndex(cohort.root, {parsed.folder})
    masks = np.zeros((len(rows), *preparation.size), dtype=np.bool_)
    remarks: list[str] = []
    for i, row in enumerate(rows.tolist()):
        own = {column: (cells[column][row] or "").strip() for column in parsed.columns}
        images = cohort.files[name][row]
        if not all(own.values()) or not images:
            continue
        try:
            masks[i] = _joined(_found(index, parsed, own), images[0], preparation)
        except InputError as error:
            remarks.append(f"{name}, patient {cohort.patient_id[row]}: no mask: {error}")
    return LesionMasks(masks, np.asarray(masks.any(axis=(1, 2))), tuple(remarks))


def _found(index: FileIndex, pattern: FilePattern, cells: dict[str, str]) -> list[Path]:
    for column, cell in cells.items():
        reason = unsafe_reason(cell)
        if reason:
            raise InputError(f"column {column}: {cell!r} {reason}.")
    filled = pattern.fill(cells)
    names = index.match(filled)
    if not names:
        raise InputError(f"{index.root / filled}: no such file{index.hint(filled)}.")
    return [index.root / found for found in names]


def _joined(paths: Sequence[Path], image: Path, preparation: Preparation) -> Bools:
    size = read_pixels(image).values.shape[1:]
    joined = np.zeros(size, dtype=np.bool_)
    for path in paths:
        values = read_pixels(path).values.max(axis=0)
        if values.shape != size:
            raise InputError(
                f"{path}: {values.shape[0]} x {values.shape[1]} pixels, but its image has "
                f"{size[0]} x {size[1]}."
            )
        joined |= values > values.max() / 2
    return preparation.resize(joined.astype(np.uint8) * np.uint8(255)) > 127
