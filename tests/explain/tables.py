"""Arms of tables and an image whose models are known, for the explainers of tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Picture
from small_study import make_study
from torch import nn

from tumorboard import registry
from tumorboard.cache import Cache
from tumorboard.explain import Asked
from tumorboard.modalities import row_weights
from tumorboard.models.assembly import Network
from tumorboard.records import Cohort
from tumorboard.training.fitted import FittedArm
from tumorboard.training.prepare import build_modality, build_task

MODALITIES = {
    "image": {"kind": "image", "files": "{file}", "size": [16, 16], "encoder": "small_cnn"},
    "second": {"kind": "image", "files": "{file}", "size": [16, 16], "encoder": "small_cnn"},
    "record": {
        "kind": "table", "numeric": ["age", "marker", "size"], "categorical": ["sex"],
        "encoder": {"name": "mlp", "widths": [8, 4]},
    },
    "lab": {
        "kind": "table", "numeric": ["lactate", "glucose"],
        "encoder": {"name": "mlp", "widths": [4]},
    },
}  # fmt: skip


def ask(
    folder: Path,
    *,
    arm: dict[str, Any],
    n_classes: int = 2,
    n: int = 60,
    target: int = 1,
    seed: int = 0,
    image_missing: bool = True,
    labels: np.ndarray | None = None,
) -> Asked:
    """A question about an arm: random weights, or a baseline fitted on the first 40 rows."""
    cohort = _cohort(folder, n=n, n_classes=n_classes, image_missing=image_missing, labels=labels)
    task_table: dict[str, Any] = {"target": "diagnosis"}
    if n_classes == 2:
        task_table["positive"] = "b"
    study = make_study(
        folder, task=task_table, modalities=MODALITIES, arms={"arm": arm, "other": _OTHER}
    )
    task = build_task(study.keys.task)
    outcomes = task.read(cohort)
    chosen = study.arms["arm"]
    train = np.arange(40)
    modalities = {name: build_modality(study.modalities[name]) for name in chosen.modalities}
    with Cache(folder / "cache") as cache:
        measured = {name: m.read(cohort, name=name, cache=cache) for name, m in modalities.items()}
    weight = row_weights(cohort.patient_id, train)
    specs = {name: m.fit(measured[name], train, weight=weight) for name, m in modalities.items()}
    fitted = FittedArm(
        study=study, arm=chosen, modalities=modalities, specs=specs, task=task,
        classes=outcomes.classes, values=dict(outcomes.values), threshold=0.5,
    )  # fmt: skip
    if chosen.baseline is not None:
        settings = {k: v for k, v in chosen.baseline.items() if k != "name"}
        baseline = registry.load("models.baselines", chosen.baseline["name"])(**settings)
        fitted.baseline = baseline  # which vectors it gets depends on it
        baseline.fit(
            fitted.vectors(measured, train), outcomes.target[train],
            weight=weight, n_classes=n_classes, seed=0,
        )  # fmt: skip
    else:
        fitted.network = _network(fitted, measured, n_classes, seed)
    rows = np.arange(40, n)
    rows = rows[fitted.present(measured)[rows].any(axis=1)]
    return Asked(
        fitted=fitted, cohort=cohort, outcomes=outcomes, measured=measured, rows=rows,
        background=train, target=target, rng=np.random.default_rng(0),
    )  # fmt: skip


_OTHER = {"modalities": ["record"], "baseline": {"name": "logistic_regression"}}


def _network(fitted: FittedArm, measured: Any, n_classes: int, seed: int) -> Network:
    """Random weights, with biases and statistics of batch norm that are not 0 and 1."""
    torch.manual_seed(seed)
    network = Network(
        fitted.specs, fitted.arm.encoders, fitted.arm.fusion, n_outputs=n_classes, link="softmax"
    )
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.weight.uniform_(0.5, 2.0)
                module.bias.uniform_(-1.0, 1.0)
        for head in network.heads:
            dict(head.named_parameters())["weight"].mul_(3.0)
    inputs, present = fitted.batch(measured, np.arange(40), torch.device("cpu"))
    network.train()
    for _ in range(5):
        network(inputs, present)
    return network.eval()


def _cohort(
    folder: Path, *, n: int, n_classes: int, image_missing: bool, labels: np.ndarray | None
) -> Cohort:
    """Patients with 4 columns of a record, 2 of a laboratory and an image; some are missing."""
    rng = np.random.default_rng(1)
    outcome = rng.permutation(np.arange(n) % n_classes) if labels is None else labels
    columns: dict[str, list[str | None]] = {name: [] for name in (
        "diagnosis", "age", "marker", "size", "sex", "lactate", "glucose", "file"
    )}  # fmt: skip
    files: list[tuple[Path, ...]] = []
    for i in range(n):
        has_lab = i % 6 != 5
        path = folder / f"{i}.png"
        Picture.fromarray(rng.integers(0, 255, (16, 16)).astype(np.uint8)).save(path)
        columns["diagnosis"].append("abc"[outcome[i]])
        columns["age"].append(f"{rng.normal(50 + 9 * outcome[i], 10):.1f}")
        marker = f"{rng.normal(20 - 4 * outcome[i], 5):.2f}"
        columns["marker"].append(None if i % 9 == 4 else marker)
        columns["size"].append(f"{rng.normal(15, 3):.1f}")
        columns["sex"].append("f" if rng.random() < 0.5 else "m")
        columns["lactate"].append(f"{rng.normal(2, 1):.2f}" if has_lab else None)
        columns["glucose"].append(f"{rng.normal(5, 1):.2f}" if has_lab else None)
        columns["file"].append(path.name)
        files.append(() if image_missing and i % 5 == 3 else (path,))
    ids = tuple(f"P{i}" for i in range(n))
    return Cohort(
        name="tables", patient_id=ids, unit_id=ids,
        columns={name: tuple(cells) for name, cells in columns.items()},
        files={"image": tuple(files), "second": tuple(files)}, line=tuple(range(2, n + 2)),
        table=folder / "patients.csv", root=folder,
    )  # fmt: skip
