"""CT series and segmentations read back by other libraries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom import dcmread

from tumorboard.formats.dicom_writing import Acquisition, write_ct_series, write_segmentation
from tumorboard.formats.nifti_writing import write_nifti
from tumorboard.records import Bools, Floats

AFFINE = np.asarray(
    [[3.5417, 0, 0, -168.0421], [0, 2.25, 0, -177.44], [0, 0, 4.75, -1001.11], [0, 0, 0, 1]]
)


def about(*, padding: int | None = None, head_first: bool = False) -> Acquisition:
    return Acquisition(
        patient_id="RG-0001", sex="F", age_years=61, maker="SIEMENS", model="Sensation 64",
        kernel="B45f", kvp=120, institution="Institution A",
        padding="none" if padding is None else padding, head_first=head_first,
    )  # fmt: skip


def drawn() -> tuple[NDArray[np.int16], Bools]:
    rng = np.random.default_rng(3)
    hu = rng.integers(-1024, 3071, size=(12, 10, 7), dtype=np.int16)
    return hu, rng.random(hu.shape) < 0.1


def itk_volume(path: Path) -> tuple[Floats, Floats]:
    """(X, Y, Z) in RAS+ order and its affine, as SimpleITK reads them."""
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(path)) if path.is_dir() else path
    image = SimpleITK.ReadImage(names if path.is_dir() else str(path))
    image = SimpleITK.DICOMOrient(image, "LPS")
    array = SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0)[::-1, ::-1].astype(np.float64)
    corner = np.asarray(
        image.TransformIndexToPhysicalPoint((len(array) - 1, array.shape[1] - 1, 0))
    )
    affine = np.diag([*image.GetSpacing(), 1.0])
    affine[:3, 3] = corner * (-1, -1, 1)
    return array, affine


@pytest.mark.parametrize("head_first", [False, True])
def test_series_is_the_volume_and_its_nifti_twin_to_another_reader(
    tmp_path: Path, *, head_first: bool
) -> None:
    hu, outside = drawn()
    written = about(head_first=head_first)
    write_ct_series(tmp_path / "ct", hu, AFFINE, about=written, outside=outside)
    write_nifti(tmp_path / "ct.nii.gz", hu, AFFINE)
    series, affine = itk_volume(tmp_path / "ct")
    twin, twin_affine = itk_volume(tmp_path / "ct.nii.gz")
    assert np.abs(affine - AFFINE).max() < 1e-5
    assert np.abs(affine - twin_affine).max() < 1e-4  # NIfTI keeps float32
    assert np.array_equal(series, hu)
    assert np.array_equal(series, twin)


def test_headers_say_what_the_scanner_did(tmp_path: Path) -> None:
    hu, outside = drawn()
    write_ct_series(tmp_path / "ct", hu, AFFINE, about=about(padding=-2000), outside=outside)
    slices = [dcmread(path) for path in sorted((tmp_path / "ct").iterdir())]
    first = slices[0]
    assert [int(s.InstanceNumber) for s in slices] == list(range(1, 8))
    assert len({s.SOPInstanceUID for s in slices}) == 7
    assert len({(s.SeriesInstanceUID, s.StudyInstanceUID) for s in slices}) == 1
    assert (first.Modality, first.Manufacturer, first.ConvolutionKernel) == (
        "CT", "SIEMENS", "B45f",
    )  # fmt: skip
    assert [float(v) for v in first.PixelSpacing] == [2.25, 3.5417]  # between rows, then columns
    assert [float(v) for v in first.ImageOrientationPatient] == [1, 0, 0, 0, 1, 0]
    assert (str(first.PatientName), first.PatientID) == ("RG-0001^", "RG-0001")
    assert first.PatientIdentityRemoved == "YES"
    assert float(first.RescaleIntercept) == -1024
    assert first.PixelPaddingValue == -2000
    stored = np.stack([s.pixel_array for s in slices]).transpose(2, 1, 0)[::-1, ::-1]
    assert np.array_equal(stored == -2000, outside)


def test_segmentation_is_the_mask_where_it_was_and_the_same_bytes(tmp_path: Path) -> None:
    hu, outside = drawn()
    mask = np.zeros(hu.shape, dtype=np.bool_)
    mask[3:6, 2:9, 1:4] = True
    write_ct_series(tmp_path / "ct", hu, AFFINE, about=about(), outside=outside)
    for name in ("a.dcm", "b.dcm"):
        write_segmentation(tmp_path / name, tmp_path / "ct", mask)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    found = dcmread(tmp_path / "a.dcm")
    assert found.Modality == "SEG"
    heights = [
        float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        for frame in found.PerFrameFunctionalGroupsSequence
    ]
    frames = found.pixel_array.transpose(2, 1, 0)[::-1, ::-1].astype(bool)
    for height, frame in zip(heights, np.moveaxis(frames, 2, 0), strict=True):
        k = round((height - AFFINE[2, 3]) / AFFINE[2, 2])
        assert np.array_equal(frame, mask[:, :, k])
    assert frames.sum() == mask.sum()
