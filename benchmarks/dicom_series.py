"""Seconds to read one CT series, against SimpleITK's series reader and MONAI's LoadImage.

A series of smooth noise is written as uncompressed files with the headers a scanner writes. Each
reader gets the same folder from a warm file cache, one after another in alternating rounds; the
least time of each counts, since other work on the machine only adds to it. Ours checks patients,
series, orientation, positions, spacing, duplicates and values on the way; SimpleITK's does not
(its list of sorted file names is made by `GetGDCMSeriesFileNames`, which reads every header and is
part of its time; the time of `ImageSeriesReader` on names that are known is given beside it).

Command: python benchmarks/dicom_series.py [--slices 300] [--rounds 7]
Prints one JSON line. Targets: at most 1.3 times SimpleITK, at least 5 times faster than MONAI.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian
from scipy.ndimage import gaussian_filter

from tumorboard.formats.dicom_series import read_dicom_series

SIDE = 512
SPACING_MM = (0.7, 0.7, 1.0)


def write(folder: Path, n: int) -> None:
    """Slices of smooth noise in HU with about forty elements of header."""
    rng = np.random.default_rng(1)
    noise = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 8)
    base = (1000 + 800 * noise / np.abs(noise).max()).astype(np.uint16)
    for k in range(n):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = UID(f"1.2.826.0.1.3680043.10.1.{k + 1}")
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SpecificCharacterSet, ds.ImageType = "ISO_IR 100", ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        for name in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
            setattr(ds, name, "20200101")
        for name in ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"):
            setattr(ds, name, "101010.5")
        ds.AccessionNumber, ds.Modality, ds.Manufacturer = "1", "CT", "ACME"
        ds.StudyDescription, ds.SeriesDescription = "CT THORAX", "Chest 1.0 B45f"
        ds.ManufacturerModelName, ds.PatientName, ds.PatientID = "Scan 64", "A^B", "P1"
        ds.PatientBirthDate, ds.PatientSex, ds.BodyPartExamined = "", "F", "CHEST"
        ds.SliceThickness, ds.KVP, ds.ReconstructionDiameter = 1, 120, 358
        ds.GantryDetectorTilt, ds.TableHeight, ds.RotationDirection = 0, 137.9, "CW"
        ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = 500, 279, 139
        ds.ConvolutionKernel, ds.PatientPosition = "B45f", "HFS"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3.4", "1.2.3.4.5"
        ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = "1", 3, 1, n - k
        ds.ImagePositionPatient = [-179.2, -179.2, -100 + k * SPACING_MM[2]]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.FrameOfReferenceUID, ds.SliceLocation = "1.2.3.4.6", k
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows, ds.Columns, ds.PixelSpacing = SIDE, SIDE, list(SPACING_MM[:2])
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.WindowCenter, ds.WindowWidth = 40, 400
        ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
        ds.PixelData = np.roll(base, k, axis=0).tobytes()
        ds.save_as(folder / f"{(k * 7919) % n:04}.dcm")


def ours(folder: Path) -> np.ndarray:
    """(X, Y, Z) in RAS order."""
    return read_dicom_series(folder, where=folder).array[0]


def itk_names(folder: Path) -> tuple[str, ...]:
    """File names in the order of their positions."""
    return SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))


def itk_read(names: tuple[str, ...]) -> SimpleITK.Image:
    """The volume of files whose order is known."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(names)
    return reader.Execute()


def monai(folder: Path) -> np.ndarray:
    """MONAI's way from a folder to an array; its default reader for a folder is ITK or pydicom."""
    from monai.transforms import LoadImage

    return np.asarray(LoadImage(reader="PydicomReader", image_only=True)(str(folder)))


def least_seconds(readers: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least time of each reader over alternating rounds."""
    least = dict.fromkeys(readers, float("inf"))
    for number in range(rounds):
        for name, read in readers.items():
            if name == "MONAI" and number >= max(2, rounds // 3):
                continue  # seconds a round, and its ratio is far from its target
            start = time.perf_counter()
            read()
            least[name] = min(least[name], time.perf_counter() - start)
    return least


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, given.slices)
        names = itk_names(folder)
        theirs = SimpleITK.GetArrayFromImage(itk_read(names)).T[::-1, ::-1]
        assert np.array_equal(ours(folder), theirs)
        seconds = least_seconds(
            {
                "ours": lambda: ours(folder),
                "SimpleITK": lambda: itk_read(itk_names(folder)),
                "SimpleITK, names known": lambda: itk_read(names),
                "MONAI": lambda: monai(folder),
            },
            given.rounds,
        )
    ratios = {name: seconds["ours"] / value for name, value in seconds.items()}
    print(json.dumps({"seconds": seconds, "ours_over": ratios, "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
