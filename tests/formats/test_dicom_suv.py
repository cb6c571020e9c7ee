"""SUV by hand, and the tags that are named when it cannot be computed (D36)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_dicom import Made, item
from pydicom.dataset import FileDataset

from tumorboard.errors import InputError
from tumorboard.formats.dicom_series import read_dicom_series
from tumorboard.formats.dicom_suv import to_suv
from tumorboard.formats.volume import Volume


def pet(folder: Path, **changes: object) -> Volume:
    """370 MBq of fluorine-18 in 70 kg, one half-life before the scan."""

    def edit(ds: FileDataset, k: int) -> None:
        ds.Units, ds.DecayCorrection, ds.PatientWeight = "BQML", "START", 70
        ds.SeriesDate, ds.SeriesTime = "20200101", "120000"
        ds.RadiopharmaceuticalInformationSequence = [
            item(
                RadionuclideTotalDose=370e6,
                RadionuclideHalfLife=6588,
                RadiopharmaceuticalStartTime="101012",
            )
        ]
        for name, value in changes.items():
            if value is None:
                del ds[name]
            else:
                setattr(ds, name, value)

    hu = np.full((3, 8, 8), 5000)
    made = Made(hu=hu, modality="PT", intercept=0.0, slope=0.5, edit=edit)
    made.write(folder)
    return read_dicom_series(folder, where=folder)


def test_suv_of_a_decayed_dose(tmp_path: Path) -> None:
    volume = to_suv(pet(tmp_path), tmp_path)
    # 5,000 Bq/ml x 70,000 g / (370 MBq / 2)
    np.testing.assert_allclose(volume.array, 5000 * 70_000 / 185e6, rtol=1e-6)
    np.testing.assert_allclose(to_suv(volume, tmp_path).array, volume.array)


def test_d36_missing_tags_are_named(tmp_path: Path) -> None:
    volume = pet(tmp_path / "a", PatientWeight=None, SeriesTime=None)
    with pytest.raises(InputError, match="without PatientWeight, SeriesTime"):
        to_suv(volume, tmp_path)
    volume = pet(tmp_path / "b", RadiopharmaceuticalInformationSequence=None)
    with pytest.raises(InputError, match=r"RadionuclideTotalDose.*RadiopharmaceuticalStartTime"):
        to_suv(volume, tmp_path)
    volume = pet(tmp_path / "c", Units="CNTS")
    with pytest.raises(InputError, match="Units of BQML"):
        to_suv(volume, tmp_path)
