"""Grad-CAM of a volume: the maximum lies at the planted blob, in mm of the patient's space."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from small_study import make_study
from torch import nn

from tumorboard.cache import Cache
from tumorboard.explain import Asked, Explainer
from tumorboard.explain.asking import Subject, answer
from tumorboard.explain.grad_cam import GradCam
from tumorboard.explain.grad_cam_plus_plus import GradCamPlusPlus
from tumorboard.models.assembly import Network
from tumorboard.models.encoders import Encoder
from tumorboard.prediction.kept_maps import read_map
from tumorboard.records import ArraySpec, Cohort
from tumorboard.report.heat_maps import side_by_side
from tumorboard.training.fitted import FittedArm
from tumorboard.training.prepare import build_modality, build_task

SIZE, SPACING, N = (24, 20, 16), (2.0, 2.5, 3.0), 2
#: Where the blob of each patient is, mm: voxel (6 + i, 13, 5) of a grid that starts at ORIGIN.
ORIGIN = np.array([-30.0, 10.0, 99.0])
BLOBS = [ORIGIN + np.array(SPACING) * (6 + i, 13, 5) for i in range(N)]


class Bright(Encoder):
    """One map, as coarse as every second voxel: the mean brightness; the embedding is its mean."""

    layouts = frozenset({"volume"})

    def __init__(self, spec: ArraySpec) -> None:
        super().__init__(spec)
        self.pool = nn.AvgPool3d(2)
        self.output_size = 1

    def map_layer(self) -> nn.Module:
        return self.pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pool(x).mean(dim=(2, 3, 4))


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """Two CTs with one bright blob each, stored with axes to the left and to the back."""
    grid = np.stack(np.meshgrid(*map(np.arange, SIZE), indexing="ij"), axis=-1)
    files: list[tuple[Path, ...]] = []
    for i in range(N):
        world = ORIGIN + grid * np.array(SPACING)
        distance = np.linalg.norm(world - BLOBS[i], axis=-1)
        values = (400 * np.exp(-((distance / 5) ** 2))).astype(np.float32)
        affine = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
        affine[:3, 3] = [*(ORIGIN + np.array(SPACING) * (np.array(SIZE) - 1))[:2], ORIGIN[2]]
        path = tmp_path / f"P{i}.nii.gz"
        nib.save(nib.Nifti1Image(values[::-1, ::-1], affine), path)  # type: ignore[attr-defined]
        files.append((path,))
    ids = tuple(f"P{i}" for i in range(N))
    cohort = Cohort(
        name="blobs", patient_id=ids, unit_id=ids, columns={"diagnosis": ("benign", "malignant")},
        files={"ct": tuple(files)}, line=(2, 3), table=tmp_path / "patients.csv", root=tmp_path,
    )  # fmt: skip
    study = make_study(
        tmp_path,
        modalities={
            "ct": {
                "kind": "volume", "files": "{patient_id}.nii.gz", "size": list(SIZE),
                "spacing_mm": list(SPACING), "normalise": "percentile",
                "encoder": {"name": "resnet3d", "depth": 10},
            }
        },
        arms={
            "ct": {"modalities": ["ct"]},
            "deep": {"modalities": ["ct"], "encoders": {"ct": {"name": "resnet3d", "depth": 18}}},
        },
    )  # fmt: skip
    task = build_task(study.keys.task)
    outcomes = task.read(cohort)
    arm = study.arms["ct"]
    modality = build_modality(study.modalities["ct"])
    with Cache(tmp_path / "cache") as cache:
        measured = {"ct": modality.read(cohort, name="ct", cache=cache)}
    specs = {"ct": modality.fit(measured["ct"], np.arange(N), weight=np.ones(N))}
    network = Network(specs, arm.encoders, None, n_outputs=2, link="softmax")
    network.encoders[0] = Bright(specs["ct"])
    head = nn.Linear(1, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.0], [10.0]]))
    network.heads[0] = head
    fitted = FittedArm(
        study=study, arm=arm, modalities={"ct": modality}, specs=specs, task=task,
        classes=outcomes.classes, values=dict(outcomes.values), network=network.eval(),
        threshold=0.5,
    )  # fmt: skip
    return Subject(
        fitted=fitted, cohort=cohort, outcomes=outcomes, measured=measured, cases=np.arange(N),
        called=np.array([0, 1]), every=np.arange(N), background=np.arange(0), repeat=1, fold=1,
        seed=0,
    )  # fmt: skip


def asked(subject: Subject) -> Asked:
    return Asked(
        fitted=subject.fitted, cohort=subject.cohort, outcomes=subject.outcomes,
        measured=subject.measured, rows=subject.cases, background=subject.background, target=1,
        rng=np.random.default_rng(0),
    )  # fmt: skip


@pytest.mark.parametrize("make", [GradCam, GradCamPlusPlus])
def test_the_maximum_lies_at_the_blob_in_mm(
    make: Callable[[], Explainer], subject: Subject
) -> None:
    (found,) = make().explain(asked(subject)).heat_maps
    assert found.maps.shape == (N, *SIZE)
    assert found.affines is not None
    for i in range(N):
        place = np.unravel_index(found.maps[i].argmax(), SIZE)
        world = (found.affines[i] @ np.array([*place, 1.0]))[:3]
        # The map is as coarse as two voxels.
        assert np.abs(world - BLOBS[i]).max() <= max(SPACING)
        around = np.argwhere(found.maps[i] > 0.5 * found.maps[i].max())
        centre = (found.affines[i] @ [*around.mean(axis=0), 1.0])[:3]
        assert np.abs(centre - BLOBS[i]).max() <= max(SPACING) / 2


def test_niftis_lie_in_the_patients_space(subject: Subject, tmp_path: Path) -> None:
    found = answer(subject, {"grad_cam": GradCam()}, tmp_path / "out")
    for row in found.heat_maps:
        stem = tmp_path / "out" / row.arm / row.file.removesuffix(".npz")
        kept = read_map(tmp_path / "out", row)
        assert kept.affine is not None
        for kind in ("map", "seen"):
            image: Any = nib.load(f"{stem}-{row.index}-{kind}.nii.gz")  # type: ignore[attr-defined]
            np.testing.assert_allclose(image.affine, kept.affine)
            assert image.header.get_xyzt_units()[0] == "mm"
        image = nib.load(f"{stem}-{row.index}-map.nii.gz")  # type: ignore[attr-defined]
        values = np.asarray(image.dataobj)
        place = np.unravel_index(values.argmax(), values.shape)
        world = (kept.affine @ np.array([*place, 1.0]))[:3]
        assert np.abs(world - BLOBS[int(row.patient_id[1:])]).max() <= max(SPACING)
        picture = side_by_side(kept)
        assert picture.ndim == 3
        assert picture.shape[1] > picture.shape[0]
