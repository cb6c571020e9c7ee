"""DICOM segmentation (SEG) as a mask on the grid of the volume that it was drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.dicom_files import DicomFile
from tumorboard.formats.dicom_geometry import plane_affine
from tumorboard.formats.dicom_headers import read_header
from tumorboard.formats.dicom_multiframe import frames_of
from tumorboard.formats.dicom_references import refuse_other_reference
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.volume import Volume
from tumorboard.records import Bools, Floats

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

    from tumorboard.formats.dicom_slices import Slice

_SEG = "1.2.840.10008.5.1.4.1.1.66.4"
#: Corners of a frame may lie this far from voxel centres, in voxels.
_OFF_GRID = 0.1
#: Share of a fractional segmentation from which a voxel belongs to it.
_HALF = 0.5


def read_segmentation(path: Path, like: Volume, *, segment: str = "all") -> Bools:
    """Read a mask, (X, Y, Z) as the volume: True where a segment is, in any of its frames.

    Args:
        path: A DICOM SEG file, binary or fractional (from a half on).
        like: Volume whose grid, series and frame of reference the mask must share.
        segment: Number or label of one segment (`*` stands for any text); "all" for their union.

    Raises:
        InputError: Another object, another series or frame of reference, frames off the grid, or a
            segment that is not there.
    Source:
        DICOM PS3.3 A.51 and C.8.20 (segmentation).
    """
    mask, off = _on_grid(path, _planes(path, like, segment), like)
    if off:
        raise InputError(
            f"{path}: {counted(len(off), 'frame')} off the grid of the volume (frames "
            f"{listed(off)}). Expected a mask that was drawn on the same slices; resample it first."
        )
    return mask


def segmentation_volume(path: Path, like: Volume, *, segment: str = "all") -> Volume:
    """The mask of `read_segmentation`: on the grid of the volume where it lies there, else its own.

    Raises:
        InputError: As `read_segmentation`, or frames that are no grid of their own.
    """
    planes = _planes(path, like, segment)
    mask, off = _on_grid(path, planes, like)
    if not off:
        return Volume(mask[np.newaxis].astype(np.int16), like.affine, used=(path,))
    return _own_grid(path, planes)


def _planes(path: Path, like: Volume, segment: str) -> list[tuple[Slice, NDArray[Any]]]:
    """Frames of the wanted segments with their pixels (rows, columns), True inside."""
    from pydicom import dcmread

    file = DicomFile(path)
    header = read_header(file, segmentation=True) if not file.why_not_dicom() else None
    if header is None or header.image is None or header.image.tags["SOPClassUID"] != _SEG:
        raise InputError(f"{path}: not a DICOM segmentation (SEG) with pixels.")
    dataset = dcmread(path)
    _check_reference(path, dataset, like)
    numbers = _segments(path, dataset, segment)
    frames = frames_of(header.image)
    pixels = _pixels(path, dataset, len(frames))
    return [
        (frame, plane)
        for frame, plane in zip(frames, pixels, strict=True)
        if _segment_of(dataset, frame.frame) in numbers
    ]


def _on_grid(
    path: Path, planes: Sequence[tuple[Slice, NDArray[Any]]], like: Volume
) -> tuple[Bools, list[str]]:
    """The mask on the volume's grid, and the numbers of frames that do not lie there."""
    mask = np.zeros(like.array.shape[1:], dtype=np.bool_)
    to_index = np.linalg.inv(like.affine).astype(np.float64)
    off = [
        str(frame.frame + 1) for frame, plane in planes if not _place(mask, frame, plane, to_index)
    ]
    return mask, off


def _own_grid(path: Path, planes: Sequence[tuple[Slice, NDArray[Any]]]) -> Volume:
    """The mask on the grid of its own frames, of which those without a mark may be left out."""
    frames = [frame for frame, _ in planes]
    if not all(f.position and f.orientation and f.spacing_mm for f in frames):
        raise InputError(f"{path}: frames without position, orientation or pixel spacing.")
    if len({(f.orientation, f.spacing_mm) for f in frames}) > 1:
        raise InputError(
            f"{path}: frames of several orientations or pixel spacings; expected one grid."
        )
    first = frames[0]
    unit = plane_affine(first)
    at = np.linalg.inv(unit) @ np.vstack(
        [np.array([[-1.0], [-1.0], [1.0]]) * np.array([f.position for f in frames]).T,
         np.ones(len(frames))]
    )  # fmt: skip
    places = np.unique(np.round(at[2], 3))
    step = float(np.diff(places).min()) if len(places) > 1 else 1.0
    number = (at[2] - places[0]) / step
    if np.abs(number - np.rint(number)).max() > _OFF_GRID or np.abs(at[:2]).max() > _OFF_GRID:
        raise InputError(
            f"{path}: {counted(len(frames), 'frame')} that are no grid of their own, and lie off "
            "the volume's. Resample the segmentation onto the volume."
        )
    index = np.rint(number).astype(np.int64)
    rows, columns = planes[0][1].shape
    mask = np.zeros((columns, rows, int(index.max()) + 1), dtype=np.int16)
    for (_, plane), k in zip(planes, index.tolist(), strict=True):
        mask[:, :, k] |= plane.T
    affine = plane_affine(first, step)
    affine[:3, 3] += unit[:3, 2] * places[0]
    return Volume(mask[np.newaxis], affine, used=(path,))


def _check_reference(path: Path, dataset: FileDataset, like: Volume) -> None:
    named = [
        str(item.get("SeriesInstanceUID", ""))
        for item in dataset.get("ReferencedSeriesSequence") or ()
    ]
    frame = str(dataset.get("FrameOfReferenceUID", ""))
    refuse_other_reference(
        path, like, series=named, frames=[frame] if frame else [], what="segments"
    )


def _segments(path: Path, dataset: FileDataset, wanted: str) -> set[int]:
    labels = {
        int(item.SegmentNumber): str(item.get("SegmentLabel", ""))
        for item in dataset.get("SegmentSequence") or ()
    }
    if wanted == "all":
        return set(labels)
    found = {
        number
        for number, label in labels.items()
        if wanted == str(number) or fnmatchcase(label, wanted)
    }
    if not found:
        there = [f"{number} {shown(label)}" for number, label in labels.items()]
        raise InputError(f"{path}: no segment {shown(wanted)}. Found: {listed(there)}.")
    return found


def _segment_of(dataset: FileDataset, frame: int) -> int:
    groups = (
        dataset.PerFrameFunctionalGroupsSequence[frame],
        *(dataset.get("SharedFunctionalGroupsSequence") or ()),
    )
    for group in groups:
        items = group.get("SegmentIdentificationSequence")
        if items:
            return int(items[0].ReferencedSegmentNumber)
    return 0


def _pixels(path: Path, dataset: FileDataset, n: int) -> NDArray[Any]:
    """(frames, rows, columns) True inside."""
    kind = str(dataset.get("SegmentationType", "BINARY"))
    if kind == "LABELMAP":
        raise InputError(f"{path}: SegmentationType LABELMAP; expected BINARY or FRACTIONAL.")
    try:
        stored = dataset.pixel_array
    except Exception as error:  # decoders raise many kinds of error on damaged data
        line = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise InputError(
            f"{path}: damaged pixel data ({line}). Copy or export the file again."
        ) from error
    stored = stored.reshape(n, int(dataset.Rows), int(dataset.Columns))
    full = int(dataset.get("MaximumFractionalValue") or 1) if kind == "FRACTIONAL" else 1
    return stored >= _HALF * full


def _place(mask: Bools, frame: Slice, plane: NDArray[Any], to_index: Floats) -> bool:
    """Draw one frame into the mask; False where it does not lie on the grid."""
    if not (frame.position and frame.orientation and frame.spacing_mm):
        return False
    turn = to_index @ plane_affine(frame)  # column, row, 0 -> voxel of the volume
    rows, columns = np.nonzero(plane)
    corners = np.array([[0, 0], [plane.shape[1] - 1, 0], [0, plane.shape[0] - 1]])
    at = turn[:3, :2] @ corners.T + turn[:3, 3:]
    if np.abs(at - np.rint(at)).max() > _OFF_GRID:
        return False
    steps, start = np.rint(turn[:3, :2]).astype(np.int64), np.rint(turn[:3, 3]).astype(np.int64)
    if np.linalg.matrix_rank(steps) < 2 or np.abs(steps).sum() != 2:
        return False
    index = steps @ np.stack([columns, rows]) + start[:, None]
    if (index < 0).any() or (index >= np.array(mask.shape)[:, None]).any():
        return False
    mask[tuple(index)] = True
    return True
