"""A complete run folder with believable numbers, in the agreed formats."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from sklearn.metrics import average_precision_score, roc_auc_score

from tumorboard.evaluation.tables import PredictionTable, concatenate, write_predictions
from tumorboard.report.table1 import table_one, write_table_one

#: Arm -> modalities, and how well it separates the classes.
ARMS = {
    "record": (("record",), 0.7),
    "ultrasound": (("ultrasound",), 0.8),
    "fused": (("ultrasound", "record"), 1.15),
    "late": (("ultrasound", "record"), 1.05),
    "logistic": (("record",), 0.65),
}


@dataclass(frozen=True)
class WrittenRun:
    """A run folder and the numbers that were put into it."""

    folder: Path
    table: PredictionTable
    metrics: dict[str, dict[str, dict[str, Any]]]
    comparison: list[dict[str, Any]]


def write_run(
    folder: Path,
    *,
    n_patients: int = 180,
    n_repeats: int = 2,
    n_folds: int = 5,
    classes: tuple[str, ...] = ("benign", "malignant"),
    arms: Sequence[str] = tuple(ARMS),
    first_patient: str = "case000",
    seed: int = 0,
) -> WrittenRun:
    """Write every file of a run folder; the first patient's id is `first_patient`."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    patients = [first_patient, *(f"case{i:03d}" for i in range(1, n_patients))]
    weights = np.linspace(1.5, 1.0, len(classes))
    outcome = rng.choice(len(classes), size=n_patients, p=weights / weights.sum())
    folds = [rng.permutation(n_patients) % n_folds + 1 for _ in range(n_repeats)]
    has_image = rng.random(n_patients) > 0.06
    table = concatenate(
        [
            _arm_table(rng, name, patients, outcome, folds, has_image, tuple(classes))
            for name in arms
        ]
    )
    write_predictions(folder / "predictions.csv", table)
    metrics = {arm: _metrics(table.of_arm(arm), rng) for arm in arms}
    comparison = _comparison(metrics, list(arms), n_patients)
    _json(folder / "metrics.json", metrics)
    _json(folder / "comparison.json", comparison)
    _write_study(folder, classes, arms, n_folds, n_repeats)
    _write_cohort(folder, patients, outcome, classes, rng)
    _write_splits(folder, patients, folds)
    _write_histories(folder, arms, n_repeats, n_folds, rng)
    return WrittenRun(folder, table, metrics, comparison)


def _arm_table(
    rng: np.random.Generator,
    arm: str,
    patients: list[str],
    outcome: np.ndarray,
    folds: list[np.ndarray],
    has_image: np.ndarray,
    classes: tuple[str, ...],
) -> PredictionTable:
    modalities, strength = ARMS[arm]
    needs_image = modalities == ("ultrasound",)
    parts: list[PredictionTable] = []
    for repeat, fold_of in enumerate(folds, start=1):
        for fold in range(1, int(fold_of.max()) + 1):
            validation = fold % int(fold_of.max()) + 1
            rows = np.flatnonzero((fold_of == fold) | (fold_of == validation))
            rows = rows[has_image[rows]] if needs_image else rows
            logits = rng.normal(size=(len(rows), len(classes)))
            logits[np.arange(len(rows)), outcome[rows]] += strength
            p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            present = [
                "+".join(m for m in modalities if m != "ultrasound" or has_image[row])
                for row in rows
            ]
            ids = np.asarray([patients[row] for row in rows])
            parts.append(
                PredictionTable(
                    patient_id=ids,
                    unit_id=ids,
                    arm=np.full(len(rows), arm),
                    repeat=np.full(len(rows), repeat),
                    fold=np.full(len(rows), fold),
                    part=np.where(fold_of[rows] == fold, "test", "validation"),
                    modalities=np.asarray(present),
                    outcome=outcome[rows],
                    outcome_name="Classification",
                    classes=classes,
                    probabilities=p,
                )
            )
    return concatenate(parts)


def _metrics(table: PredictionTable, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    test = table.take(table.part == "test")
    n_classes = len(table.classes)
    asked = [1] if n_classes == 2 else list(range(n_classes))
    n = len(set(test.patient_id.tolist()))
    n_events = len(set(test.patient_id[test.outcome == n_classes - 1].tolist()))

    def estimate(value: float, half: float = 0.06) -> dict[str, Any]:
        low, high = value - half, min(value + half, 1.0)
        return {
            "value": value, "ci_low": low, "ci_high": high, "n_patients": n, "n_events": n_events,
        }  # fmt: skip

    per_class: dict[int, tuple[float, float]] = {}
    for k in asked:
        areas: list[tuple[float, float]] = []
        for repeat in np.unique(test.repeat):
            for fold in np.unique(test.fold):
                rows = (test.repeat == repeat) & (test.fold == fold)
                truth, score = test.outcome[rows] == k, test.probabilities[rows, k]
                areas.append((roc_auc_score(truth, score), average_precision_score(truth, score)))
        auroc, auprc = np.mean(areas, axis=0)
        per_class[k] = (float(auroc), float(auprc))
    metrics = {
        "auroc": estimate(float(np.mean([a for a, _ in per_class.values()]))),
        "auprc": estimate(float(np.mean([a for _, a in per_class.values()]))),
    }
    for name in (
        "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv", "f1",
        "macro_f1", "mcc", "log_loss",
    ):  # fmt: skip
        metrics[name] = estimate(float(rng.uniform(0.6, 0.85)))
    metrics["brier"] = estimate(0.17, 0.03)
    if n_classes > 2:
        for k, name in enumerate(table.classes):
            metrics[f"auroc_{name}"] = estimate(per_class[k][0])
            metrics[f"sensitivity_{name}"] = estimate(float(rng.uniform(0.5, 0.8)))
            metrics[f"ppv_{name}"] = estimate(float(rng.uniform(0.5, 0.8)))
    called = np.argmax(test.probabilities, axis=1)
    n_repeats = len(np.unique(test.repeat))
    for t, true in enumerate(table.classes):
        for p, predicted in enumerate(table.classes):
            count = float(np.sum((test.outcome == t) & (called == p))) / n_repeats
            metrics[f"confusion_{true}_{predicted}"] = estimate(count, 5.0)
    return metrics


def _comparison(
    metrics: dict[str, dict[str, dict[str, Any]]], arms: list[str], n_patients: int
) -> list[dict[str, Any]]:
    pairs = [
        ("fused", "record"),
        *(("fused", arm) for arm in arms if arm not in ("fused", "record")),
    ]
    rows: list[dict[str, Any]] = []
    for metric in ("auroc", "auprc"):
        for arm, reference in pairs:
            difference = metrics[arm][metric]["value"] - metrics[reference][metric]["value"]
            rows.append(
                {
                    "arm": arm, "reference": reference, "metric": metric, "difference": difference,
                    "ci_low": difference - 0.04, "ci_high": difference + 0.04,
                    "p_value": 0.012 if (arm, reference) == pairs[0] else 0.31,
                    "test": "corrected resampled t", "n_patients": n_patients,
                }
            )  # fmt: skip
    return rows


def _write_study(
    folder: Path, classes: tuple[str, ...], arms: Sequence[str], folds: int, repeats: int
) -> None:
    encoders = {
        "ultrasound": {"name": "resnet", "depth": 18, "weights": "none"},
        "record": {"name": "mlp", "widths": [64, 32, 16]},
    }
    tables: dict[str, Any] = {
        "study": {
            "name": "breast-ultrasound",
            "question": "Does the ultrasound image add to age, tissue, signs and symptoms?",
            "seed": 7,
        },
        "cohort": {"source": "folder", "table": "patients.csv", "institution": "none"},
        "task": {
            "kind": "classification", "target": "Classification", "positive": classes[-1],
            "unit": "patient",
        },
        "modalities": {
            "ultrasound": {"kind": "image", "files": "images/{Image_filename}"},
            "record": {"kind": "table", "numeric": ["Age"], "categorical": ["Tissue", "Signs"]},
        },
        "arms": {
            arm: {
                "modalities": list(ARMS[arm][0]),
                "baseline": {"name": "logistic_regression"} if arm == "logistic" else "none",
                "fusion": {"fused": {"name": "gated"}, "late": {"name": "late_average"}}.get(
                    arm, "none"
                ),
                "encoders": {} if arm == "logistic" else {m: encoders[m] for m in ARMS[arm][0]},
            }
            for arm in arms
        },
        "evaluation": {
            "folds": folds, "repeats": repeats, "calibration": "none", "bootstrap": 2000,
            "holdout": [], "external": {}, "locked_test": 0.0,
            "primary": {"arm": "fused", "reference": "record", "metric": "auroc"},
            "threshold": {
                "rule": "youden", "at_least": 0.95, "at": 0.5, "false_negative_cost": 1.0,
                "false_positive_cost": 1.0,
            },
        },
        "audit": {"accept": []},
        "report": {"population": "Women with a breast mass referred for biopsy", "ethics": "none"},
    }  # fmt: skip
    (folder / "study.toml").write_text(tomli_w.dumps(tables), encoding="utf-8")


def _write_cohort(
    folder: Path,
    patients: list[str],
    outcome: np.ndarray,
    classes: tuple[str, ...],
    rng: np.random.Generator,
) -> None:
    n = len(patients)
    age = [None if rng.random() < 0.3 else str(int(rng.integers(22, 85))) for _ in patients]
    tissue = rng.choice(["homogeneous: fat", "heterogeneous", "not stated"], size=n).tolist()
    signs = [None if rng.random() < 0.1 else "palpable" if o else "none" for o in outcome]
    columns: dict[str, list[str | None]] = {"Age": age, "Tissue": tissue, "Signs": signs}
    labels = [str(classes[int(k)]) for k in outcome]
    write_table_one(
        folder / "table1.json",
        table_one(columns, ["Age"], ["Tissue", "Signs"], labels, patients),
    )
    counts = {name: labels.count(name) for name in classes}
    _json(
        folder / "cohort.json",
        {
            "patients": n + 12, "rows": n + 20, "outcome": counts, "outcome_rows": counts,
            "modalities": {
                "ultrasound": {"files": n + 2, "patients": n},
                "record": {"files": 0, "patients": n + 12},
            },
            "missing": {
                name: sum(cell is None for cell in cells) for name, cells in columns.items()
            },
            "flow": [
                {"reason": "Classification is normal (excluded)", "patients": 4, "rows": 4},
                {"reason": "no outcome in column Classification", "patients": 8, "rows": 16},
            ],
            "notes": ["patients.csv was read as UTF-8, separated by commas"],
        },
    )  # fmt: skip
    _json(
        folder / "audit.json",
        [
            {
                "code": "too-few-events", "severity": "warning",
                "message": "18 events for 24 parameters", "patients": [],
                "evidence": {"events": 18},
            },
            {
                "code": "near-duplicate-image", "severity": "warning",
                "message": "two images differ by less than 4 bits of their perceptual hash",
                "patients": patients[:2], "evidence": {"bits": 3},
            },
        ],
    )  # fmt: skip
    _json(
        folder / "environment.json",
        {
            "run_format": 1, "seed": 7, "device": "cpu", "python": "3.11.9",
            "packages": {"torch": "2.13.0", "monai": "1.6.1"},
        },
    )  # fmt: skip
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["path", "sha256", "state", "reason", "modality", "patient_id"])
        for i, patient in enumerate(patients):
            state = "rejected" if i == 3 else "used"
            writer.writerow([f"images/{i}.png", "00", state, "", "ultrasound", patient])


def _write_splits(folder: Path, patients: list[str], folds: list[np.ndarray]) -> None:
    with (folder / "splits.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", "repeat", "fold", "part"])
        for repeat, fold_of in enumerate(folds, start=1):
            for fold in range(1, int(fold_of.max()) + 1):
                for patient, own in zip(patients, fold_of, strict=True):
                    writer.writerow([patient, repeat, fold, "test" if own == fold else "train"])


def _write_histories(
    folder: Path, arms: Sequence[str], repeats: int, folds: int, rng: np.random.Generator
) -> None:
    for arm in arms:
        if arm == "logistic":
            continue
        for repeat in range(1, repeats + 1):
            for fold in range(1, folds + 1):
                path = folder / "models" / arm / f"{repeat}-{fold}" / "history.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                epoch = np.arange(1, int(rng.integers(14, 40)))
                noise = rng.normal(0, 0.02, size=(3, len(epoch)))
                columns = {
                    "epoch": epoch,
                    "train_loss": 0.7 * np.exp(-epoch / 15) + noise[0],
                    "validation_loss": 0.55 * np.exp(-epoch / 9) + 0.2 + 0.004 * epoch + noise[1],
                    "validation_auroc": 0.85 - 0.35 * np.exp(-epoch / 6) + noise[2],
                    "learning_rate": np.full(len(epoch), 1e-4),
                }
                with path.open("w", encoding="utf-8", newline="") as handle:
                    writer = csv.writer(handle)
                    writer.writerow(columns)
                    writer.writerows(zip(*columns.values(), strict=True))


def _json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> WrittenRun:
    """A run with two classes, five arms, two repeats of five folds."""
    return write_run(tmp_path_factory.mktemp("binary"))


@pytest.fixture(scope="session")
def make_run() -> Callable[..., WrittenRun]:
    """The writer itself, for runs of another shape."""
    return write_run
