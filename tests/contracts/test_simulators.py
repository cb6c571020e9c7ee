"""What every simulator must do, whatever it simulates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tumorboard import registry
from tumorboard.cache import Cache
from tumorboard.simulators import Simulator
from tumorboard.study import Study
from tumorboard.training.prepare import prepare

#: Settings that make a simulator's files small.
SMALL: dict[str, dict[str, Any]] = {
    "histology": {"size": (96, 128), "images_per_patient": 1},
    "brain_mri": {"size": (24, 28, 24)},
    "chest_ct_series": {"size": (32, 32, 16), "visits": 2},
    "image_table": {"size": (32, 32)},
    "mimic_iv": {"lab_events": 2},
    "radiogenomics": {"size": (32, 32, 16), "genes": 700},
}

simulators = pytest.mark.parametrize("name", registry.names("simulators"))


def written(name: str, folder: Path, *, n_patients: int = 12, seed: int = 5) -> Path:
    folder.mkdir()
    simulator = registry.load("simulators", name)
    simulator(**SMALL.get(name, {})).write(folder, n_patients=n_patients, seed=seed)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@simulators
def test_settings_resolve_to_their_defaults(name: str) -> None:
    component = registry.load("simulators", name)
    assert issubclass(component, Simulator)
    component(**registry.resolve(component, {}, where=name))


@simulators
def test_same_seed_same_bytes(name: str, tmp_path: Path) -> None:
    first = bytes_of(written(name, tmp_path / "first"))
    assert first == bytes_of(written(name, tmp_path / "second"))
    assert first != bytes_of(written(name, tmp_path / "third", seed=6))


@simulators
def test_its_study_runs_as_it_is(name: str, tmp_path: Path) -> None:
    folder = written(name, tmp_path / "cohort")
    study = Study.load(folder / "study.toml")
    with Cache(tmp_path / "cache") as cache:
        prepared = prepare(study, folder, cache=cache)
    assert len(prepared.cohort.patients) == 12
    assert not prepared.cohort.rejections
    used = {record.path.name for record in prepared.records if record.state == "used"}
    images = folder / "images"
    assert {path.name for path in images.glob("*")} <= used
    assert used


def header_of(folder: Path) -> list[str]:
    """Columns of the cohort table, as whoever runs the study may use them."""
    study = Study.load(folder / "study.toml")
    with Cache(folder.parent / "cache") as cache:
        return list(prepare(study, folder, cache=cache).cohort.columns)


@simulators
def test_truth_is_kept_from_the_cohort_table(name: str, tmp_path: Path) -> None:
    folder = written(name, tmp_path / "cohort")
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["simulator"] == name
    bounds = [bound["value"] for bound in truth["best_auroc"].values()]
    assert all(0.5 <= bound <= 1.0 for bound in bounds)
    header = header_of(folder)
    hidden = (folder / "truth_patients.csv").read_text().split("\n", 1)[0].split(",")
    assert hidden[0] == "patient_id"
    assert set(header) & set(hidden) <= {"patient_id"}
