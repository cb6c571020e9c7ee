"""Write a CT volume as a classic DICOM series, and a mask of it as a DICOM segmentation.

DICOM PS3.3 A.3 (CT image), C.7.6.2 (geometry), C.11.1 (rescale), A.51 (segmentation). Nothing in
the files depends on the day, the machine or chance: the same volume gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset
    from pydicom.uid import UID

#: Hounsfield units of stored value 0, and the day that every simulated examination took place.
INTERCEPT, _DAY, _TIME = -1024, "20100104", "101500.000000"


@dataclass(frozen=True)
class Acquisition:
    """What the header says of a series.

    Args:
        patient_id: Also stands for the patient's name; people have no other here.
        sex: "M" or "F".
        age_years: At the examination.
        maker: Manufacturer.
        model: Name of the scanner's model.
        kernel: Convolution kernel.
        kvp: Tube voltage in kV.
        institution: Name of the institution.
        padding: Stored value of voxels that were not recorded; "none" where all were.
        head_first: Instance 1 is the highest slice, not the lowest.
        examination: Tells several examinations of a patient apart; empty for the only one.
        day: Of the examination, YYYYMMDD.
    """

    patient_id: str
    sex: str
    age_years: int
    maker: str
    model: str
    kernel: str
    kvp: int
    institution: str
    padding: int | Literal["none"] = "none"
    head_first: bool = False
    examination: str = ""
    day: str = _DAY

    @property
    def owner(self) -> tuple[str, ...]:
        """What unique identifiers are made of."""
        return (self.patient_id, self.examination) if self.examination else (self.patient_id,)


def write_ct_series(
    folder: Path, hu: NDArray[np.int16], affine: Floats, *, about: Acquisition, outside: Bools
) -> None:
    """Write one file per axial slice into a new folder.

    Args:
        folder: Created.
        hu: (X, Y, Z) whole Hounsfield units from -1024 on, axes in RAS+ order.
        affine: (4, 4) voxel index -> mm, RAS+, without rotation.
        about: What the headers say.
        outside: (X, Y, Z) True where nothing was recorded.
    """
    folder.mkdir(parents=True)
    stored = hu.astype(np.int16) - np.int16(INTERCEPT)
    if about.padding != "none":
        stored[outside] = about.padding
    # rows run to the back and columns to the left of the patient: both against RAS+
    rows = np.ascontiguousarray(stored[::-1, ::-1].transpose(2, 1, 0))
    last = affine @ [hu.shape[0] - 1, hu.shape[1] - 1, 0, 1]
    spacing = np.abs(np.diag(affine)[:3])
    n = len(rows)
    for k in range(n):
        number = n - k if about.head_first else k + 1
        height = float(affine[2, 3] + k * affine[2, 2])
        dataset = _header(about, spacing)
        dataset.SOPInstanceUID = _uid(*about.owner, "image", str(number))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.InstanceNumber = number
        dataset.ImagePositionPatient = [_decimal(v) for v in (-last[0], -last[1], height)]
        dataset.SliceLocation = _decimal(height)
        _put_pixels(dataset, rows[k])
        dataset.save_as(folder / f"1-{number:03d}.dcm", enforce_file_format=True)


def write_segmentation(path: Path, series: Path, mask: Bools) -> None:
    """Write a mask of a series that `write_ct_series` wrote as a binary DICOM segmentation.

    Args:
        path: File to write.
        series: Folder of the series.
        mask: (X, Y, Z) on the grid of the series, axes in RAS+ order.
    """
    import highdicom as hd
    from pydicom import dcmread
    from pydicom.sr.codedict import codes

    images = sorted(
        (dcmread(file) for file in series.glob("*.dcm")),
        key=lambda image: float(image.ImagePositionPatient[2]),
    )
    patient = str(images[0].PatientID)
    tumour = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Neoplasm",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        tracking_id=f"{patient} nodule",
        tracking_uid=hd.UID(_uid(patient, "nodule")),
    )
    segmentation = hd.seg.Segmentation(
        source_images=images,
        pixel_array=np.ascontiguousarray(mask[::-1, ::-1].transpose(2, 1, 0)).astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[tumour],
        series_instance_uid=_uid(patient, "segmentation series"),
        series_number=100,
        sop_instance_uid=_uid(patient, "segmentation"),
        instance_number=1,
        manufacturer="simulated",
        manufacturer_model_name="simulated",
        software_versions="1",
        device_serial_number="0",
        content_label="TUMOUR",
    )
    _make_timeless(segmentation, _uid(patient, "dimensions"))
    path.parent.mkdir(parents=True, exist_ok=True)
    segmentation.save_as(path)


def _header(about: Acquisition, spacing: Floats) -> FileDataset:
    """Everything that the slices of one series have in common."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _uid("implementation")
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 100",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CTImageStorage,
        **{f"{what}Date": about.day for what in ("Study", "Series", "Acquisition", "Content")},
        **{f"{what}Time": _TIME for what in ("Study", "Series", "Acquisition", "Content")},
        "AccessionNumber": "",
        "Modality": "CT",
        "Manufacturer": about.maker,
        "InstitutionName": about.institution,
        "ReferringPhysicianName": "",
        "StudyDescription": "CT THORAX",
        "SeriesDescription": f"Chest {about.kernel}",
        "ManufacturerModelName": about.model,
        "PatientName": f"{about.patient_id}^",  # one component only: PS3.5 6.2.1.2
        "PatientID": about.patient_id,
        "PatientBirthDate": "",
        "PatientSex": about.sex,
        "PatientAge": f"{about.age_years:03d}Y",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "simulated, nobody of flesh and blood",
        "BodyPartExamined": "CHEST",
        "SliceThickness": _decimal(float(spacing[2])),
        "KVP": about.kvp,
        "GantryDetectorTilt": 0,
        "XRayTubeCurrent": 250,
        "ConvolutionKernel": about.kernel,
        "PatientPosition": "HFS",
        "StudyInstanceUID": _uid(*about.owner, "study"),
        "SeriesInstanceUID": _uid(*about.owner, "series"),
        "StudyID": "1",
        "SeriesNumber": 2,
        "AcquisitionNumber": 1,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "FrameOfReferenceUID": _uid(*about.owner, "frame"),
        "PositionReferenceIndicator": "",
        "PixelSpacing": [_decimal(float(spacing[1])), _decimal(float(spacing[0]))],
        "RescaleIntercept": INTERCEPT,
        "RescaleSlope": 1,
        "RescaleType": "HU",
        "WindowCenter": -600,
        "WindowWidth": 1500,
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    if about.padding != "none":
        # PixelPaddingValue is stored in the pixels' own representation
        dataset.add_new("PixelPaddingValue", "SS", about.padding)
    return dataset


def _put_pixels(dataset: FileDataset, pixels: NDArray[np.int16]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.add_new("PixelData", "OW", pixels.astype("<i2").tobytes())


def _make_timeless(dataset: Any, dimensions: str) -> None:
    """Replace what highdicom draws by chance or takes from the clock."""
    fixed = {"DA": _DAY, "TM": _TIME, "DT": _DAY + _TIME}
    for element in dataset.iterall():
        if element.VR in fixed and element.value:
            element.value = fixed[element.VR]
        elif element.keyword == "DimensionOrganizationUID":
            element.value = dimensions


def _uid(*parts: str) -> UID:
    from pydicom.uid import generate_uid

    return generate_uid(entropy_srcs=["tumorboard simulation", *parts])


def _decimal(value: float) -> str:
    """A decimal string of DICOM: at most 16 characters, exact to 1e-6."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
