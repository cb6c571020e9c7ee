"""Masks of lesions in volumes: DICOM segmentations, contours, NIfTI or NRRD."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.dicom_headers import sop_class_of
from tumorboard.formats.images import identify
from tumorboard.formats.volume import Volume
from tumorboard.formats.volumes import read_volume_files
from tumorboard.records import Bools

#: Largest difference of two affines' entries that still counts as one grid, mm.
_GRID_MM = 1e-2
#: A file of more numbers is a scan: atlases of the brain name fewer structures.
_MOST_NUMBERS = 200


def read_mask(paths: Sequence[Path], like: Volume) -> Bools:
    """(X, Y, Z) True inside any of the masks, on the grid of a volume.

    Args:
        paths: DICOM segmentations or contours, or NIfTI or NRRD files on the volume's grid; what is
            above 0 is inside.
        like: The volume.

    Raises:
        InputError: A mask cannot be read or lies on another grid.
    """
    joined = np.zeros(like.array.shape[1:], dtype=np.bool_)
    for path in paths:
        mask = read_mask_volume([path], like)
        is_alike = mask.array.shape[1:] == joined.shape and np.allclose(
            mask.affine, like.affine, atol=_GRID_MM
        )
        if not is_alike:
            raise InputError(
                f"{path}: the mask lies on another grid than its volume ({_grid(mask)} against "
                f"{_grid(like)}). Resample it onto the volume."
            )
        joined |= (mask.array > 0).any(axis=0)
    return joined


def read_mask_volume(files: Sequence[Path], like: Volume, *, segment: str = "all") -> Volume:
    """A mask on whatever grid it has; what is above 0 is inside.

    Args:
        files: One DICOM segmentation (SEG) or set of contours (RTSTRUCT), one NIfTI or NRRD file,
            or slices.
        like: The volume that it belongs to.
        segment: Name or number of one segment of a SEG or RTSTRUCT, `*` for any text; "all".

    Raises:
        InputError: It cannot be read, or was drawn on another series or frame of reference.
    """
    from tumorboard.formats.dicom_contours import RTSTRUCT, read_contours
    from tumorboard.formats.dicom_segmentation import segmentation_volume

    path = files[0]
    if len(files) != 1 or not is_dicom(path):
        where = path if len(files) == 1 else path.parent
        return read_volume_files(files, where=where)
    if sop_class_of(path) != RTSTRUCT:
        return segmentation_volume(path, like, segment=segment)
    inside = read_contours(path, like, segment=segment)
    return Volume(inside[np.newaxis].astype(np.int16), like.affine, used=(path,))


def check_is_mask(volume: Volume, path: Path) -> None:
    """Refuse a scan, or probabilities, that were given in the place of a mask.

    Raises:
        InputError: Values that no mask has.
    """
    values = volume.array[volume.array != 0]
    wrong = values[~(values > 0) | (np.floor(values) != values)]
    if len(wrong):
        raise InputError(
            f"{path}: found {wrong[0]:g}; expected a mask, of whole numbers from 0. Is it the "
            "image, or probabilities?"
        )
    n_numbers = len(np.unique(values))
    if n_numbers > _MOST_NUMBERS:
        raise InputError(
            f"{path}: {n_numbers} different numbers; expected a mask. Is it the image?"
        )


def mask_numbers(volume: Volume) -> tuple[int, ...]:
    """Numbers above 0 of a mask, such as 1, 2 and 4 of the parts of a glioma."""
    return tuple(int(number) for number in np.unique(volume.array[volume.array > 0]))


def is_dicom(path: Path) -> bool:
    """Whether a mask is a DICOM file, whose segments or contours are asked for by number."""
    try:
        return identify(path) == "DICOM"
    except InputError:  # not a picture at all: whoever reads it next says what it is
        return False


def _grid(volume: Volume) -> str:
    size = " x ".join(map(str, volume.array.shape[1:]))
    spacing = " x ".join(f"{v:.3g}" for v in volume.spacing_mm)
    corner = ", ".join(f"{v:.1f}" for v in volume.affine[:3, 3])
    return f"{size} voxels of {spacing} mm from ({corner}) mm"
