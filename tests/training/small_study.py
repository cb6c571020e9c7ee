"""A small study in memory: images with a bright square and a table, both about the outcome."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tumorboard.cache import Cache
from tumorboard.records import Cohort, Part, Split
from tumorboard.study import Study
from tumorboard.training.prepare import Prepared, build_modality, build_task

N_PATIENTS = 60


def make_study(folder: Path, **tables: Any) -> Study:
    """A study with an image and a record; `tables` replace whole tables."""
    base: dict[str, Any] = {
        "study": {"name": "small", "seed": 1},
        "cohort": {"table": "patients.csv"},
        "task": {"target": "diagnosis", "positive": "malignant"},
        "modalities": {
            "image": {
                "kind": "image", "files": "{file}", "size": [32, 32], "encoder": "small_cnn",
            },
            "record": {
                "kind": "table", "numeric": ["age"], "categorical": ["sex"],
                "encoder": {"name": "mlp", "widths": [8, 4]},
            },
        },
        "arms": {
            "record": {"modalities": ["record"]},
            "fused": {"modalities": ["image", "record"], "fusion": "gated"},
            "late": {"modalities": ["image", "record"], "fusion": "late_average"},
            "logistic": {
                "modalities": ["record"], "baseline": {"name": "logistic_regression"},
            },
        },
        "training": {
            "epochs": 5, "modality_dropout": 0.2, "optimizer": {"learning_rate": 1e-3},
            "schedule": {"name": "plateau", "patience": 0}, "stop": {"patience": 3},
        },
        "runtime": {"precision": "32", "device": "cpu"},
    }  # fmt: skip
    return Study.from_tables({**base, **tables}, path=folder / "study.toml")


def make_cohort(folder: Path, *, rows_per_patient: int = 1) -> Cohort:
    """Patients P0.. with one or more image rows each; every fifth image and seventh age missing."""
    rng = np.random.default_rng(0)
    outcome = rng.permutation(np.arange(N_PATIENTS) % 2)
    ids: list[str] = []
    cells: dict[str, list[str | None]] = {"diagnosis": [], "age": [], "sex": [], "file": []}
    files: list[tuple[Path, ...]] = []
    for patient in range(N_PATIENTS):
        age = f"{rng.normal(50 + 8 * outcome[patient], 10):.1f}" if patient % 7 else None
        sex = "f" if rng.random() < 0.5 else "m"
        for row in range(rows_per_patient):
            pixels = rng.normal(100, 20, (36, 36))
            pixels[8:20, 8:20] += 50 * outcome[patient]
            path = folder / f"{patient}-{row}.png"
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
            ids.append(f"P{patient}")
            files.append((path,) if patient % 5 else ())
            cells["diagnosis"].append("malignant" if outcome[patient] else "benign")
            cells["age"].append(age)
            cells["sex"].append(sex)
            cells["file"].append(path.name)
    return Cohort(
        name="small",
        patient_id=tuple(ids),
        unit_id=tuple(ids),
        columns={name: tuple(column) for name, column in cells.items()},
        files={"image": tuple(files)},
        line=tuple(range(2, len(ids) + 2)),
        table=folder / "patients.csv",
        root=folder,
    )


def make_prepared(study: Study, cohort: Cohort, folder: Path) -> Prepared:
    """The cohort read and measured, nothing left out."""
    outcomes = build_task(study.keys.task).read(cohort)
    with Cache(folder / "cache") as cache:
        measured = {
            name: build_modality(table).read(cohort, name=name, cache=cache)
            for name, table in study.modalities.items()
        }
    return Prepared(cohort, outcomes, measured, cohort, outcomes, measured, (), ())


def make_split(cohort: Cohort) -> Split:
    """36 patients train, 12 validate, 12 test."""
    parts: dict[str, Part] = {}
    for number, patient in enumerate(cohort.patients):
        parts[patient] = "train" if number < 36 else "validation" if number < 48 else "test"
    return Split(1, 1, parts)
