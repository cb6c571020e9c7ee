"""Simulated series of chest CT: one chest, a tumour that changes as stated, and structures."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from tumorboard.errors import StudyError
from tumorboard.formats.volumes import read_volume
from tumorboard.records import Floats
from tumorboard.simulators.chest_ct_series import ChestCtSeries
from tumorboard.transforms.brain_patients import responses
from tumorboard.transforms.chest_structures import STRUCTURES

SIZE, SEED, N = (48, 48, 32), 2, 3


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def nifti(path: Path) -> tuple[NDArray[Any], Floats]:
    image = cast("Any", Nifti1Image.from_filename(str(path)))
    return np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("chest_ct_series")
    ChestCtSeries(size=SIZE, ct="both", visits=3).write(out, n_patients=N, seed=SEED)
    return out


def test_volumes_follow_the_rate_and_tables_the_masks(written: Path) -> None:
    truth = {row["patient_id"]: row for row in rows_of(written / "truth_patients.csv")}
    visits = rows_of(written / "visits.csv")
    response = {row["case"]: row["response"] for row in rows_of(written / "truth_visits.csv")}
    for patient_id, row in truth.items():
        own = [v for v in visits if v["patient_id"] == patient_id]
        volumes = [float(v["tumour_volume_ml"]) for v in own]
        affine = np.eye(4)
        for visit, volume in zip(own, volumes, strict=True):
            mask, affine = nifti(written / "masks" / f"{visit['case']}.nii.gz")
            assert mask.sum() * np.prod(np.diag(affine)[:3]) / 1000 == pytest.approx(
                volume, abs=1e-3
            )
        months = np.asarray([float(v["days"]) for v in own]) / 30
        expected = volumes[0] * np.exp(float(row["rate_per_30_days"]) * months)
        voxel_ml = float(np.prod(np.diag(affine)[:3])) / 1000
        assert volumes == pytest.approx(expected, abs=1.5 * voxel_ml, rel=0.02)
        assert [response[v["case"]] for v in own] == list(responses(volumes))
        note = (written / "notes" / f"{patient_id}_v1.txt").read_text()
        assert row["side"] in note.lower()
        assert row["zone"] in note


def test_the_chest_is_the_same_and_lies_elsewhere(written: Path) -> None:
    """Put back by what the truth says it was moved, the tumour's middle is where it was."""
    moved = {row["case"]: row["moved_mm"] for row in rows_of(written / "truth_visits.csv")}
    for number in range(1, N + 1):
        affine = np.eye(4)
        middles: list[Floats] = []
        scans: list[NDArray[Any]] = []
        for visit in (1, 2, 3):
            case = f"P{number:04d}_v{visit}"
            mask, affine = nifti(written / "masks" / f"{case}.nii.gz")
            middle = affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + affine[:3, 3]
            middles.append(middle - [float(v) for v in moved[case].split()])
            scans.append(nifti(written / "ct" / f"{case}.nii.gz")[0])
        spacing = np.diag(affine)[:3]
        assert np.abs(np.asarray(middles) - middles[0]).max() < 0.7 * spacing.max()
        assert not np.array_equal(scans[0], scans[1])
        assert np.corrcoef(scans[0].ravel(), scans[1].ravel())[0, 1] > 0.8


def test_structures_lie_in_the_chest_and_outside_of_the_tumour(written: Path) -> None:
    hu, affine = nifti(written / "ct" / "P0001_v2.nii.gz")
    tumour, _ = nifti(written / "masks" / "P0001_v2.nii.gz")
    volume_ml = float(np.prod(np.diag(affine)[:3])) / 1000
    for name in STRUCTURES:
        mask, _ = nifti(written / "structures" / "P0001_v2" / f"{name}.nii.gz")
        assert mask.any()
        assert not (mask & tumour).any()
        if name != "spinal_cord":  # the cord is narrower than a voxel here, within bone
            assert abs(np.median(hu[mask > 0]) - 45) < 25
    heart, _ = nifti(written / "structures" / "P0001_v2" / "heart.nii.gz")
    # an ellipsoid of half axes 52, 44 and 52 mm
    assert heart.sum() * volume_ml == pytest.approx(4 / 3 * np.pi * 52 * 44 * 52 / 1000, rel=0.1)


def test_each_examination_is_a_dicom_series_of_its_own(written: Path) -> None:
    import pydicom

    series: dict[str, str] = {}
    days: list[str] = []
    for case in ("P0001_v1", "P0001_v2", "P0002_v1"):
        folder = written / "dicom" / case
        header = pydicom.dcmread(next(folder.iterdir()), stop_before_pixels=True)
        series[case] = str(header.SeriesInstanceUID)
        days.append(str(header.StudyDate))
        assert header.PatientID == case[:5]
        twin, affine = nifti(written / "ct" / f"{case}.nii.gz")
        volume = read_volume(folder)
        assert np.abs(volume.affine - affine).max() < 1e-4
        assert np.abs(volume.array[0] - twin).max() < 0.5
    assert len(set(series.values())) == 3
    assert days[0] < days[1]


def test_every_setting_at_fault_is_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        ChestCtSeries(size=(8, 48, 24), visits=0, consistent_reports=1.5)
    assert caught.value.problems == (
        "chest_ct_series.size: found [8, 48, 24], expected [32, 32, 16] or more.",
        "chest_ct_series.visits: found 0, expected 1 to 12.",
        "chest_ct_series.consistent_reports: found 1.5, expected 0 to 1.",
    )
