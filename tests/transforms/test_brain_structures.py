"""Structures lie where the simulated images show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorboard.formats.nifti import read_nifti
from tumorboard.records import Bools
from tumorboard.simulators.brain_mri import BrainMri
from tumorboard.transforms.brain_structures import STRUCTURES


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("head") / "cohort"
    BrainMri(size=(48, 54, 42), structures=True, decoys=0.0).write(out, n_patients=1, seed=7)
    return out


def mask(head: Path, name: str) -> Bools:
    return read_nifti(head / "structures" / "P0001" / f"{name}.nii.gz").array[0] > 0


def test_ventricles_are_dark_on_flair_and_bright_on_t2(head: Path) -> None:
    inside, brain = mask(head, "ventricles"), ~mask(head, "outside_cerebrum")
    for sequence, is_bright in (("flair", False), ("t2", True)):
        image = read_nifti(head / "mri" / "P0001" / f"P0001_{sequence}.nii.gz").array[0]
        within, around = float(np.median(image[inside])), float(np.median(image[brain]))
        assert (within > around) == is_bright


def test_the_falx_parts_the_hemispheres(head: Path) -> None:
    falx = mask(head, "falx")
    x = np.argwhere(falx)[:, 0]
    assert 200 < falx.sum() < 3000
    assert abs(float(x.mean()) - 23.5) < 3  # the middle of 48 voxels
    upper = falx[:, :, 34]
    assert upper.any()


def test_nothing_overlaps_the_tumour(head: Path) -> None:
    tumour = read_nifti(head / "masks" / "P0001.nii.gz").array[0] > 0
    for name in STRUCTURES:
        assert mask(head, name).any()
        assert not (mask(head, name) & tumour).any()
    assert not (mask(head, "motor_strip") & mask(head, "outside_cerebrum")).any()


def test_they_change_nothing_else(head: Path, tmp_path: Path) -> None:
    BrainMri(size=(48, 54, 42), decoys=0.0).write(tmp_path / "plain", n_patients=1, seed=7)
    assert not (tmp_path / "plain" / "structures").exists()
    name = Path("mri") / "P0001" / "P0001_t1.nii.gz"
    assert (tmp_path / "plain" / name).read_bytes() == (head / name).read_bytes()
