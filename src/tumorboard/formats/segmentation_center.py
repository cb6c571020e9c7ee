"""Middle of the tumour in a DICOM segmentation, without reading the images that it was drawn on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.messages import listed
from tumorboard.records import Floats

#: What a segment is called that holds the tumour, where there are several.
_TUMOUR = re.compile(r"tumou?r|neoplasm|carcinoma|lesion|nodule|\bgtv\b|\bmass\b", re.IGNORECASE)


@dataclass(frozen=True)
class SegmentedTumour:
    """Where a segmentation says that the tumour is.

    Args:
        center_mm: Centre of mass of its voxels, in mm in DICOM's axes (left, posterior, superior).
        series_uid: Series that it was drawn on; "" where the file does not say.
        volume_ml: Volume of the voxels where slices are as far apart as the file says, else NaN.
    """

    center_mm: tuple[float, float, float]
    series_uid: str
    volume_ml: float


def read_segmented_tumour(path: Path) -> SegmentedTumour:
    """Centre of the tumour in a DICOM SEG (binary, or fractional from one half on).

    Raises:
        InputError: Not a DICOM SEG, several segments of which none or several are called tumour,
            frames without a place, or an empty segment.

    Source:
        DICOM PS3.3 A.51 (Segmentation IOD), C.7.6.16.2 (plane position, orientation, measures).
    """
    import pydicom

    try:
        dataset: Any = pydicom.dcmread(path)
        if dataset.get("Modality") != "SEG":
            raise InputError(f"{path.name}: modality {dataset.get('Modality')!r}, expected SEG.")
        number = _tumour_segment(dataset, path)
        masks = _masks(dataset)
        frames = list(dataset.PerFrameFunctionalGroupsSequence)
        shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])
        places = [_place(frame, shared) for frame in frames]
        own = [_segment_of(frame, shared) in (number, None) for frame in frames]
    except InputError:
        raise
    except Exception as error:  # pydicom raises many kinds of error on damaged files
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path.name}: not a DICOM segmentation that can be read ({line})."
        ) from error
    center, volume = _center(masks, places, own, path)
    series = dataset.get("ReferencedSeriesSequence") or []
    uid = str(series[0].get("SeriesInstanceUID", "")) if series else ""
    return SegmentedTumour(center, uid, volume)


def _tumour_segment(dataset: Any, path: Path) -> int:
    segments = list(dataset.SegmentSequence)
    names = [f"{s.SegmentNumber} {s.get('SegmentLabel', '')}" for s in segments]
    tumours = [s for s in segments if _TUMOUR.search(str(s.get("SegmentLabel", "")))]
    chosen = segments if len(segments) == 1 else tumours
    if len(chosen) != 1:
        raise InputError(
            f"{path.name}: {len(segments)} segments ({listed(names)}), of which {len(chosen)} are "
            "called tumour; expected one. Export the tumour alone."
        )
    return int(chosen[0].SegmentNumber)


def _masks(dataset: Any) -> np.ndarray:
    pixels = np.asarray(dataset.pixel_array)
    pixels = pixels.reshape(-1, *pixels.shape[-2:])
    half = float(dataset.get("MaximumFractionalValue") or 1) / 2
    return pixels >= half if dataset.SegmentationType == "FRACTIONAL" else pixels > 0


def _place(frame: Any, shared: Sequence[Any]) -> tuple[Floats, Floats, Floats, float]:
    """Position of the first pixel, the steps of a column and of a row in mm, and the thickness."""
    position = _item(frame, shared, "PlanePositionSequence").ImagePositionPatient
    axes = _item(frame, shared, "PlaneOrientationSequence").ImageOrientationPatient
    measures = _item(frame, shared, "PixelMeasuresSequence")
    down, right = (float(v) for v in measures.PixelSpacing)
    gap = measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or np.nan
    cosines = np.asarray([float(v) for v in axes])
    return (
        np.asarray([float(v) for v in position]), cosines[:3] * right, cosines[3:] * down,
        float(gap),
    )  # fmt: skip


def _segment_of(frame: Any, shared: Sequence[Any]) -> int | None:
    """Number of a frame's segment; None where the file has one and does not repeat it."""
    try:
        return int(_item(frame, shared, "SegmentIdentificationSequence").ReferencedSegmentNumber)
    except AttributeError:
        return None


def _item(frame: Any, shared: Sequence[Any], name: str) -> Any:
    for group in (frame, *shared):
        if group.get(name):
            return group.get(name)[0]
    raise AttributeError(f"no {name}")


def _center(
    masks: np.ndarray, places: Sequence[tuple[Floats, Floats, Floats, float]],
    own: Sequence[bool], path: Path,
) -> tuple[tuple[float, float, float], float]:  # fmt: skip
    if len(masks) != len(places):
        raise InputError(f"{path.name}: {len(masks)} frames, but places of {len(places)}.")
    total, weight, volume = np.zeros(3), 0, 0.0
    for mask, (position, right, down, gap), is_own in zip(masks, places, own, strict=True):
        rows, columns = np.nonzero(mask) if is_own else ((), ())
        n = len(rows)
        if n:
            total += n * (position + right * np.mean(columns) + down * np.mean(rows))
            weight += n
            volume += n * float(np.linalg.norm(np.cross(right, down))) * gap / 1000
    if not weight:
        raise InputError(f"{path.name}: the segment is empty. Export the segmentation again.")
    x, y, z = (float(v) for v in total / weight)
    return (x, y, z), volume
