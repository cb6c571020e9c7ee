"""Masks of a prediction as DICOM: read back by our readers, by highdicom and by pydicom."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom import dcmread

import tumorboard
from tumorboard.errors import InputError
from tumorboard.formats.contour_writing import write_contours
from tumorboard.formats.dicom_contours import read_contours
from tumorboard.formats.dicom_segmentation import read_segmentation
from tumorboard.formats.dicom_writing import Acquisition, write_ct_series
from tumorboard.formats.segmentation_writing import code_of, write_predicted_segmentation
from tumorboard.formats.volume import Volume
from tumorboard.formats.volumes import read_volume
from tumorboard.records import Bools

AFFINE = np.asarray(
    [[2.5, 0, 0, -30.5], [0, 2.0, 0, -20.25], [0, 0, 4.0, -100.5], [0, 0, 0, 1]], dtype=np.float64
)


@pytest.fixture(params=[False, True], ids=["feet first", "head first"])
def series(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    about = Acquisition(
        patient_id="P1", sex="F", age_years=61, maker="M", model="S", kernel="B", kvp=120,
        institution="A", head_first=bool(request.param),
    )  # fmt: skip
    hu = np.random.default_rng(1).integers(-1000, 200, size=(30, 24, 9), dtype=np.int16)
    folder = tmp_path / "ct"
    write_ct_series(folder, hu, AFFINE, about=about, outside=np.zeros(hu.shape, dtype=np.bool_))
    return folder


def masks_of(volume: Volume) -> dict[str, Bools]:
    x, y, z = np.meshgrid(*[np.arange(n) for n in volume.array.shape[1:]], indexing="ij")
    ball = ((x - 14) * 2.5) ** 2 + ((y - 11) * 2) ** 2 + ((z - 4) * 4) ** 2
    ring = (ball <= 16**2) & ~(ball <= 6**2)  # with a hole
    corner = (x < 2) & (y < 3) & (z > 6)  # touches the edge of the image
    return {"tumour": ring | corner, "heart": ball <= 6**2}


def dice(first: Bools, second: Bools) -> float:
    return 2 * float((first & second).sum()) / float(first.sum() + second.sum())


def test_a_segmentation_is_the_mask(series: Path, tmp_path: Path) -> None:
    volume = read_volume(series)
    masks = masks_of(volume)
    path = tmp_path / "out" / "seg.dcm"
    write_predicted_segmentation(path, sorted(series.iterdir()), masks, volume.affine)
    for label, mask in masks.items():
        assert np.array_equal(read_segmentation(path, volume, segment=label), mask)
    seg = highdicom.seg.segread(path)
    described = [seg.get_segment_description(number) for number in seg.segment_numbers]
    assert [str(s.segment_label) for s in described] == ["tumour", "heart"]
    assert [str(s.algorithm_type.value) for s in described] == ["AUTOMATIC"] * 2
    codes = [s.segmented_property_type.value for s in described]
    assert codes == ["108369006", "80891009"]
    dataset = dcmread(path)
    identified = dataset.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert identified.AlgorithmVersion == tumorboard.__version__
    assert dataset.ContentDescription == "Research use only, not a medical device"
    source = dcmread(next(series.iterdir()))
    assert dataset.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert dataset.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID


def test_contours_are_the_mask(series: Path, tmp_path: Path) -> None:
    volume = read_volume(series)
    masks = masks_of(volume)
    path = tmp_path / "out" / "contours.dcm"
    write_contours(path, sorted(series.iterdir()), masks, volume.affine)
    for label, mask in masks.items():
        assert dice(read_contours(path, volume, segment=label), mask) > 0.97
    dataset = dcmread(path)  # a whole file: no force
    assert dataset.SOPClassUID.name == "RT Structure Set Storage"
    assert [roi.ROIName for roi in dataset.StructureSetROISequence] == ["tumour", "heart"]
    assert {r.ROIGenerationAlgorithm for r in dataset.StructureSetROISequence} == {"AUTOMATIC"}
    uids = {dcmread(p).SOPInstanceUID for p in series.iterdir()}
    contours = dataset.ROIContourSequence[0].ContourSequence
    assert {c.ContourGeometricType for c in contours} == {"CLOSED_PLANAR"}
    assert {c.ContourImageSequence[0].ReferencedSOPInstanceUID for c in contours} <= uids
    for contour in contours:
        points = np.asarray(contour.ContourData, dtype=float).reshape(-1, 3)
        assert len(points) == contour.NumberOfContourPoints
        assert np.ptp(points[:, 2]) == 0
        assert not np.array_equal(points[0], points[-1])
    reference = dataset.ReferencedFrameOfReferenceSequence[0]
    of_series = reference.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert len(of_series.ContourImageSequence) == 9


def test_the_same_mask_has_the_same_name(series: Path, tmp_path: Path) -> None:
    volume = read_volume(series)
    masks, files = masks_of(volume), sorted(series.iterdir())
    for name in ("a", "b"):
        write_predicted_segmentation(tmp_path / f"{name}.dcm", files, masks, volume.affine)
    assert len({dcmread(tmp_path / f"{n}.dcm").SOPInstanceUID for n in ("a", "b")}) == 1
    masks["heart"][0, 0, 0] = True
    write_predicted_segmentation(tmp_path / "c.dcm", files, masks, volume.affine)
    assert dcmread(tmp_path / "c.dcm").SOPInstanceUID != dcmread(tmp_path / "a.dcm").SOPInstanceUID


def test_what_cannot_be_written(series: Path, tmp_path: Path) -> None:
    volume = read_volume(series)
    masks, files = masks_of(volume), sorted(series.iterdir())
    path = tmp_path / "x.dcm"
    with pytest.raises(InputError, match="8 slices, the mask has 9"):
        write_contours(path, files[:-1], masks, volume.affine)
    moved = volume.affine.copy()
    moved[0, 3] += 1.0
    with pytest.raises(InputError, match="lies off the grid of the mask"):
        write_contours(path, files, masks, moved)
    empty = {"tumour": np.zeros_like(masks["tumour"])}
    with pytest.raises(InputError, match="nothing was segmented"):
        write_predicted_segmentation(path, files, empty, volume.affine)
    text = tmp_path / "note.txt"
    text.write_text("no image")
    with pytest.raises(InputError, match=r"no DICOM image; .* Use --as nifti\."):
        write_contours(path, [text], masks, volume.affine)
    assert not path.exists()


def test_codes_by_the_words_of_a_label() -> None:
    assert code_of("Enhancing tumour")[1] == ("108369006", "Neoplasm")
    assert code_of("spinal_cord")[1] == ("2748008", "Spinal cord")
    assert code_of("x1") == (("85756007", "Tissue"), ("85756007", "Tissue"))
