"""Modality volume: what the encoder sees, where it lies, what is rejected, what is fitted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from PIL import Image
from pydicom.uid import MRImageStorage, PositronEmissionTomographyImageStorage

from tumorboard import registry
from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.dicom_writing import Acquisition, write_ct_series
from tumorboard.modalities.volume import MeasuredVolumes, Volume
from tumorboard.records import Cohort
from tumorboard.transforms.volume_planes import three_planes

DATA = Path(os.environ.get("TUMORBOARD_DATA", "absent"))
SHAPE = (20, 22, 16)
CENTRE = (-6.0, 5.0, 20.0)  # RAS mm
OFF = {
    "rotation_degrees": 0.0, "scaling": 0.0, "translation": 0.0, "flip": [], "brightness": 0.0,
    "contrast": 0.0, "gamma": 0.0, "noise": 0.0, "blur_vox": 0.0, "low_resolution": 1.0,
}  # fmt: skip


def affine() -> np.ndarray:
    found = np.diag([2.0, 2.0, 3.0, 1.0])
    found[:3, 3] = (-20, -22, 0)
    return found


def head(seed: int, *, gain: float = 1.0) -> np.ndarray:
    """A bright ball about CENTRE in something darker with grain, in arbitrary units."""
    rng = np.random.default_rng(seed)
    index = np.indices(SHAPE).reshape(3, -1)
    points = affine()[:3, :3] @ index + affine()[:3, 3:]
    far = np.linalg.norm(points - np.asarray(CENTRE)[:, None], axis=0).reshape(SHAPE)
    return gain * (np.where(far < 7, 900, 300) + rng.normal(0, 20, SHAPE)).astype(np.float32)


def save(path: Path, values: np.ndarray, to_world: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, affine() if to_world is None else to_world), path)
    return path


def cohort(root: Path, files: list[tuple[Path, ...]], **columns: Any) -> Cohort:
    ids = tuple(f"P{k}" for k in range(len(files)))
    return Cohort(
        name="c", patient_id=ids, unit_id=ids, files={"mri": tuple(files)}, columns=columns,
        line=tuple(range(2, len(ids) + 2)), table=Path("patients.csv"), root=root,
    )  # fmt: skip


def build(**settings: Any) -> Volume:
    given = {"files": "t1/{patient_id}.nii", "size": [10, 10, 8], **settings}
    return Volume(**registry.arguments(Volume, registry.resolve(Volume, given, where="mri")))


def read(modality: Volume, of: Cohort, tmp_path: Path) -> MeasuredVolumes:
    with Cache(tmp_path / "cache") as cache:
        return modality.read(of, name="mri", cache=cache)


def fit(modality: Volume, measured: MeasuredVolumes, rows: list[int]) -> Any:
    return modality.fit(measured, np.asarray(rows), weight=np.ones(len(rows)))


def heads(tmp_path: Path, n: int = 3, folder: str = "t1", **settings: Any) -> Cohort:
    files = [(save(tmp_path / folder / f"P{k}.nii", head(k, **settings)),) for k in range(n)]
    centre = ("6 -5 20",) * n  # LPS, as in DICOM
    return cohort(tmp_path, files, tumour_center_mm=centre)


def test_the_tumour_lies_in_the_middle_voxel_and_its_place_is_known(tmp_path: Path) -> None:
    modality = build(spacing_mm=[1.5, 1.5, 1.5], crop={"around": "tumour_center_mm"})
    measured = read(modality, heads(tmp_path), tmp_path)
    spec = fit(modality, measured, [0, 1])
    assert (spec.layout, spec.sizes, spec.names) == ("volume", (1, 10, 10, 8), ("intensity",))
    found = measured.affines(np.array([0, 2]))
    assert found.shape == (2, 4, 4)
    np.testing.assert_allclose(found[0] @ [5, 5, 4, 1], [*CENTRE, 1])
    arrays = modality.arrays(measured, np.array([0, 2])).astype(np.float32)
    index = np.indices((10, 10, 8)).reshape(3, -1)
    points = found[0, :3, :3] @ index + found[0, :3, 3:]
    inside = np.linalg.norm(points - np.asarray(CENTRE)[:, None], axis=0) < 4
    assert arrays[0].ravel()[inside].min() > 0.8
    volume_ml = (arrays[0] > 0.5).sum() * 1.5**3 / 1000
    assert volume_ml == pytest.approx(4 / 3 * np.pi * 7**3 / 1000, rel=0.15)


def test_ras_and_three_columns_give_the_same_box(tmp_path: Path) -> None:
    made = heads(tmp_path, 1)
    columns = {"x": ("-6",), "y": ("5",), "z": ("20",), "c": ("6,-5,20",)}
    made = cohort(tmp_path, list(made.files["mri"]), **columns)
    crops = ({"around": ["x", "y", "z"], "convention": "RAS"}, {"around": "c"})
    one, other = (read(build(crop=crop), made, tmp_path).affines(np.array([0])) for crop in crops)
    np.testing.assert_array_equal(one, other)


def test_settings_that_contradict_each_other_are_refused() -> None:
    for settings, sentence in (
        ({"normalise": "window"}, "needs window_hu"),
        ({"window_hu": [400.0, -1000.0]}, "the lower value first"),
        ({"window_hu": [0.0, 1.0], "normalise": "percentile"}, "leave one out"),
        ({"window_hu": [0.0, 1.0], "window_suv": [0.0, 1.0]}, "make two modalities"),
        ({"window_suv": [5.0, 1.0]}, "window_suv: found"),
        ({"normalise": "zscore", "harmonise": "nyul"}, "undoes it"),
        ({"spacing_mm": [1.0, 0.0, 1.0]}, "three above 0"),
        ({"size": [0, 1, 1]}, "from 1 up"),
        ({"crop": {"centre": "c"}}, "found a table of centre"),
        ({"crop": {"around": "c", "convention": "XYZ"}}, '\'XYZ\', expected "LPS" or "RAS"'),
        ({"files": []}, "an empty list"),
    ):
        with pytest.raises(StudyError, match=sentence):
            build(**settings)


def test_the_damaged_channel_is_the_one_that_is_named(tmp_path: Path) -> None:
    made = heads(tmp_path)
    heads(tmp_path, folder="t2")
    bad = tmp_path / "t2" / "P1.nii"
    bad.write_bytes(bad.read_bytes()[:3000])
    modality = build(files=["t1/{patient_id}.nii", "t2/{patient_id}.nii"])
    made = cohort(tmp_path, list(made.files["mri"]), patient_id=("P0", "P1", "P2"))
    (rejection,) = read(modality, made, tmp_path).rejections
    assert (rejection.patient_id, rejection.path) == ("P1", bad)


def test_one_bad_volume_is_rejected_and_the_others_stay(tmp_path: Path) -> None:
    made = heads(tmp_path)
    bad = made.files["mri"][1][0]
    bad.write_bytes(bad.read_bytes()[:3000])
    centre = ("6 -5 20", "6 -5 20", "600 -5 20")
    made = cohort(tmp_path, list(made.files["mri"]), tumour_center_mm=centre)
    measured = read(build(crop={"around": "tumour_center_mm"}), made, tmp_path)
    assert measured.present.tolist() == [True, False, False]
    broken, far = measured.rejections
    assert (broken.patient_id, far.patient_id) == ("P1", "P2")
    assert "damaged or unreadable NIfTI" in broken.reason
    assert "579.0 mm outside of the volume" in far.reason
    assert [r.state for r in measured.records] == ["used", "rejected", "rejected"]
    no_number = cohort(tmp_path, list(made.files["mri"]), tumour_center_mm=("1 2 3", "left", "0"))
    with pytest.raises(InputError, match=r"row 3 \(patient P1\): 'left', row 4"):
        read(build(crop={"around": "tumour_center_mm"}), no_number, tmp_path)


def test_a_mask_to_crop_around_and_to_judge_by(tmp_path: Path) -> None:
    made = heads(tmp_path)
    save(tmp_path / "seg/P0.nii", (head(0) > 600).astype(np.uint8))
    save(tmp_path / "seg/P1.nii", np.zeros(SHAPE, np.uint8))
    modality = build(crop={"mask": "seg/{patient_id}.nii"}, spacing_mm=[1.0, 1.0, 1.0])
    measured = read(modality, made, tmp_path)
    assert measured.present.tolist() == [True, False, False]
    assert "an empty mask" in measured.rejections[0].reason
    assert "no such file" in measured.rejections[1].reason
    np.testing.assert_allclose(
        measured.affines(np.array([0]))[0] @ [5, 5, 4, 1], [*CENTRE, 1], atol=0.5
    )
    masks = modality.lesion_masks(made, np.array([0, 1]), name="mri")
    assert masks is not None
    assert masks.known.tolist() == [True, False]
    assert masks.masks[0, 5, 5, 4]
    assert masks.masks.shape == (2, 10, 10, 8)


def test_a_window_of_ct_on_an_mr_is_refused(tmp_path: Path) -> None:
    measured = read(build(window_hu=[-1000.0, 400.0]), heads(tmp_path, 1), tmp_path)
    assert not measured.present.any()
    assert "are no Hounsfield units" in measured.rejections[0].reason


@pytest.mark.parametrize(
    ("modality", "shift", "window", "said"),
    [
        ("CT", 1024, "none", "no Hounsfield units (air is near -1000), but the file says CT"),
        ("CT", 1024, [-1000.0, 400.0], "but window_hu is set"),
        ("MR", 0, "none", "100 % of its voxels lie near -1000, as air does in CT"),
        ("MR", 0, [-1000.0, 400.0], "near -1000, as air does in CT"),
        ("MR", 1024, [-1000.0, 400.0], "the file says modality MR, but window_hu"),
    ],
)
def test_d48_values_that_contradict_the_modality_are_refused(
    tmp_path: Path, modality: str, shift: int, window: Any, said: str
) -> None:
    about = Acquisition("P0", "F", 60, "Maker", "Model", "B30f", 120, "Hospital")
    hu = np.full((12, 10, 8), -1000 + shift, dtype=np.int16)
    nowhere = np.zeros(hu.shape, dtype=np.bool_)
    write_ct_series(
        tmp_path / "ct", hu, np.diag([2.0, 2.0, 3.0, 1.0]), about=about, outside=nowhere
    )
    files = sorted((tmp_path / "ct").iterdir())
    for path in files:
        ds = pydicom.dcmread(path)
        if modality == "MR":
            ds.Modality, ds.SOPClassUID = "MR", MRImageStorage
        ds.save_as(path)
    measured = read(build(window_hu=window), cohort(tmp_path, [tuple(files)]), tmp_path)
    assert said in measured.rejections[0].reason


def test_d36_uptake_needs_the_tags_of_its_dose(tmp_path: Path) -> None:
    """370 MBq of fluorine-18 in 70 kg: 50,000 Bq/ml at the injection are an SUV of 9.459."""
    about = Acquisition("P0", "F", 60, "Maker", "Model", "", 120, "Hospital")
    hu = np.full((10, 10, 8), 5000, dtype=np.int16)
    nowhere = np.zeros(hu.shape, dtype=np.bool_)
    for folder in ("P0", "P1"):
        write_ct_series(
            tmp_path / folder, hu, np.diag([2.0, 2.0, 3.0, 1.0]), about=about, outside=nowhere
        )
    for path in tmp_path.glob("P*/*"):
        ds = pydicom.dcmread(path)
        ds.Modality, ds.SOPClassUID = "PT", PositronEmissionTomographyImageStorage
        ds.Units, ds.DecayCorrection = "BQML", "ADMIN"
        ds.RescaleSlope, ds.RescaleIntercept = 10, 10 * float(ds.RescaleIntercept)
        ds.PatientWeight, ds.SeriesDate, ds.SeriesTime = 70, "20200101", "120000"
        dose = pydicom.Dataset()
        dose.RadionuclideTotalDose, dose.RadionuclideHalfLife = 370e6, 6588
        dose.RadiopharmaceuticalStartTime = "110000"
        ds.RadiopharmaceuticalInformationSequence = [dose]
        if path.parent.name == "P1":
            del ds.PatientWeight
        ds.save_as(path)
    files = [tuple(sorted((tmp_path / folder).iterdir())) for folder in ("P0", "P1")]
    modality = build(window_suv=[0.0, 20.0])
    measured = read(modality, cohort(tmp_path, files), tmp_path)
    assert measured.present.tolist() == [True, False]
    assert "SUV cannot be computed without PatientWeight" in measured.rejections[0].reason
    fit(modality, measured, [0])
    array = modality.arrays(measured, np.array([0]))
    np.testing.assert_allclose(array, 50_000 * 70_000 / 370e6 / 20, rtol=1e-3)
    scan = cohort(tmp_path, [(save(tmp_path / "suv.nii", head(0, gain=0.01)),)])
    taken = read(modality, scan, tmp_path)
    assert "values are taken for SUV" in taken.prepared.facts[0].notes[0]


def test_padding_counts_in_no_statistic(tmp_path: Path) -> None:
    values = head(1)
    padded = values.copy()
    padded[:6] = np.nan
    files = [(save(tmp_path / "a.nii", values),), (save(tmp_path / "b.nii", padded),)]
    for normalise in ("percentile", "zscore"):
        modality = build(size=list(SHAPE), normalise=normalise)
        measured = read(modality, cohort(tmp_path, files), tmp_path)
        fit(modality, measured, [0, 1])
        whole, part = modality.arrays(measured, np.array([0, 1])).astype(np.float32)
        if normalise == "percentile":
            np.testing.assert_allclose(part[:, 6:], whole[:, 6:], atol=0.06)
        assert (part[:, :6] == part.min()).all()
    facts = measured.prepared.facts[int(measured.index[1, 0])]
    unit = measured.prepared.stored(int(measured.index[1, 0]))[:, 6:].astype(np.float64)
    assert facts.mean[0] == pytest.approx(unit.mean(), abs=1e-4)
    inside = modality.arrays(measured, np.array([1]))[:, :, 6:]
    assert inside.mean() == pytest.approx(0, abs=1e-3)
    assert inside.std() == pytest.approx(1, abs=1e-3)


def test_several_patterns_are_channels_on_the_first_grid(tmp_path: Path) -> None:
    made = heads(tmp_path, 2)
    half = affine() @ np.diag([0.5, 0.5, 0.5, 1])
    for k in range(2):
        fine = head(k).repeat(2, 0).repeat(2, 1).repeat(2, 2)
        shifted = half.copy()
        shifted[:3, 3] -= np.array([2, 2, 3]) / 4
        save(tmp_path / f"t2/P{k}.nii", -fine, shifted)
    modality = build(files=["t1/{patient_id}.nii", "t2/{patient_id}.nii"], size=list(SHAPE))
    measured = read(modality, made, tmp_path)
    spec = fit(modality, measured, [0])
    assert spec.names == ("t1/{patient_id}.nii", "t2/{patient_id}.nii")
    assert len(measured.records) == 4
    both = modality.arrays(measured, np.array([1]))[0].astype(np.float32)
    # smoothed on its way to larger voxels, but voxel by voxel the same place
    assert np.corrcoef(both[0].ravel(), both[1].ravel())[0, 1] < -0.97
    (tmp_path / "t2/P1.nii").unlink()
    assert read(modality, made, tmp_path).present.tolist() == [True, False]


def test_nyul_is_fitted_on_training_rows_and_joins_two_scanners(tmp_path: Path) -> None:
    files = [
        (save(tmp_path / f"{k}.nii", head(k) ** (1 + k % 2) / 300.0 ** (k % 2)),) for k in range(4)
    ]
    made, states, gap = cohort(tmp_path, files), [], {}
    for harmonise in ("none", "nyul"):
        modality = build(size=list(SHAPE), harmonise=harmonise)
        measured = read(modality, made, tmp_path)
        fit(modality, measured, [0, 1])
        arrays = modality.arrays(measured, np.arange(4)).astype(np.float32)
        dark = [np.median(each[each < 0.6]) for each in arrays]
        gap[harmonise] = abs(dark[2] - dark[3])
        states.append(modality.state())
    assert gap["nyul"] < 0.25 * gap["none"]
    files[3] = (save(tmp_path / "other.nii", head(9) ** 3),)
    again = build(size=list(SHAPE), harmonise="nyul")
    fit(again, read(again, cohort(tmp_path, files), tmp_path), [0, 1])
    assert again.state() == states[1]
    with pytest.raises(InputError, match="has no common scale"):
        again.restore(states[0])


def test_a_second_start_reads_no_volume_and_a_lost_one_is_prepared_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, modality = heads(tmp_path), build()
    first = read(modality, made, tmp_path)
    fit(modality, first, [0])
    before = modality.arrays(first, np.arange(3))
    again = read(modality, made, tmp_path)
    for path in (tmp_path / "cache").rglob("*.npy"):
        if np.load(path, mmap_mode="r").ndim == 4:
            path.unlink()
    np.testing.assert_array_equal(modality.arrays(again, np.arange(3)), before)
    monkeypatch.setattr("tumorboard.transforms.volume_preparation.read_volume_files", None)
    np.testing.assert_array_equal(
        modality.arrays(read(modality, made, tmp_path), np.arange(3)), before
    )


def test_a_patch_is_a_part_of_the_stored_volume(tmp_path: Path) -> None:
    prepared = read(build(), heads(tmp_path, 1), tmp_path).prepared
    whole = prepared.stored(0)
    assert isinstance(whole, np.memmap)
    np.testing.assert_array_equal(prepared.patch(0, (2, 3, 1), (4, 4, 4)), whole[:, 2:6, 3:7, 1:5])


def test_augmentation_is_drawn_from_the_generator_and_off_is_off(tmp_path: Path) -> None:
    for settings, is_same in ((OFF, True), ({}, False)):
        modality = build(**settings)
        measured = read(modality, heads(tmp_path), tmp_path)
        fit(modality, measured, [0])
        batch = torch.from_numpy(modality.arrays(measured, np.arange(3)))
        plain = modality.finish(batch, generator=None)
        drawn = [
            modality.finish(batch, generator=torch.Generator().manual_seed(4)) for _ in range(2)
        ]
        assert torch.equal(*drawn)
        assert torch.equal(plain, drawn[0]) == is_same


def test_probes_change_slices_and_pictures_are_three_planes(tmp_path: Path) -> None:
    from dataclasses import replace

    modality = build()
    measured = read(modality, heads(tmp_path), tmp_path)
    fit(modality, measured, [0, 1, 2])
    asked: list[Any] = []

    def change(pictures: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
        asked.append((tuple(pictures.shape), rows.tolist()))
        return 1 - pictures

    worse = modality.arrays(replace(measured, change=change), np.array([0, 2]))
    assert asked == [((16, 1, 10, 10), [0] * 8 + [2] * 8)]
    plain = modality.arrays(measured, np.array([0, 2])).astype(np.float32)
    np.testing.assert_allclose(worse, 1 - plain, atol=1e-3)
    picture = measured.picture(0)
    assert picture is not None
    assert picture.shape == (10, 30, 3)
    assert modality.poor(measured, np.arange(3)).tolist() == [False] * 3
    prints = measured.fingerprints()
    assert len(set(prints.digest)) == 3
    mean, spread = measured.grey_levels()
    assert ((mean > 0) & (mean < 1) & (spread > 0)).all()


def test_the_planes_are_turned_as_radiologists_look_at_them() -> None:
    volume = np.zeros((1, 4, 6, 8), dtype=np.float32)
    volume[0, 0, 5, 4] = 1  # the patient's left, front
    volume[0, 3, 3, 7] = 0.5  # right, head
    planes = three_planes(volume)
    assert planes.shape == (8, 4 + 4 + 6, 3)
    assert planes[1, 3].tolist() == [255] * 3  # axial: left on the right, front on top
    assert planes[0, 4].tolist() == [128] * 3  # coronal: right on the left, head on top


def test_dicom_and_its_padding_are_read_as_hounsfield_units(tmp_path: Path) -> None:
    hu = np.full((12, 10, 8), -1000, dtype=np.int16)
    hu[4:9, 3:7] = 50
    outside = np.zeros(hu.shape, dtype=np.bool_)
    outside[:2] = True
    to_world = np.diag([2.0, 2.0, 3.0, 1.0])
    about = Acquisition("P0", "F", 60, "Maker", "Model", "B30f", 120, "Hospital", padding=-2000)
    write_ct_series(tmp_path / "ct", hu, to_world, about=about, outside=outside)
    files = [tuple(sorted((tmp_path / "ct").iterdir()))]
    modality = build(window_hu=[-1000.0, 250.0], size=[12, 10, 8])
    measured = read(modality, cohort(tmp_path, files), tmp_path)
    assert measured.rejections == ()
    fit(modality, measured, [0])
    np.testing.assert_allclose(measured.affines(np.array([0]))[0], to_world, atol=1e-6)
    array = modality.arrays(measured, np.array([0]))[0, 0].astype(np.float32)
    np.testing.assert_allclose(array, (hu + 1000) / 1250, atol=1e-3)
    kept = ~outside
    expected = ((hu[kept] + 1000) / 1250).mean()
    assert measured.prepared.facts[0].mean[0] == pytest.approx(expected, abs=1e-3)


def test_pictures_without_a_voxel_size_need_it_to_be_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for k in range(12):
        Image.fromarray(rng.integers(0, 255, (10, 12), dtype=np.uint8)).save(tmp_path / f"{k}.png")
    files = [tuple(tmp_path / f"{k}.png" for k in range(12))]
    refused = read(build(), cohort(tmp_path, files), tmp_path)
    assert 'or set spacing_mm = "unknown"' in refused.rejections[0].reason
    modality = build(spacing_mm="unknown")
    measured = read(modality, cohort(tmp_path, files), tmp_path)
    fit(modality, measured, [0])
    assert any(
        "distances are in voxels" in note for note in modality.notes(measured, np.array([0]))
    )


@pytest.mark.realdata
@pytest.mark.skipif(not (DATA / "brain-mri").is_dir(), reason="TUMORBOARD_DATA holds no brain-mri")
def test_flair_of_real_patients_from_folders_of_slices(tmp_path: Path) -> None:
    folders = sorted((DATA / "brain-mri/flair").iterdir())[:2]
    files = [tuple(sorted(folder.iterdir())) for folder in folders]
    modality = build(spacing_mm="unknown", size=[128, 128, 16], crop="body", normalise="zscore")
    measured = read(modality, cohort(DATA, files), tmp_path)
    assert measured.present.all()
    fit(modality, measured, [0, 1])
    arrays = modality.arrays(measured, np.array([0, 1]))
    assert arrays.shape == (2, 1, 128, 128, 16)
    assert np.isfinite(arrays).all()
