"""DICOM folders of a patient as TCIA exports them, small, with known places."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

#: Voxel (column, row, slice) -> mm in DICOM's axes: this origin, these steps.
ORIGIN_MM = (-100.0, -50.0, 20.0)
SPACING_MM = (2.0, 3.0, 5.0)
SHAPE = (12, 10, 6)  # columns, rows, slices


def write_ct(
    folder: Path, *, n_slices: int = SHAPE[2], localizer: bool = False, patient: str = "AMC-001",
    study_uid: str = "",
) -> list[FileDataset]:  # fmt: skip
    """An axial CT series, one file per slice."""
    folder.mkdir(parents=True)
    series, study, frame = generate_uid(), study_uid or generate_uid(), generate_uid()
    slices: list[FileDataset] = []
    for k in range(n_slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds = FileDataset("made.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = series, study, frame
        ds.Modality, ds.PatientID, ds.PatientName = "CT", patient, f"{patient}^"
        ds.PatientBirthDate = ds.PatientSex = ds.AccessionNumber = ds.StudyID = ""
        ds.StudyDate = ds.StudyTime = ds.ReferringPhysicianName = ds.PositionReferenceIndicator = ""
        ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER" if localizer else "AXIAL"]
        ds.InstanceNumber, ds.SeriesNumber = k + 1, 1
        ds.ImagePositionPatient = [*ORIGIN_MM[:2], ORIGIN_MM[2] + SPACING_MM[2] * k]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing = [SPACING_MM[1], SPACING_MM[0]]
        ds.SliceThickness = SPACING_MM[2]
        ds.Columns, ds.Rows = SHAPE[:2]
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation, ds.SamplesPerPixel = 15, 1, 1
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
        ds.PixelData = np.zeros(SHAPE[1::-1], np.int16).tobytes()
        ds.save_as(folder / f"1-{k + 1:02d}.dcm", enforce_file_format=True)
        slices.append(ds)
    return slices


def write_segmentation(
    path: Path, slices: Sequence[Dataset], mask: np.ndarray, labels: Sequence[str] = ("tumor",)
) -> None:
    """A DICOM SEG by highdicom; `mask` (slices, rows, columns) holds segment numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    algorithm = AlgorithmIdentificationSequence("made", codes.DCM.ArtificialIntelligence, "1")
    Segmentation(
        source_images=list(slices),
        pixel_array=mask.astype(np.uint8),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            SegmentDescription(
                number, label, codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Neoplasm,
                SegmentAlgorithmTypeValues.AUTOMATIC, algorithm,
            )
            for number, label in enumerate(labels, start=1)
        ],
        series_instance_uid=generate_uid(), series_number=9, sop_instance_uid=generate_uid(),
        instance_number=1, manufacturer="made", manufacturer_model_name="made",
        software_versions="1", device_serial_number="1",
    ).save_as(path)  # fmt: skip


def aim_text(
    points: Sequence[Sequence[float]], *, kind: str = "TwoDimensionPolyline", image_uid: str = "",
    series_uid: str = "", head: str = "",
) -> str:  # fmt: skip
    """An AIM 4 file with one shape."""
    dimension = "Two" if len(points[0]) == 2 else "Three"
    spots = "".join(
        f'<{dimension}DimensionSpatialCoordinate><coordinateIndex value="{i}"/>'
        + "".join(f'<{axis} value="{value}"/>' for axis, value in zip("xyz", point, strict=False))
        + f"</{dimension}DimensionSpatialCoordinate>"
        for i, point in enumerate(points)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        '<ImageAnnotationCollection aimVersion="AIMv4_0" '
        'xmlns="gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><imageAnnotations>'
        "<ImageAnnotation><imageReferenceEntityCollection><ImageReferenceEntity "
        'xsi:type="DicomImageReferenceEntity"><imageStudy><imageSeries>'
        f'<instanceUid root="{series_uid}"/></imageSeries></imageStudy></ImageReferenceEntity>'
        "</imageReferenceEntityCollection><markupEntityCollection>"
        f'<MarkupEntity xsi:type="{kind}"><imageReferenceUid root="{image_uid}"/>'
        f'<referencedFrameNumber value="1"/><spatialCoordinates>{spots}</spatialCoordinates>'
        "</MarkupEntity></markupEntityCollection></ImageAnnotation></imageAnnotations>"
        "</ImageAnnotationCollection>"
    )
