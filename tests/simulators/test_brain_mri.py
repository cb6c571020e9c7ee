"""Simulated brains as written: places, words, decoys, visits and the ceiling."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image  # pyright: ignore[reportMissingTypeStubs]
from sklearn.metrics import roc_auc_score

from tumorboard.errors import StudyError
from tumorboard.simulators.brain_mri import BrainMri
from tumorboard.transforms import brain_patients as people
from tumorboard.transforms.brain_atlas import LOBES, lobe_of, side_of
from tumorboard.transforms.brain_drawing import draw_acquisition, head_coordinates, whole
from tumorboard.transforms.brain_tissues import SEQUENCES

SIZE, SEED, N = (48, 54, 42), 11, 14


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def array_of(path: Path) -> np.ndarray:
    return np.asanyarray(cast("Any", Nifti1Image.from_filename(str(path))).dataobj)


@pytest.fixture(scope="module")
def simulator() -> BrainMri:
    return BrainMri(size=SIZE, labels="regions")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, simulator: BrainMri) -> Path:
    out = tmp_path_factory.mktemp("brain_mri")
    simulator.write(out, n_patients=N, seed=SEED)
    return out


def test_words_and_masks_agree_on_side_and_lobe(written: Path, simulator: BrainMri) -> None:
    notes = json.loads((written / "truth_notes.json").read_text())
    told = 0
    for number, row in enumerate(rows_of(written / "truth_patients.csv")):
        patient = simulator.draw(number, seed=SEED)
        rng = people.generator(SEED, number, people.EXAMINATION, 0)
        acquisition = draw_acquisition(rng)
        for what in ("tumour", "decoy") if row["decoy_lobe"] else ("tumour",):
            middle = np.asarray([float(v) for v in row[f"{what}_middle_mm"].split()])
            assert side_of(middle[0]) == row[f"{what}_side"]  # in the scanner's own axes
            inside = head_coordinates(middle[:, None], patient.anatomy, acquisition)
            assert LOBES[lobe_of(inside)[0]] == row[f"{what}_lobe"]
        sentences = notes[row["patient_id"]]
        places = [s["text"] for s in sentences if s["topic"] == "tumour_place"]
        assert bool(places) == (row["note_is_silent"] == "0")
        assert any(s["topic"] == "decoy" for s in sentences) == (row["note_tells_decoy"] == "1")
        if places:
            told += 1
            assert row["tumour_lobe"] in places[0]
            assert row["tumour_side"] in places[0]
        text = (written / "notes" / f"{row['patient_id']}.txt").read_text().strip()
        assert text == " ".join(s["text"] for s in sentences)
    assert told > N / 2


def test_masks_hold_the_tumour_and_not_the_decoy(written: Path) -> None:
    rows = rows_of(written / "truth_patients.csv")
    assert any(row["decoy_lobe"] for row in rows)
    for row in rows:
        mask = array_of(written / "masks" / f"{row['patient_id']}.nii.gz")
        assert set(np.unique(mask).tolist()) <= {0, 1, 2, 3}
        voxel_ml = 4.0**3 / 1000
        assert (mask > 0).sum() * voxel_ml == pytest.approx(float(row["tumour_ml"]), abs=1e-3)
        path = written / "truth" / "decoys" / f"{row['patient_id']}.nii.gz"
        assert path.exists() == bool(row["decoy_lobe"])
        if path.exists():
            decoy = array_of(path)
            assert (decoy > 0).sum() * voxel_ml == pytest.approx(float(row["decoy_ml"]), abs=1e-3)
            assert not ((mask > 0) & (decoy > 0)).any()


def test_images_do_not_know_which_lesion_is_the_tumour(simulator: BrainMri) -> None:
    """Turn the coin: the same images, so that nothing in them tells."""
    numbers = [i for i in range(N) if simulator.draw(i, seed=SEED).decoy][:3]
    for number in numbers:
        patient = simulator.draw(number, seed=SEED)
        turned = replace(patient, tumour=1 - patient.tumour)
        own, other = (
            simulator.examination(p, number, 0, seed=SEED).volumes for p in (patient, turned)
        )
        assert all(np.array_equal(own[name], other[name]) for name in SEQUENCES)


def test_simple_features_do_not_tell_tumours_from_decoys() -> None:
    """Area under the curve of brightness, volume and place; 2.6 standard errors of 40 and 40."""
    simulator = BrainMri(size=(32, 36, 28), decoys=1.0)
    features: dict[str, list[float]] = {name: [] for name in (*SEQUENCES, "spread", "ml", "x")}
    is_tumour: list[bool] = []
    for number in range(40):
        patient = simulator.draw(number, seed=5)
        head = simulator.examination(patient, number, 0, seed=5)
        for k in (0, 1):
            mask = whole(head.labels[k])
            for name in SEQUENCES:
                brain = np.median(head.volumes[name][head.volumes[name] > 100])
                features[name].append(float(head.volumes[name][mask].mean() / brain))
            features["spread"].append(float(head.volumes["t1c"][mask].std()))
            features["ml"].append(float(mask.sum()))
            features["x"].append(float(abs(np.argwhere(mask)[:, 0].mean() - 15.5)))
            is_tumour.append(k == patient.tumour)
    for name, values in features.items():
        assert 0.33 < roc_auc_score(is_tumour, values) < 0.67, name


def test_ceiling_follows_from_the_volumes(written: Path) -> None:
    truth = json.loads((written / "truth.json").read_text())
    rows = rows_of(written / "truth_patients.csv")
    best: list[float] = []
    for row in rows:
        a, b = float(row["tumour_ml"]), float(row["decoy_ml"])
        best.append((2 * a / (2 * a + b) + 2 * b / (2 * b + a)) / 2 if b else 1.0)
    noted = [v if r["note_is_silent"] == "1" else 1.0 for v, r in zip(best, rows, strict=True)]
    found = truth["expected_dice_of_perfect_contours"]
    assert found["images_best"] == pytest.approx(np.mean(best), abs=1e-5)
    assert found["images_and_notes"] == pytest.approx(np.mean(noted), abs=1e-5)
    assert found["margin_of_notes"] == pytest.approx(np.mean(noted) - np.mean(best), abs=1e-5)
    assert found["images_one_lesion"] < found["images_best"] < found["images_and_notes"] <= 1
    assert truth["n_with_decoy"] == sum(bool(row["decoy_lobe"]) for row in rows)


def test_a_tumour_changes_from_visit_to_visit_as_stated(tmp_path: Path) -> None:
    BrainMri(size=SIZE, visits=3, decoys=0.5).write(tmp_path, n_patients=4, seed=3)
    truth = {row["patient_id"]: row for row in rows_of(tmp_path / "truth_patients.csv")}
    visits = rows_of(tmp_path / "visits.csv")
    response = {row["case"]: row["response"] for row in rows_of(tmp_path / "truth_visits.csv")}
    assert [row["case"] for row in visits] == [
        r["case"] for r in rows_of(tmp_path / "patients.csv")
    ]
    for patient_id, row in truth.items():
        own = [v for v in visits if v["patient_id"] == patient_id]
        volumes = [float(v["tumour_volume_ml"]) for v in own]
        months = np.asarray([float(v["days"]) for v in own]) / 30
        expected = volumes[0] * np.exp(float(row["rate_per_30_days"]) * months)
        # brain surface and ventricles take a part of a tumour that grows
        assert volumes == pytest.approx(expected, rel=0.15)
        assert [response[v["case"]] for v in own] == list(people.responses(volumes))
        diameters = [float(v["longest_diameter_mm"]) for v in own]
        assert np.sign(np.round(diameters[2] - diameters[0], -1)) in (
            0, np.sign(float(row["rate_per_30_days"])),
        )  # fmt: skip
        assert {v["reported"] for v in own[1:]} <= {"better", "stable", "worse"}
        for visit in own:
            mask = array_of(tmp_path / "masks" / f"{visit['case']}.nii.gz")
            assert mask.sum() * 0.064 == pytest.approx(float(visit["tumour_volume_ml"]), abs=1e-3)


def test_a_larger_cohort_begins_with_the_smaller_one(tmp_path: Path) -> None:
    for n in (2, 3):
        (tmp_path / str(n)).mkdir()
        BrainMri(size=(24, 28, 24)).write(tmp_path / str(n), n_patients=n, seed=9)
    for path in (tmp_path / "2").rglob("*.*"):
        other = tmp_path / "3" / path.relative_to(tmp_path / "2")
        if path.is_file() and path.suffix != ".json":
            assert other.read_bytes().startswith(path.read_bytes()), path.name


def test_every_setting_at_fault_is_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        BrainMri(size=(16, 64, 64), heterogeneity=(), border_mm=(5.0, 2.0), decoys=2.0, visits=0)
    assert caught.value.problems == (
        "brain_mri.size: found [16, 64, 64], expected [24, 24, 24] or more.",
        "brain_mri.heterogeneity: found [], expected one kind or more.",
        "brain_mri.border_mm: found [5.0, 2.0], expected two widths from 0 to 20, "
        "the smaller first.",
        "brain_mri.visits: found 0, expected 1 to 12.",
        "brain_mri.decoys: found 2.0, expected 0 to 1.",
    )
