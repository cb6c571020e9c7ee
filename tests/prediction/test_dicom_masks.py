"""Masks beside the NIfTI: what is written, what is refused, and why there may be none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.dicom_contours import read_contours
from tumorboard.formats.dicom_segmentation import read_segmentation
from tumorboard.formats.volumes import read_volume
from tumorboard.prediction.dicom_masks import (
    check_format,
    refuse_other_sources,
    write_dicom_masks,
)
from tumorboard.simulators.chest_ct_series import ChestCtSeries


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("chest") / "cohort"
    ChestCtSeries(size=(32, 32, 16), ct="both", visits=1).write(out, n_patients=1, seed=3)
    return out


def test_both_are_read_back(cohort: Path, tmp_path: Path) -> None:
    files = sorted((cohort / "dicom" / "P0001_v1").iterdir())
    volume = read_volume(files[0].parent)
    mask = read_volume(cohort / "masks" / "P0001_v1.nii.gz").array[0] > 0
    nifti = tmp_path / "P0001.nii.gz"
    for kind in ("seg", "rtstruct"):
        assert write_dicom_masks(nifti, kind, files, {"tumour": mask}, volume.affine) == ""
    assert np.array_equal(read_segmentation(tmp_path / "P0001.seg.dcm", volume), mask)
    drawn = read_contours(tmp_path / "P0001.rtstruct.dcm", volume)
    assert 2 * (drawn & mask).sum() / (drawn.sum() + mask.sum()) > 0.97


def test_an_empty_mask_is_said(cohort: Path, tmp_path: Path) -> None:
    files = sorted((cohort / "dicom" / "P0001_v1").iterdir())
    volume = read_volume(files[0].parent)
    empty = {"tumour": np.zeros(volume.array.shape[1:], dtype=np.bool_)}
    why_not = write_dicom_masks(tmp_path / "a.nii.gz", "seg", files, empty, volume.affine)
    assert why_not == "nothing was segmented: no DICOM segmentation"
    assert write_dicom_masks(tmp_path / "a.nii.gz", "rtstruct", files, empty, volume.affine) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["a.rtstruct.dcm"]
    assert write_dicom_masks(tmp_path / "a.nii.gz", "nifti", files, empty, volume.affine) == ""


def test_other_sources_are_refused_before_anything_is_predicted(cohort: Path) -> None:
    nifti = cohort / "ct" / "P0001_v1.nii.gz"
    cases: Any = SimpleNamespace(is_picture=False, files=lambda row: (nifti,))
    refuse_other_sources(cases, [0], "nifti")
    with pytest.raises(InputError, match=r"P0001_v1\.nii\.gz: no DICOM image; --as seg writes"):
        refuse_other_sources(cases, [0], "seg")
    picture: Any = SimpleNamespace(is_picture=True)
    with pytest.raises(InputError, match="the images are pictures"):
        refuse_other_sources(picture, [0], "rtstruct")


def test_words() -> None:
    assert check_format("seg") == "seg"
    with pytest.raises(InputError, match=r"^--as dicom: expected nifti, seg, rtstruct\.$"):
        check_format("dicom")
