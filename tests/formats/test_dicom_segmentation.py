"""DICOM SEG made with highdicom on a made series: the same voxels on the volume's own grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from highdicom.seg import Segmentation, SegmentDescription
from made_dicom import Made
from pydicom.sr.codedict import codes

from tumorboard.errors import InputError
from tumorboard.formats.dicom_segmentation import read_segmentation, segmentation_volume
from tumorboard.formats.dicom_series import read_dicom_series
from tumorboard.formats.volume import Volume

MASK = np.zeros((8, 40, 32, 2), np.uint8)
MASK[2:5, 10:20, 5:9, 0] = 1
MASK[4:6, 20:22, 5:25, 1] = 1


def segmentation(made: Made, **edits: Any) -> Segmentation:
    sources = made.datasets()
    for ds in sources:
        ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "", "", ""
        ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.StudyID = "", "", "", ""
        ds.ReferringPhysicianName, ds.SliceThickness = "", 3
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name="made", version="1", family=codes.cid7162.ArtificialIntelligence
    )
    described = [
        SegmentDescription(number, label, codes.SCT.Organ, codes.SCT.Lung, "AUTOMATIC", algorithm)
        for number, label in ((1, "tumour"), (2, "node"))
    ]
    seg = Segmentation(
        sources, MASK, "BINARY", described, highdicom.UID(), 5, highdicom.UID(), 1, "ACME", "x",
        "1", "1",
    )  # fmt: skip
    for name, value in edits.items():
        setattr(seg, name, value)
    return seg


@pytest.fixture
def series(tmp_path: Path) -> tuple[Made, Volume]:
    made = Made()
    folder = made.write(tmp_path / "ct")
    return made, read_dicom_series(folder, where=folder)


@pytest.mark.parametrize(("segment", "parts"), [("all", (0, 1)), ("node", (1,)), ("1", (0,))])
def test_mask_lies_on_the_voxels_it_was_drawn_on(
    tmp_path: Path, series: tuple[Made, Volume], segment: str, parts: tuple[int, ...]
) -> None:
    made, volume = series
    segmentation(made).save_as(tmp_path / "seg.dcm")
    found = read_segmentation(tmp_path / "seg.dcm", volume, segment=segment)
    expected = np.asarray(MASK[..., parts].max(-1) > 0).T[::-1, ::-1]
    np.testing.assert_array_equal(found, expected)


def refusal(path: Path, volume: Volume, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_segmentation(path, volume, **options)
    return str(caught.value)


def test_d23_d24_d25_series_and_frame_of_reference(
    tmp_path: Path, series: tuple[Made, Volume]
) -> None:
    made, volume = series
    path = tmp_path / "seg.dcm"
    segmentation(made).save_as(path)
    other = replace(volume, facts={**volume.facts, "series_instance_uid": "1.2.9"})
    assert f"drawn on series {made.series_uid}, which is absent" in refusal(path, other)
    segmentation(made, FrameOfReferenceUID="1.2.8").save_as(path)
    assert "FrameOfReferenceUID is 1.2.8" in refusal(path, volume)
    seg = segmentation(made)
    del seg.ReferencedSeriesSequence
    seg.save_as(path)
    assert read_segmentation(path, volume).sum() == MASK.any(-1).sum()


def test_other_grids_segments_and_objects_are_refused(
    tmp_path: Path, series: tuple[Made, Volume]
) -> None:
    made, volume = series
    path = tmp_path / "seg.dcm"
    segmentation(made).save_as(path)
    assert "Found: 1 'tumour', 2 'node'" in refusal(path, volume, segment="liver")
    shifted = volume.affine.copy()
    shifted[2, 3] += 1.5
    assert "off the grid of the volume" in refusal(path, replace(volume, affine=shifted))
    assert "not a DICOM segmentation" in refusal(tmp_path / "ct" / "001.dcm", volume)


def test_a_mask_off_the_volume_keeps_its_own_grid(
    tmp_path: Path, series: tuple[Made, Volume]
) -> None:
    """Drawn on a reconstruction of other slices: every voxel of the mask stays where it was."""
    made, volume = series
    path = tmp_path / "seg.dcm"
    segmentation(made).save_as(path)
    same = segmentation_volume(path, volume, segment="tumo*")
    np.testing.assert_array_equal(same.array[0] > 0, MASK[..., 0].T[::-1, ::-1])
    shifted = volume.affine.copy()
    shifted[2, 3] += 1.5
    own = segmentation_volume(path, replace(volume, affine=shifted), segment="tumour")
    there = np.argwhere(own.array[0]) @ own.affine[:3, :3].T + own.affine[:3, 3]
    expected = np.argwhere(same.array[0]) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    np.testing.assert_allclose(there[np.lexsort(there.T)], expected[np.lexsort(expected.T)])
    assert own.spacing_mm == pytest.approx(volume.spacing_mm)
