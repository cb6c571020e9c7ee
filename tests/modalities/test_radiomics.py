"""Radiomics as a vector: z-scores of training patients, rejected files, and a forest on them."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.modalities.radiomics import MeasuredRadiomics, Radiomics
from tumorboard.models.baselines.random_forest import RandomForest
from tumorboard.records import Cohort

N = 8
SETTINGS = {
    "files": "ct/{patient_id}.nii.gz", "masks": "mask/{mask}", "spacing_mm": "original",
    "families": ("stat", "morph"),
}  # fmt: skip


def save(path: Path, values: np.ndarray, affine: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(values, affine), path)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Eight CTs with a lesion of i + 3 voxels along x; the last four patients have faults."""
    tmp_path = tmp_path_factory.mktemp("lesions")
    rng = np.random.default_rng(0)
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    masks: list[str | None] = []
    for i in range(N):
        values = rng.normal(0, 30, (20, 18, 16)).astype(np.float32)
        mask = np.zeros(values.shape, dtype=np.uint8)
        mask[4 : 7 + i, 5:10, 6:10] = 1
        if i == 5:
            mask[:] = 0
        save(tmp_path / "ct" / f"P{i}.nii.gz", values, affine)
        save(tmp_path / "mask" / f"P{i}.nii.gz", mask, affine if i != 6 else affine + np.eye(4))
        masks.append(f"P{i}.nii.gz" if i != 4 else None)
    masks[7] = "absent.nii.gz"
    ids = tuple(f"P{i}" for i in range(N))
    return Cohort(
        name="lesions", patient_id=ids, unit_id=ids, columns={"mask": tuple(masks)},
        files={"lesion": tuple((tmp_path / "ct" / f"{p}.nii.gz",) for p in ids)},
        line=tuple(range(2, N + 2)), table=tmp_path / "patients.csv", root=tmp_path,
    )  # fmt: skip


def measure(cohort: Cohort, **more: object) -> tuple[Radiomics, MeasuredRadiomics]:
    modality = Radiomics(**{**SETTINGS, **more})  # type: ignore[arg-type]
    with Cache(cohort.root / "cache") as cache:
        return modality, modality.read(cohort, name="lesion", cache=cache)


def test_one_bad_mask_rejects_one_patient_and_an_empty_cell_is_missing(cohort: Cohort) -> None:
    _, measured = measure(cohort)
    assert measured.present.tolist() == [True] * 4 + [False] * 4
    reasons = {r.patient_id: r.reason for r in measured.rejections}
    assert set(reasons) == {"P5", "P6", "P7"}
    assert "the mask is empty" in reasons["P5"]
    assert "another grid than its volume" in reasons["P6"]
    assert "absent.nii.gz: no such file" in reasons["P7"]
    states = {(r.patient_id, r.state) for r in measured.records}
    assert ("P0", "used") in states
    assert ("P4", "ignored") in states
    assert ("P5", "rejected") in states


def test_features_are_those_of_the_lesion(cohort: Cohort) -> None:
    """Lesions of (i + 3) x 5 x 4 voxels of 2 mm^3."""
    _, measured = measure(cohort)
    volume = measured.values[:4, measured.names.index("morph_vol_approx")]
    assert volume.tolist() == pytest.approx([(i + 3) * 5 * 4 * 2 for i in range(4)])


def test_z_scores_of_the_training_rows_alone(cohort: Cohort) -> None:
    modality, measured = measure(cohort)
    rows = np.array([0, 1, 2, 5])
    spec = modality.fit(measured, rows, weight=np.array([0.5, 0.5, 1.0, 1.0]))
    assert spec.layout == "vector"
    x = modality.arrays(measured, np.arange(4))
    place = spec.names.index("morph_vol_approx")
    raw = np.array([120.0, 160.0, 200.0, 240.0])
    mean = (0.5 * 120 + 0.5 * 160 + 200) / 2
    sd = np.sqrt((0.5 * (120 - mean) ** 2 + 0.5 * (160 - mean) ** 2 + (200 - mean) ** 2) / 2)
    np.testing.assert_allclose(x[:, place], (raw - mean) / sd, rtol=1e-5)
    assert np.isfinite(x).all()
    # The slices of all lesions are the same: such a feature says nothing.
    assert measured.names != spec.names
    restored = Radiomics(**SETTINGS)  # type: ignore[arg-type]
    assert restored.restore(modality.state()) == spec
    np.testing.assert_array_equal(restored.arrays(measured, np.arange(4)), x)


def test_the_same_files_are_measured_once(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first = measure(cohort)

    def fail(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr("tumorboard.modalities.radiomics.radiomics", fail)
    _, second = measure(cohort.take(range(4)))
    np.testing.assert_array_equal(second.values, first.values[:4])
    with pytest.raises(AssertionError, match="measured again"):
        measure(cohort.take([0]), families=("stat",))


def test_a_forest_reads_them(cohort: Cohort) -> None:
    modality, measured = measure(cohort)
    rows = np.arange(4)
    modality.fit(measured, rows, weight=np.ones(4))
    x = modality.arrays(measured, rows).astype(np.float64)
    forest = RandomForest(trees=50, min_leaf_weight=0.5)
    forest.fit(x, np.array([0, 0, 1, 1]), weight=np.ones(4), n_classes=2, seed=0)
    assert forest.predict(x)[:, 1].argsort()[-2:].tolist() in ([2, 3], [3, 2])


def test_a_patient_unlike_the_training_patients_is_named(cohort: Cohort) -> None:
    modality, measured = measure(cohort)
    modality.fit(measured, np.arange(3), weight=np.ones(3))
    assert modality.notes(measured, np.arange(3)) == ()
    measured.values[3] *= 1000
    assert modality.notes(measured, np.arange(4))[0].startswith("patient P3: ")


def test_no_usable_training_row_is_refused(cohort: Cohort) -> None:
    modality, measured = measure(cohort)
    with pytest.raises(InputError, match="none of the 2 training rows has a volume with a usable"):
        modality.fit(measured, np.array([5, 6]), weight=np.ones(2))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"bins": 1}, "bins: found 1"),
        ({"bin_width": 0.0}, "bin_width: found 0"),
        ({"intensity_range": "none"}, "grey levels of a width need a start"),
        ({"intensity_range": (5.0, 1.0)}, "expected a lower and a higher"),
        ({"spacing_mm": (1.0, 0.0, 1.0)}, "spacing_mm"),
        ({"families": ()}, "families: found none"),
    ],
)
def test_settings_that_make_no_sense(setting: dict[str, object], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        Radiomics(**{**SETTINGS, **setting})  # type: ignore[arg-type]


def test_masks_pattern_with_an_unknown_column(cohort: Cohort) -> None:
    with pytest.raises(StudyError, match=r"modalities.lesion.masks: .* Did you mean 'mask'"):
        measure(cohort, masks="mask/{maks}")
