"""Phantom series with known values and geometry: a body of water in air with an "L" on the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
AIR, WATER, MARK = -1000, 0, 700
#: Rows and columns of the phantom.
ROWS, COLUMNS = 40, 32


def phantom(n: int = 8, rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.int16]:
    """(n, rows, columns) in HU as an axial image is shown: the patient's left on the right side.

    A box of water, and in it an "L" of 700 HU on the patient's left that grows upwards, so that no
    flip or exchange of axes gives the same volume again.
    """
    hu = np.full((n, rows, columns), AIR, dtype=np.int16)
    hu[:, rows // 8 : -rows // 8, columns // 8 : -columns // 8] = WATER
    left = columns * 5 // 8
    hu[1:, rows // 4 : rows * 5 // 8, left : left + 2] = MARK
    hu[n // 2 :, rows * 5 // 8 - 2 : rows * 5 // 8, left : left + columns // 6] = MARK
    hu += np.arange(n, dtype=np.int16)[:, None, None]  # each slice is told by its values
    return hu


@dataclass
class Made:
    """What a series is made of; every field is a default that a test changes.

    Args:
        hu: (n, rows, columns) values after rescale.
        edit: Called with each data set and its number before it is written.
    """

    hu: NDArray[Any] = field(default_factory=phantom)
    spacing_mm: tuple[float, float, float] = (0.8, 0.7, 3.0)  # rows, columns, slices
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0)
    origin: Sequence[float] = (-20.0, -15.0, 100.0)
    modality: str = "CT"
    slope: float = 1.0
    intercept: float = -1024.0
    patient_id: str = "P1"
    series_uid: str = "1.2.826.0.1.3680043.10.1.1"
    description: str = "chest"
    dtype: str = "uint16"
    edit: Callable[[FileDataset, int], None] | None = None

    def datasets(self) -> list[FileDataset]:
        return [self.dataset(k) for k in range(len(self.hu))]

    def dataset(self, k: int) -> FileDataset:
        ds = new_dataset(CLASSES[self.modality], f"{self.series_uid}.{k + 1}")
        ds.Modality, ds.PatientID, ds.SeriesInstanceUID = (
            self.modality, self.patient_id, self.series_uid,
        )  # fmt: skip
        ds.SeriesDescription, ds.InstanceNumber = self.description, k + 1
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.FrameOfReferenceUID = "1.2.826.0.1.3680043.10.9"
        ds.StudyInstanceUID = "1.2.826.0.1.3680043.10.8"
        ds.Manufacturer, ds.ConvolutionKernel = "ACME", "B30f"
        ds.ImagePositionPatient = [f"{v:.6f}" for v in self.position(k)]
        ds.ImageOrientationPatient = [f"{v:.8f}" for v in self.orientation]
        ds.PixelSpacing = list(self.spacing_mm[:2])
        ds.RescaleSlope, ds.RescaleIntercept = self.slope, self.intercept
        set_pixels(ds, np.rint((self.hu[k] - self.intercept) / self.slope).astype(self.dtype))
        if self.edit is not None:
            self.edit(ds, k)
        return ds

    def position(self, k: int) -> NDArray[np.float64]:
        along = np.reshape(self.orientation, (2, 3)).astype(float)
        return np.asarray(self.origin) + k * self.spacing_mm[2] * np.cross(along[0], along[1])

    def write(self, folder: Path) -> Path:
        return write_all(self.datasets(), folder)


def new_dataset(sop_class: str, sop_uid: str) -> FileDataset:
    """A data set with what every file has."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, sop_uid
    return ds


def set_pixels(ds: Dataset, stored: NDArray[Any]) -> None:
    """Grey pixels of the type of the array, one frame or several."""
    bits = stored.dtype.itemsize * 8
    ds.Rows, ds.Columns = stored.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.PixelData = stored.tobytes()
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"


def write_all(datasets: Sequence[FileDataset], folder: Path, start: int = 1) -> Path:
    """Write as 001.dcm, 002.dcm, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, ds in enumerate(datasets):
        ds.save_as(folder / f"{start + k:03}.dcm")
    return folder


def enhanced(made: Made) -> FileDataset:
    """The same series as one enhanced multi-frame object."""
    classes = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}
    classes["PT"] = "1.2.840.10008.5.1.4.1.1.130"
    single = made.datasets()
    ds = new_dataset(classes[made.modality], generate_uid(entropy_srcs=["enhanced"]))
    for name in ("Modality", "PatientID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(ds, name, single[0][name].value)
    set_pixels(ds, np.stack([np.frombuffer(s.PixelData, made.dtype) for s in single]).reshape(
        made.hu.shape
    ))  # fmt: skip
    ds.NumberOfFrames = len(single)
    shared = Dataset()
    shared.PlaneOrientationSequence = [item(ImageOrientationPatient=list(made.orientation))]
    shared.PixelMeasuresSequence = [item(PixelSpacing=list(made.spacing_mm[:2]))]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = [_group(s) for s in single]
    return ds


def _group(single: FileDataset) -> Dataset:
    return item(
        PlanePositionSequence=[item(ImagePositionPatient=single.ImagePositionPatient)],
        PixelValueTransformationSequence=[
            item(RescaleSlope=single.RescaleSlope, RescaleIntercept=single.RescaleIntercept)
        ],
    )


def item(**values: Any) -> Dataset:
    """A data set of these values, as an item of a sequence."""
    ds = Dataset()
    for name, value in values.items():
        setattr(ds, name, value)
    return ds
