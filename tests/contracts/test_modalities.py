"""What every modality promises: it fits on the rows it is given, and its state says everything."""

from __future__ import annotations

import ast
import inspect
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from tumorboard import registry
from tumorboard.cache import Cache
from tumorboard.formats.nifti_writing import write_nifti
from tumorboard.modalities import Measured, Modality, row_weights
from tumorboard.modalities.radiomics import Radiomics
from tumorboard.records import Cohort, FittedState, Layout

NAMES = registry.names("modalities")
#: Settings beside `files` that make a modality read the cohort below.
SETTINGS: dict[str, dict[str, Any]] = {
    "clinical_factors": {"column": "note", "min_patients": 1},
    "expression": {"table": "genes.csv", "scale": "tpm", "top_genes": 6},
    "features": {"table": "genes.csv"},
    "image": {"size": [8, 10]},
    "longitudinal": {"table": "visits.csv", "patient_id": "patient", "time": "day",
                     "numeric": ["crp"], "categorical": ["ward"], "last_visits": 3},
    "notes": {"column": "note", "features": "tfidf", "min_patients": 1},
    "volume": {"size": [8, 6, 4], "spacing_mm": "unknown"},
    "patches": {"window_px": 8, "size": [6, 6]},
    "radiomics": {"masks": "lesion.nii.gz", "spacing_mm": "original", "bins": 8,
                  "families": ["stat"], "intensity_range": "none"},
    "table": {"numeric": ["age", "marker"], "categorical": ["sex", "signs"],
              "separator": {"signs": "&"}},
}  # fmt: skip
N_ROWS = 12
TRAIN = np.arange(7)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def build(name: str) -> Modality:
    kind: type[Any] = registry.load("modalities", name)
    settings = dict(SETTINGS.get(name, {}))
    takes_files = "files" in inspect.signature(kind.__init__).parameters
    if takes_files and "column" not in settings:
        settings["files"] = "images/{patient_id}.png"
    return kind(**registry.arguments(kind, registry.resolve(kind, settings, where=name)))


def make_cohort(folder: Path, *, seed: int = 1, order: np.ndarray | None = None) -> Cohort:
    """Patients with images and columns; every fourth row lacks its image, every fifth its age."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[tuple[Path, ...]] = []
    for row in range(N_ROWS):
        path = folder / f"{row}.png"
        Image.fromarray(rng.integers(0, 256, (16, 20), dtype=np.uint8)).save(path)
        paths.append(() if row % 4 == 3 else (path,))
    patients = tuple(f"P{row // 2}" for row in range(N_ROWS))
    write_genes(folder, [seed] * (N_ROWS // 2))
    write_visits(folder, [seed] * (N_ROWS // 2))
    age = [None if row % 5 == 4 else f"{rng.integers(20, 90)}" for row in range(N_ROWS)]
    cohort = Cohort(
        name="contract", patient_id=patients, unit_id=patients, files={"it": tuple(paths)},
        columns={
            "age": tuple(age),
            "x_px": tuple(f"{rng.uniform(0, 20):.2f}" for _ in range(N_ROWS)),
            "y_px": tuple(f"{rng.uniform(0, 16):.2f}" for _ in range(N_ROWS)),
            "marker": tuple(f"{value:.3f}" for value in rng.lognormal(size=N_ROWS)),
            "sex": tuple(rng.choice(["m", "f"], N_ROWS).tolist()),
            "signs": tuple(rng.choice(["a", "a&b", "c"], N_ROWS).tolist()),
            "note": tuple(None if row % 6 == 5 else note_of(rng) for row in range(N_ROWS)),
        },
        line=tuple(range(2, N_ROWS + 2)), table=Path("patients.csv"), root=folder,
    )  # fmt: skip
    return cohort if order is None else cohort.take(order)


def note_of(rng: np.random.Generator) -> str:
    """A side, a size, a receptor and a symptom."""
    side, er, word = (rng.choice(two) for two in (["left", "right"], ["+", "-"], ["No", "Some"]))
    return f"A {rng.integers(5, 60)} mm mass in the {side} breast. ER{er}. {word} nipple discharge."


def write_genes(folder: Path, seeds: list[int]) -> None:
    """TPM of eight genes, of each patient but the last by its own seed."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["patient," + ",".join(f"GENE{k}" for k in range(8))]
    for patient, seed in list(enumerate(seeds))[:-1]:
        share = np.random.default_rng([seed, patient]).dirichlet(np.ones(8))
        lines.append(f"P{patient}," + ",".join(f"{1e6 * own:.3f}" for own in share))
    (folder / "genes.csv").write_text("\n".join(lines) + "\n")


def write_visits(folder: Path, seeds: list[int]) -> None:
    """One to four visits of each patient but the last, by its own seed; some values missing."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["patient,day,crp,ward"]
    for patient, seed in list(enumerate(seeds))[:-1]:
        rng = np.random.default_rng([seed, patient])
        for visit in range(1 + patient % 4):
            crp = "" if visit == 2 else f"{rng.normal():.3f}"
            ward = rng.choice(["icu", "ward"])
            lines.append(f"P{patient},{visit - 5},{crp},{ward}")
    (folder / "visits.csv").write_text("\n".join(lines) + "\n")


def as_stacks(cohort: Cohort) -> Cohort:
    """The same cohort whose images are each the first of five slices."""
    stacks: list[tuple[Path, ...]] = []
    for paths in cohort.files["it"]:
        stack = list(paths)
        for path in paths:
            pixels = np.asarray(Image.open(path))
            for k in range(1, 5):
                stack.append(path.parent / "stacks" / f"{path.stem}-{k}.png")
                stack[-1].parent.mkdir(exist_ok=True)
                Image.fromarray(np.roll(pixels, k, axis=0)).save(stack[-1])
        stacks.append(tuple(stack))
    return replace(cohort, files={"it": tuple(stacks)})


def as_lesions(cohort: Cohort) -> Cohort:
    """The same cohort whose images are volumes, with one outline of a lesion for all of them."""
    volumes: list[tuple[Path, ...]] = []
    mask = np.zeros((20, 16, 5), dtype=np.uint8)
    mask[5:15, 4:12, 1:4] = 1
    write_nifti(cohort.root / "lesion.nii.gz", mask, np.eye(4))
    for paths in cohort.files["it"]:
        own = [path.with_suffix(".nii.gz") for path in paths]
        for path, volume in zip(paths, own, strict=True):
            pixels = np.asarray(Image.open(path)).T.astype(np.int16)
            turned = np.stack([np.roll(pixels, k, axis=0) for k in range(5)], axis=2)
            write_nifti(volume, turned, np.eye(4))
        volumes.append(tuple(own))
    return replace(cohort, files={"it": tuple(volumes)})


def read(modality: Modality, cohort: Cohort, tmp_path: Path) -> Measured:
    if modality.layout == "volume":
        cohort = as_stacks(cohort)
    if isinstance(modality, Radiomics):
        cohort = as_lesions(cohort)
    with Cache(tmp_path / "cache") as cache:
        return modality.read(cohort, name="it", cache=cache)


def fitted(name: str, tmp_path: Path) -> tuple[Modality, Cohort, Measured, Any]:
    modality, cohort = build(name), make_cohort(tmp_path / "images")
    measured = read(modality, cohort, tmp_path)
    spec = modality.fit(measured, TRAIN, weight=row_weights(cohort.patient_id, TRAIN))
    return modality, cohort, measured, spec


def stored(state: FittedState) -> FittedState:
    """The state through JSON and through arrays without pickle, as a model folder keeps it."""
    values = json.loads(json.dumps(dict(state.values), allow_nan=False))
    buffer = io.BytesIO()
    arrays_of_state: dict[str, Any] = dict(state.arrays)
    np.savez(buffer, **arrays_of_state)
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as arrays:
        return FittedState(values, {key: arrays[key] for key in arrays})


def test_one_public_class_with_a_line_for_the_list(name: str) -> None:
    kind = registry.find("modalities", name, Modality)
    line = registry.describe("modalities")[name]
    assert 10 < len(line) <= 100
    assert line.endswith(".")
    tree = ast.parse(Path(inspect.getfile(kind)).read_text(encoding="utf-8"))
    bases = [
        [ast.unparse(base) for base in n.bases] for n in tree.body if isinstance(n, ast.ClassDef)
    ]
    assert sum("Modality" in base for base in bases) == 1
    assert kind.layout in get_args(Layout)


def test_settings_are_typed_keywords_without_null(name: str) -> None:
    kind = registry.find("modalities", name, Modality)
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    assert parameters
    for parameter in parameters:
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter.name
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name
        assert parameter.default is not None, parameter.name
        assert f"{parameter.name}:" in (kind.__doc__ or ""), f"{parameter.name} is not described"


def test_present_is_one_answer_per_row(name: str, tmp_path: Path) -> None:
    measured = read(build(name), make_cohort(tmp_path / "images"), tmp_path)
    assert measured.present.dtype == np.bool_
    assert measured.present.shape == (N_ROWS,)
    assert measured.present.any()


def happened(arrays: np.ndarray, layout: Layout) -> np.ndarray:
    """Arrays without the visits that did not happen, which are NaN as a whole."""
    return arrays[~np.isnan(arrays).all(axis=2)] if layout == "tokens" else arrays


def test_arrays_have_the_promised_shape_and_are_finite(name: str, tmp_path: Path) -> None:
    modality, _, measured, spec = fitted(name, tmp_path)
    assert spec.layout == modality.layout
    assert len(spec.names) in (0, spec.sizes[-1] if spec.layout == "tokens" else spec.sizes[0])
    rows = np.arange(N_ROWS)
    arrays = modality.arrays(measured, rows)
    assert arrays.shape == (N_ROWS, *spec.sizes)
    assert np.isfinite(happened(arrays[measured.present], spec.layout)).all()
    assert modality.arrays(measured, rows[:0]).shape == (0, *spec.sizes)


def test_finish_gives_floats_of_the_same_shape(name: str, tmp_path: Path) -> None:
    import torch

    modality, _, measured, spec = fitted(name, tmp_path)
    batch = torch.from_numpy(modality.arrays(measured, np.flatnonzero(measured.present)))
    before = batch.clone()
    for generator in (None, torch.Generator().manual_seed(1)):
        finished = modality.finish(batch, generator=generator)
        assert finished.dtype == torch.float32
        assert finished.shape == (int(measured.present.sum()), *spec.sizes)
        assert np.isfinite(happened(finished.numpy(), spec.layout)).all()
    assert torch.equal(batch.nan_to_num(nan=-9.0), before.nan_to_num(nan=-9.0))


def test_fit_sees_the_given_rows_only(name: str, tmp_path: Path) -> None:
    modality, cohort, measured, _ = fitted(name, tmp_path)
    other = make_cohort(tmp_path / "other", seed=2)
    mixed = Cohort(
        name="mixed", patient_id=cohort.patient_id, unit_id=cohort.unit_id,
        columns={
            column: (*cells[: len(TRAIN)], *other.columns[column][len(TRAIN) :])
            for column, cells in cohort.columns.items()
        },
        files={"it": (*cohort.files["it"][: len(TRAIN)], *other.files["it"][len(TRAIN) :])},
        line=cohort.line, table=cohort.table, root=tmp_path / "mixed",
    )  # fmt: skip
    last = int(cohort.patient_id[TRAIN[-1]].removeprefix("P"))
    seeds = [1 if k <= last else 2 for k in range(N_ROWS // 2)]
    write_genes(mixed.root, seeds)
    write_visits(mixed.root, seeds)
    again = build(name)
    changed = read(again, mixed, tmp_path)
    again.fit(changed, TRAIN, weight=row_weights(mixed.patient_id, TRAIN))
    assert json.dumps(again.state().values) == json.dumps(modality.state().values)
    for key, array in modality.state().arrays.items():
        np.testing.assert_array_equal(again.state().arrays[key], array)
    test_rows = np.arange(len(TRAIN), N_ROWS)
    test_rows = test_rows[measured.present[test_rows] & changed.present[test_rows]]
    assert (again.arrays(changed, test_rows) != modality.arrays(measured, test_rows)).any()


def test_a_stored_state_gives_equal_arrays(name: str, tmp_path: Path) -> None:
    modality, cohort, measured, spec = fitted(name, tmp_path)
    restored = build(name)
    assert restored.restore(stored(modality.state())) == spec
    rows = np.flatnonzero(measured.present)
    again = read(restored, cohort, tmp_path)
    np.testing.assert_array_equal(restored.arrays(again, rows), modality.arrays(measured, rows))


def test_rows_come_in_the_order_asked_and_repeat(name: str, tmp_path: Path) -> None:
    modality, _, measured, _ = fitted(name, tmp_path)
    rows = np.flatnonzero(measured.present)[[3, 0, 3, 1]]
    arrays = modality.arrays(measured, rows)
    for row, array in zip(rows, arrays, strict=True):
        np.testing.assert_array_equal(modality.arrays(measured, np.array([row]))[0], array)


def test_permuted_patients_give_permuted_arrays(name: str, tmp_path: Path) -> None:
    modality, _, measured, _ = fitted(name, tmp_path)
    order = np.random.default_rng(5).permutation(N_ROWS)
    permuted = read(modality, make_cohort(tmp_path / "images", order=order), tmp_path)
    np.testing.assert_array_equal(permuted.present, measured.present[order])
    there = np.flatnonzero(permuted.present)
    np.testing.assert_array_equal(
        modality.arrays(permuted, there), modality.arrays(measured, order[there])
    )


def test_a_patient_alone_equals_the_patient_in_a_cohort(name: str, tmp_path: Path) -> None:
    modality, cohort, measured, _ = fitted(name, tmp_path)
    row = int(np.flatnonzero(measured.present)[-1])
    alone = read(modality, cohort.take([row]), tmp_path)
    np.testing.assert_array_equal(
        modality.arrays(alone, np.array([0])), modality.arrays(measured, np.array([row]))
    )
