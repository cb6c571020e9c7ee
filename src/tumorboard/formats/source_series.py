"""The DICOM series that a mask was drawn on, and each of its slices as a part of the mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.volume_masks import is_dicom
from tumorboard.records import Bools, Floats, Ints

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

#: What stands in every object that is made of a prediction.
RESEARCH_ONLY = "Research use only, not a medical device"
#: Corners of a slice may lie this far from voxel centres, in voxels.
_OFF_GRID = 0.1
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # DICOM's world is LPS


@dataclass(frozen=True)
class SourceSlice:
    """One image of the series.

    Args:
        dataset: Its header and pixels.
        index: (3, rows, columns) voxel of the mask at each pixel.
        to_world: (4, 4) column, row -> mm, LPS.
    """

    dataset: FileDataset
    index: Ints
    to_world: Floats

    def plane(self, mask: Bools) -> Bools:
        """(rows, columns) of the mask on this image."""
        return mask[tuple(self.index)]


def source_slices(
    files: Sequence[Path], shape: tuple[int, ...], affine: Floats
) -> list[SourceSlice]:
    """Read the images of a series in the order of their positions, and place them in a mask.

    Args:
        files: Of the series; what is no image of the largest series is left out.
        shape: (X, Y, Z) of the mask.
        affine: (4, 4) voxel of the mask -> mm, RAS+.

    Raises:
        InputError: No classic DICOM series of one image in each file, or one that the mask was not
            drawn on.
    """
    fault = InputError("")
    for images in _series(files):
        try:
            return _whole(images, shape, affine)
        except InputError as error:
            fault = error
    raise fault


def _whole(
    images: Sequence[FileDataset], shape: tuple[int, ...], affine: Floats
) -> list[SourceSlice]:
    slices = list(_placed(images, shape, affine))
    if len(slices) != shape[_across(slices)]:
        raise InputError(
            f"{images[0].filename}: {len(slices)} slices, the mask has {shape[_across(slices)]}. "
            "Give the series that the mask was drawn on."
        )
    return slices


def _series(files: Sequence[Path]) -> list[list[FileDataset]]:
    """Images by series, the largest series first; of equal ones that of the first file."""
    from pydicom import dcmread

    found = [dcmread(path) for path in files if path.is_file() and is_dicom(path)]
    found = [image for image in found if "PixelData" in image]
    if not found:
        raise InputError(
            f"{files[0] if files else 'no file'}: no DICOM image; DICOM masks are made of DICOM "
            "images alone. Use --as nifti."
        )
    odd = [image for image in found if _is_odd(image)]
    if len(odd) == len(found):
        raise InputError(
            f"{odd[0].filename}: several frames in one file, or no position; expected a series of "
            "one image in each file. Use --as nifti."
        )
    series: dict[str, list[FileDataset]] = {}
    for image in found:
        if not _is_odd(image):
            series.setdefault(str(image.get("SeriesInstanceUID", "")), []).append(image)
    return sorted(series.values(), key=len, reverse=True)


def _is_odd(image: FileDataset) -> bool:
    needed = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    return int(image.get("NumberOfFrames") or 1) > 1 or not all(n in image for n in needed)


def _placed(
    images: Sequence[FileDataset], shape: tuple[int, ...], affine: Floats
) -> Iterator[SourceSlice]:
    first = np.asarray([float(v) for v in images[0].ImageOrientationPatient])
    normal = np.cross(first[:3], first[3:])
    to_index = np.linalg.inv(affine) @ _FLIP

    def place(image: Any) -> float:
        return float(np.asarray([float(v) for v in image.ImagePositionPatient]) @ normal)

    for image in sorted(images, key=place):
        world = _world(image)
        turn = to_index @ world
        rows, columns = int(image.Rows), int(image.Columns)
        grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)))  # (2, rows, columns)
        at = np.einsum("ij,jrc->irc", turn[:3, :2], grid) + turn[:3, 3, None, None]
        index = np.rint(at).astype(np.int64)
        inside = (index >= 0).all() and (index < np.asarray(shape)[:, None, None]).all()
        if not inside or np.abs(at - index).max() > _OFF_GRID:
            raise InputError(
                f"{image.filename}: lies off the grid of the mask. Give the series that the mask "
                "was drawn on."
            )
        yield SourceSlice(image, index, world)


def _world(image: Any) -> Floats:
    """(4, 4) column, row, slice -> mm, LPS."""
    turn = np.asarray([float(v) for v in image.ImageOrientationPatient]).reshape(2, 3)
    between_rows, between_columns = (float(v) for v in image.PixelSpacing)
    world = np.eye(4)
    world[:3, 0], world[:3, 1] = turn[0] * between_columns, turn[1] * between_rows
    world[:3, 2] = np.cross(turn[0], turn[1])
    world[:3, 3] = [float(v) for v in image.ImagePositionPatient]
    return world


def _across(slices: Sequence[SourceSlice]) -> int:
    """Axis of the mask that the slices are stacked along."""
    index = slices[0].index.reshape(3, -1)
    return int(np.flatnonzero(np.ptp(index, axis=1) == 0)[0]) if index.shape[1] > 1 else 2
