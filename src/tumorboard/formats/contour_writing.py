"""Write predicted masks as contours of radiotherapy (RTSTRUCT) on the slices of their series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import tumorboard
from tumorboard.cache import write_atomic
from tumorboard.errors import InputError
from tumorboard.formats.segmentation_writing import unique
from tumorboard.formats.source_series import RESEARCH_ONLY, SourceSlice, source_slices
from tumorboard.records import Bools, Floats

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

#: RT Structure Set Storage.
_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
#: Colours that planning systems show structures in.
_COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (204, 121, 167), (240, 228, 66))


def write_contours(
    path: Path, files: Sequence[Path], masks: Mapping[str, Bools], affine: Floats
) -> None:
    """Write closed planar contours of every label, slice by slice.

    Contours run through the middles between pixels inside and outside. A contour inside another one
    of the same structure and slice is a hole, as most planning systems read it.

    Args:
        path: File to write.
        files: Of the DICOM series.
        masks: Label -> (X, Y, Z), axes in RAS+ order; without a voxel it becomes a structure
            without contours.
        affine: (4, 4) voxel -> mm, RAS+.

    Raises:
        InputError: Not one classic series, or not that of the masks.

    Source:
        DICOM PS3.3 A.19, C.8.8.5 (structure set) and C.8.8.6 (ROI contour).
    """
    if not masks:
        raise InputError(f"{path}: no mask to draw contours of.")
    slices = source_slices(files, next(iter(masks.values())).shape, affine)
    dataset = _header(slices, masks)
    dataset.ROIContourSequence = [
        _contours(number, mask, slices) for number, mask in enumerate(masks.values(), start=1)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, lambda part: dataset.save_as(part, enforce_file_format=True))


def _header(slices: Sequence[SourceSlice], masks: Mapping[str, Bools]) -> FileDataset:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    first = slices[0].dataset
    series = str(first.SeriesInstanceUID)
    content = [np.packbits(mask).tobytes().hex() for mask in masks.values()]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(_CLASS)
    meta.MediaStorageSOPInstanceUID = unique(series, "contours", *masks, *content)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = unique("implementation")
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    now = datetime.now().astimezone()
    copied = (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID",
        "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
        "PatientIdentityRemoved", "DeidentificationMethod", "SpecificCharacterSet",
    )  # fmt: skip
    for keyword in copied:
        if keyword in first:
            setattr(dataset, keyword, first[keyword].value)
    values: dict[str, Any] = {
        "SOPClassUID": _CLASS, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "RTSTRUCT", "Manufacturer": "tumorboard",
        "ManufacturerModelName": "tumorboard", "SoftwareVersions": tumorboard.__version__,
        "SeriesInstanceUID": unique(series, "contour series"), "SeriesNumber": 901,
        "SeriesDescription": f"tumorboard: {RESEARCH_ONLY.lower()}"[:64], "InstanceNumber": 1,
        "OperatorsName": "", "StructureSetLabel": "TUMORBOARD",
        "StructureSetDescription": RESEARCH_ONLY, "ApprovalStatus": "UNAPPROVED",
        "StructureSetDate": now.strftime("%Y%m%d"), "StructureSetTime": now.strftime("%H%M%S"),
        "ReferencedFrameOfReferenceSequence": [_referenced(slices)],
        "StructureSetROISequence": [
            _roi(number, label, str(first.FrameOfReferenceUID))
            for number, label in enumerate(masks, start=1)
        ],
        "RTROIObservationsSequence": [
            _observation(number) for number in range(1, len(masks) + 1)
        ],
    }  # fmt: skip
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _made(values: Mapping[str, Any]) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _referenced(slices: Sequence[SourceSlice]) -> Dataset:
    first = slices[0].dataset
    series = _made(
        {"SeriesInstanceUID": first.SeriesInstanceUID,
         "ContourImageSequence": [_image(each.dataset) for each in slices]}
    )  # fmt: skip
    study = _made(
        {"ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1",
         "ReferencedSOPInstanceUID": first.StudyInstanceUID, "RTReferencedSeriesSequence": [series]}
    )  # fmt: skip
    return _made(
        {"FrameOfReferenceUID": first.FrameOfReferenceUID, "RTReferencedStudySequence": [study]}
    )


def _image(image: Any) -> Dataset:
    return _made(
        {"ReferencedSOPClassUID": image.SOPClassUID,
         "ReferencedSOPInstanceUID": image.SOPInstanceUID}
    )  # fmt: skip


def _roi(number: int, label: str, frame: str) -> Dataset:
    return _made(
        {"ROINumber": number, "ReferencedFrameOfReferenceUID": frame, "ROIName": label[:64],
         "ROIDescription": RESEARCH_ONLY, "ROIGenerationAlgorithm": "AUTOMATIC"}
    )  # fmt: skip


def _observation(number: int) -> Dataset:
    return _made(
        {"ObservationNumber": number, "ReferencedROINumber": number,
         "RTROIInterpretedType": "", "ROIInterpreter": ""}
    )  # fmt: skip


def _contours(number: int, mask: Bools, slices: Sequence[SourceSlice]) -> Dataset:
    items = [
        _made(
            {"ContourImageSequence": [_image(each.dataset)],
             "ContourGeometricType": "CLOSED_PLANAR", "NumberOfContourPoints": len(points),
             "ContourData": [f"{v:.4f}" for v in points.ravel().tolist()]}
        )
        for each in slices
        for points in _outlines(each, mask)
    ]  # fmt: skip
    colour = list(_COLOURS[(number - 1) % len(_COLOURS)])
    values: dict[str, Any] = {"ROIDisplayColor": colour, "ReferencedROINumber": number}
    return _made({**values, **({"ContourSequence": items} if items else {})})


def _outlines(each: SourceSlice, mask: Bools) -> Iterator[Floats]:
    """(n, 3) mm, LPS, of every contour of a slice; the first point is not repeated."""
    from skimage.measure import find_contours

    plane = each.plane(mask)
    if not plane.any():
        return
    found: Any = find_contours(np.pad(plane, 1).astype(np.float64), 0.5)
    for contour in found:
        rows, columns = contour[:-1].T - 1  # of the padded plane
        at = np.stack([columns, rows, np.zeros_like(rows), np.ones_like(rows)])
        yield np.asarray((each.to_world @ at)[:3].T, dtype=np.float64)
