"""A segmentation from the study file to masks: geometry, patches, training, controls, the model."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from small_masks import AFFINE, SHAPE, write_balls
from typer.testing import CliRunner

from tumorboard.cache import Cache
from tumorboard.cli import app
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.prediction.model import Model
from tumorboard.study import Study
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.fit import fit_modalities
from tumorboard.training.note_controls import with_other_notes
from tumorboard.training.patches import Draw, Patches, draw_patches
from tumorboard.training.prepare import Prepared, prepare
from tumorboard.training.references import MASK, References
from tumorboard.training.segmenting import with_neighbours
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.fit import fit
from tumorboard.verbs.predict import predict
from tumorboard.verbs.score import score
from tumorboard.verbs.study_splits import split_study


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("balls")
    return write_balls(folder / "data")


@pytest.fixture(scope="module")
def prepared(balls: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Prepared]:
    study = Study.load(balls)
    cache = Cache(tmp_path_factory.mktemp("cache"))
    return study, prepare(study, balls.parent, cache=cache)


def _read(path: Path) -> NDArray[Any]:
    image: Any = nib.load(path)
    return np.asarray(image.dataobj)


def _references(prepared: Prepared) -> References:
    assert prepared.references is not None
    return prepared.references


def test_the_reference_is_the_file_on_axes_towards_right_front_head(
    balls: Path, prepared: tuple[Study, Prepared]
) -> None:
    _, found = prepared
    references = _references(found)
    stored = _read(balls.parent / "mask" / "p3.nii.gz")
    row = found.cohort.patient_id.index("p3")
    own = references.own(row)
    np.testing.assert_array_equal(own, stored[::-1])  # the file's first axis runs to the left
    grid = references.cases.own_grid(row)
    assert grid.shape == SHAPE
    assert grid.spacing == (2.0, 2.0, 3.0)
    # the voxel (0, 0, 0) of the flipped array is the file's last along the first axis
    np.testing.assert_allclose(grid.affine[:3, 3], (AFFINE @ [SHAPE[0] - 1, 0, 0, 1])[:3])


def test_a_mask_goes_to_the_network_and_back(balls: Path, tmp_path: Path) -> None:
    study = Study.load(balls, overrides=["modalities.ct.spacing_mm=[4.0,4.0,3.0]"])
    found = prepare(study, balls.parent, cache=Cache(tmp_path))
    references = _references(found)
    coarse = references.network(0)
    assert coarse.shape == (10, 9, 8)
    back = references.cases.to_own(0, (coarse[None] > 0).astype(np.float32))[0]
    truth = references.own(0) > 0
    dice = 2 * (truth & (back > 0.5)).sum() / (truth.sum() + (back > 0.5).sum())
    assert dice > 0.7  # half the resolution costs the rim of a ball of three voxels' radius


def test_patches_hold_the_voxels_at_their_places(prepared: tuple[Study, Prepared]) -> None:
    study, found = prepared
    splits = split_study(study, found)
    modalities, _ = fit_modalities(study, found, splits[0], study.arms["image"])
    references = _references(found)
    task = Segmentation(study.keys.task)
    patches = Patches(
        "ct", modalities, found.measured, references, task, size=(16, 16, 1),
        weight=np.ones(found.cohort.n_rows),
    )  # fmt: skip
    patches.draws = [Draw(2, True, 11), Draw(2, True, 12), Draw(2, False, 13)]
    batch = patches[[0, 1, 2]]
    assert batch.inputs["ct"].shape == (3, 1, 16, 16)
    image = modalities["ct"].arrays(found.measured["ct"], np.array([2]))[0]
    mask = references.network(2)
    for k in range(3):
        start = ((batch.places[k, :, 0].numpy() + 1) / 2 * mask.shape).round().astype(int)
        end = ((batch.places[k, :, 1].numpy() + 1) / 2 * mask.shape).round().astype(int)
        np.testing.assert_array_equal(end - start, [16, 16, 1])
        box = tuple(slice(a, b) for a, b in zip(start, end, strict=True))
        np.testing.assert_array_equal(batch.inputs["ct"][k, 0].numpy(), image[0][box][..., 0])
        np.testing.assert_array_equal(batch.numbers[k].numpy(), mask[box][..., 0])
    assert (batch.numbers[:2] == 2).flatten(1).any(dim=1).all()  # drawn around a label


def test_a_patch_larger_than_the_image_is_padded_around_it(
    prepared: tuple[Study, Prepared],
) -> None:
    study, found = prepared
    modalities, _ = fit_modalities(study, found, split_study(study, found)[0], study.arms["image"])
    patches = Patches(
        "ct", modalities, found.measured, _references(found), Segmentation(study.keys.task),
        size=(24, 18, 8), weight=np.ones(found.cohort.n_rows),
    )  # fmt: skip
    patches.draws = [Draw(0, True, 1)]
    batch = patches[[0]]
    assert batch.numbers.shape == (1, 24, 18, 8)
    assert int((batch.numbers > 0).sum()) == int((_references(found).network(0) > 0).sum())
    np.testing.assert_allclose(batch.places[0, 0].numpy(), [2 * -2 / 20 - 1, 2 * 22 / 20 - 1])
    assert not batch.numbers[0, :2].any()


def test_the_share_of_patches_around_a_label_is_kept_in_every_epoch() -> None:
    rng = np.random.default_rng(0)
    draws = draw_patches(np.arange(10), per_case=4, foreground=0.5, rng=rng)
    assert len(draws) == 40
    for row in range(10):
        assert [d.around for d in draws if d.row == row].count(True) == 2
    odd = draw_patches(np.arange(2000), per_case=1, foreground=0.25, rng=rng)
    assert 0.2 < np.mean([d.around for d in odd]) < 0.3


def test_controls_change_notes_of_the_given_rows_alone(prepared: tuple[Study, Prepared]) -> None:
    _, found = prepared
    rows = np.array([1, 3, 4, 6])
    own = cast("MeasuredNotes", found.measured["note"])
    rng = np.random.default_rng(0)
    silent, shuffled, contradicting = (
        cast("MeasuredNotes", with_other_notes(found.measured, name, rows, rng=rng)["note"])
        for name in ("silent", "shuffled", "contradicting")
    )
    others = [row for row in range(found.cohort.n_rows) if row not in rows]
    for changed in (silent, shuffled, contradicting):
        assert [changed.texts[row] for row in others] == [own.texts[row] for row in others]
    assert not silent.present[rows].any()
    assert silent.present[others].all()
    assert sorted(shuffled.texts[r] for r in rows) == sorted(own.texts[r] for r in rows)
    for row in rows:
        word = "left" if "left" in own.texts[row] else "right"
        other = "right" if word == "left" else "left"
        assert contradicting.texts[row] == own.texts[row].replace(word, other)


def test_nobody_gets_a_note_of_their_own() -> None:
    rows = np.arange(6)
    notes = MeasuredNotes(
        present=np.ones(6, dtype=bool), texts=tuple("abcdef"), name="note",
        patient_id=("p", "p", "q", "r", "s", "t"),
    )  # fmt: skip
    for seed in range(20):
        rng = np.random.default_rng(seed)
        changed = cast(
            "MeasuredNotes", with_other_notes({"note": notes}, "shuffled", rows, rng=rng)["note"]
        )
        assert not {changed.texts[0], changed.texts[1]} & {"a", "b"}
        assert all(changed.texts[i] != notes.texts[i] for i in range(2, 6))


@pytest.fixture(scope="module")
def run(balls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluate(balls, out=tmp_path_factory.mktemp("runs") / "run").folder


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_run_finds_the_balls_and_every_patient_is_tested_once(run: Path) -> None:
    rows = [row for row in _rows(run / "predictions.csv") if row["part"] == "test"]
    arms = {row["arm"] for row in rows}
    controls = {f"guided-{name}" for name in ("silent", "shuffled", "contradicting")}
    assert arms == {"image", "guided", *controls}
    for arm in arms:
        assert sorted(r["patient_id"] for r in rows if r["arm"] == arm) == [
            f"p{i}" for i in range(8)
        ]
    dice = [float(row["dice_ball"]) for row in rows if row["arm"] == "image"]
    assert np.mean(dice) > 0.7  # bright balls on dark noise
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["image"]["dice"]["value"] == pytest.approx(np.mean(dice))


def test_masks_of_a_run_score_as_the_table_says(balls: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    score(balls.parent / "mask", run / "masks" / "image", out=out, tolerance_mm=1.0)
    table = {r["unit_id"]: r for r in _rows(run / "predictions.csv")
             if r["arm"] == "image" and r["part"] == "test"}  # fmt: skip
    found = _rows(out)
    assert len(found) == 8
    for row in found:
        own = table[row["file"].removesuffix(".nii.gz")]
        assert row["label"] == "2"
        for theirs, ours in (("dice", "dice_ball"), ("nsd", "nsd_ball"),
                             ("hd95_mm", "hd95_ball_mm"),
                             ("volume_error_ml", "volume_error_ball_ml")):  # fmt: skip
            assert float(row[theirs]) == pytest.approx(float(own[ours]), rel=1e-6, abs=1e-9)


def test_masks_have_the_axes_of_the_image_file(balls: Path, run: Path) -> None:
    image: Any = nib.load(balls.parent / "ct" / "p1.nii.gz")
    mask: Any = nib.load(run / "masks" / "image" / "p1.nii.gz")
    np.testing.assert_allclose(mask.affine, image.affine)
    assert mask.shape == image.shape
    truth = _read(balls.parent / "mask" / "p1.nii.gz") > 0
    found = np.asarray(mask.dataobj) > 0
    assert 2 * (truth & found).sum() > 0.5 * (truth.sum() + found.sum())  # not mirrored


def test_the_manifest_lists_the_masks(balls: Path, run: Path) -> None:
    masks = [row for row in _rows(run / "manifest.csv") if row["modality"] == MASK]
    assert len(masks) == 8
    assert {row["state"] for row in masks} == {"used"}
    assert all(len(row["sha256"]) == 64 for row in masks)


def test_the_report_answers_and_shows_cases(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert "Dice" in page
    assert "shuffled" in page
    assert (run / "figures" / "cases" / "guided" / "gallery.json").is_file()


def test_a_model_segments_new_patients_as_it_did_in_the_run(
    balls: Path, run: Path, tmp_path: Path
) -> None:
    model = fit(balls, out=tmp_path / "model", arm="guided", overrides=["training.epochs=1"])
    assert model.fitted.segmenters
    again = Model.open(tmp_path / "model")
    assert again.fitted.window == (16, 16, 1)
    table = tmp_path / "new.csv"
    table.write_text("patient,note\np1,A ball on the left side.\np2,\nnobody,\n")
    report = predict(tmp_path / "model", cohort=table, out=tmp_path / "out.csv", data=balls.parent)
    rows = _rows(tmp_path / "out.csv")
    assert [row["patient_id"] for row in rows] == ["p1", "p2"]
    assert [row["modalities"] for row in rows] == ["ct+note", "ct"]
    assert report.exit_code == 3
    assert any("nobody" in line for line in report.lines)
    for row in rows:
        ml = float((_read(tmp_path / row["mask"]) > 0).sum()) * 12 / 1000
        assert float(row["volume_ball_ml"]) == pytest.approx(ml)


def test_a_fold_model_predicts_what_the_run_says(balls: Path, run: Path, tmp_path: Path) -> None:
    row = next(
        r for r in _rows(run / "predictions.csv") if r["arm"] == "image" and r["part"] == "test"
    )
    folder = run / "models" / "image" / f"{row['repeat']}-{row['fold']}"
    table = tmp_path / "one.csv"
    table.write_text(f"patient,note\n{row['patient_id']},\n")
    predict(folder, cohort=table, out=tmp_path / "out.csv", data=balls.parent)
    found = _rows(tmp_path / "out.csv")[0]
    assert float(found["volume_ball_ml"]) == pytest.approx(float(row["volume_ball_ml"]))
    assert float(found["predicted_dice_ball"]) == pytest.approx(
        float(row["predicted_dice_ball"]), abs=1e-4
    )


def test_a_mask_that_cannot_be_used_loses_its_patient_alone(tmp_path: Path) -> None:
    path = write_balls(tmp_path / "data", n=6)
    odd = np.zeros(SHAPE, dtype=np.float32)
    odd[3, 3, 3] = 0.4
    nib.save(nib.Nifti1Image(odd, AFFINE), path.parent / "mask" / "p2.nii.gz")
    (path.parent / "mask" / "p4.nii.gz").unlink()
    study = Study.load(path)
    found = prepare(study, path.parent, cache=Cache(tmp_path / "cache"))
    assert set(found.cohort.patient_id) == {"p0", "p1", "p3", "p5"}
    (rejected,) = found.rejections
    assert rejected.patient_id == "p2"
    assert "whole numbers" in rejected.reason
    assert any("p4" in step.patients for step in found.cohort.flow)


def test_fit_names_what_it_could_not_use_and_exits_3(tmp_path: Path) -> None:
    path = write_balls(tmp_path / "data", n=6)
    (path.parent / "ct" / "p2.nii.gz").write_bytes(b"no volume")
    done = CliRunner().invoke(
        app, ["fit", str(path), "--arm", "image", "--out", str(tmp_path / "model"),
              "--set", "training.epochs=1"], env={"TUMORBOARD_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.exit_code == 3
    assert "rejected: patient p2" in done.output
    assert (tmp_path / "model" / "model.json").is_file()


def test_regions_overlap_and_are_written_with_numbers_of_their_own() -> None:
    keys = Study.from_tables(
        {
            "study": {"name": "x"},
            "cohort": {"source": "folder", "table": "t.csv"},
            "task": {"kind": "segmentation", "image": "mri", "mask": "m/{patient_id}",
                     "labels": {"whole": [1, 2, 3], "core": [1, 3], "enhancing": [3]}},
            "modalities": {"mri": {"kind": "volume", "files": "i/{patient_id}"}},
        },
        path=Path("study.toml"),
    ).keys.task  # fmt: skip
    task = Segmentation(keys)
    assert not task.is_exclusive
    assert task.n_outputs(()) == 3
    numbers = np.array([0, 1, 2, 3], dtype=np.uint8)
    masks = task.masks(numbers)
    assert masks.astype(int).tolist() == [[0, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 1]]
    np.testing.assert_array_equal(task.as_numbers(masks), numbers)
    targets = task.targets(torch.as_tensor(numbers)[None])
    np.testing.assert_array_equal(targets[0].numpy(), masks)


def test_exclusive_labels_are_numbered_in_order() -> None:
    keys = Study.from_tables(
        {
            "study": {"name": "x"},
            "cohort": {"source": "folder", "table": "t.csv"},
            "task": {"kind": "segmentation", "image": "mri", "mask": "m/{patient_id}",
                     "labels": {"tumour": 4, "oedema": 2}},
            "modalities": {"mri": {"kind": "volume", "files": "i/{patient_id}"}},
        },
        path=Path("study.toml"),
    ).keys.task  # fmt: skip
    task = Segmentation(keys)
    assert task.is_exclusive
    assert task.n_outputs(()) == 3
    targets = task.targets(torch.tensor([[0, 4, 2, 1]], dtype=torch.uint8))
    assert targets.tolist() == [[0, 1, 2, 0]]
    probabilities = task.predict(torch.zeros(1, 3, 4))
    assert probabilities.shape == (1, 2, 4)
    assert float(probabilities.max()) == pytest.approx(1 / 3)


def test_neighbouring_slices_are_channels_in_training_and_prediction_alike(
    prepared: tuple[Study, Prepared],
) -> None:
    study, found = prepared
    modalities, _ = fit_modalities(study, found, split_study(study, found)[0], study.arms["image"])
    patches = Patches(
        "ct", modalities, found.measured, _references(found), Segmentation(study.keys.task),
        size=(20, 18, 1), weight=np.ones(found.cohort.n_rows), neighbours=1,
    )  # fmt: skip
    image = modalities["ct"].arrays(found.measured["ct"], np.array([1]))[0]
    whole = with_neighbours(torch.from_numpy(image), 1).numpy()
    patches.draws = [Draw(1, False, seed) for seed in range(12)]
    batch = patches[list(range(12))]
    for k in range(12):
        z = round((float(batch.places[k, 2, 0]) + 1) / 2 * SHAPE[2])
        np.testing.assert_array_equal(batch.inputs["ct"][k].numpy(), whole[..., z])
        below, above = max(z - 1, 0), min(z + 1, SHAPE[2] - 1)
        np.testing.assert_array_equal(whole[0, ..., z], image[0, ..., below])
        np.testing.assert_array_equal(whole[2, ..., z], image[0, ..., above])
