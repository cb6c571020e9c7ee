"""Contours of radiotherapy (RTSTRUCT) as a mask on the grid of the volume they were drawn on."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.dicom_references import refuse_other_reference
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.volume import Volume
from tumorboard.records import Bools, Floats

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: RT Structure Set Storage.
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
#: How far the points of one contour may lie off one plane of voxels, in voxels.
_OFF_PLANE = 0.25


def read_contours(path: Path, like: Volume, *, segment: str = "all") -> Bools:
    """Read closed contours as a mask, (X, Y, Z) as the volume.

    A voxel is inside where its centre is; a contour within another one of the same structure and
    slice is a hole.

    Args:
        path: An RTSTRUCT file.
        like: Volume whose series and frame of reference the contours must share.
        segment: Name or number of one structure (`*` stands for any text); "all" where there is
            only one.

    Raises:
        InputError: Another series or frame of reference, several structures of which none was
            chosen, contours that are not closed or cross the slices of the volume.
    Source:
        DICOM PS3.3 C.8.8.5 (structure set) and C.8.8.6 (ROI contour).
    """
    from pydicom import dcmread

    try:
        dataset = dcmread(path, force=True)
        _check_reference(path, dataset, like)
        items = _structures(path, dataset, segment)
        return _drawn(path, items, like)
    except InputError:
        raise
    except Exception as error:  # pydicom raises many kinds of error on damaged files
        line = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise InputError(f"{path}: damaged RTSTRUCT ({line}). Export it again.") from error


def _check_reference(path: Path, dataset: Dataset, like: Volume) -> None:
    references: list[Dataset] = list(dataset.get("ReferencedFrameOfReferenceSequence") or ())
    named = [
        str(series.get("SeriesInstanceUID", ""))
        for reference in references
        for study in reference.get("RTReferencedStudySequence") or ()
        for series in study.get("RTReferencedSeriesSequence") or ()
    ]
    frames = [str(r.FrameOfReferenceUID) for r in references if r.get("FrameOfReferenceUID")]
    refuse_other_reference(path, like, series=named, frames=frames, what="contours")


def _structures(path: Path, dataset: Dataset, wanted: str) -> list[Dataset]:
    """Items of contours of the structures that were chosen."""
    names = {
        int(item.ROINumber): str(item.get("ROIName", ""))
        for item in dataset.get("StructureSetROISequence") or ()
    }
    items = {
        int(item.ReferencedROINumber): item
        for item in dataset.get("ROIContourSequence") or ()
        if item.get("ContourSequence")
    }
    there = [f"{number} {shown(names.get(number, ''))}" for number in items]
    if not items:
        raise InputError(f"{path}: no structure with contours.")
    if wanted == "all" and len(items) > 1:
        raise InputError(
            f"{path}: {len(items)} structures: {listed(there)}. Choose one, such as segment = "
            f"{shown(names.get(next(iter(items)), ''))}."
        )
    found = [
        item
        for number, item in items.items()
        if wanted in ("all", str(number)) or fnmatchcase(names.get(number, ""), wanted)
    ]
    if not found:
        raise InputError(f"{path}: no structure {shown(wanted)}. Found: {listed(there)}.")
    return found


def _drawn(path: Path, items: list[Dataset], like: Volume) -> Bools:
    mask = np.zeros(like.array.shape[1:], dtype=np.bool_)
    to_index = np.linalg.inv(like.affine) @ np.diag([-1.0, -1.0, 1.0, 1.0])  # contours are LPS
    beyond = 0
    for item in items:
        own = np.zeros_like(mask)
        _check_kinds(path, item)
        for contour in item.ContourSequence:
            points = np.asarray(contour.ContourData, dtype=np.float64).reshape(-1, 3)
            at = points @ to_index[:3, :3].T + to_index[:3, 3]
            beyond += not _fill(path, own, at)
        mask |= own
    if beyond:
        raise InputError(
            f"{path}: {counted(beyond, 'contour')} beyond the slices of the volume. Give the "
            "contours with their own series."
        )
    return mask


def _check_kinds(path: Path, item: Dataset) -> None:
    kinds = Counter(
        str(contour.get("ContourGeometricType", "")) for contour in item.ContourSequence
    )
    other = [f"{n} {shown(kind)}" for kind, n in kinds.items() if kind != "CLOSED_PLANAR"]
    if other:
        raise InputError(
            f"{path}: contours of type {listed(other)}; expected CLOSED_PLANAR, which encloses an "
            "area."
        )


def _fill(path: Path, mask: Bools, at: Floats) -> bool:
    """Turn what one contour encloses, in voxels; False where it lies beyond the slices."""
    from skimage.draw import polygon

    spread = np.ptp(at, axis=0)
    axis = int(spread.argmin())
    middle = float(at[:, axis].mean())
    place = round(middle)
    if spread[axis] > _OFF_PLANE or abs(middle - place) > _OFF_PLANE:
        raise InputError(
            f"{path}: a contour lies {abs(middle - place):.2f} voxels off the slices of the volume "
            f"and crosses {spread[axis]:.2f} of them; expected contours on its slices."
        )
    if not 0 <= place < mask.shape[axis]:
        return False
    plane = np.moveaxis(mask, axis, 0)[place]
    first, second = np.delete(at, axis, axis=1).T
    inside = polygon(first, second, plane.shape)
    plane[inside] ^= True
    return True
