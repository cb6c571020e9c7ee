"""A run folder of segmentation with made numbers and drawn masks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))

from mask_table import mask_table

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.outcome_comparison import compare_outcomes
from tumorboard.evaluation.outcome_files import write_outcomes
from tumorboard.evaluation.results import write_comparison, write_metrics
from tumorboard.evaluation.scores import evaluate_outcomes
from tumorboard.evaluation.segmentation_evidence import (
    by_case,
    gallery_cases,
    segmentation_document,
)
from tumorboard.report.mask_gallery import DrawnCase, write_gallery
from tumorboard.study_keys import Primary

ARMS = ("dynamic_attention", "image", "concatenation", "static_weights")


def write_mask_run(folder: Path, *, gallery: bool = True, **made: Any) -> Path:
    """Write every file of a run that the report reads.

    Args:
        folder: Where it goes.
        gallery: Draw cases.
        made: Settings of `mask_table`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = mask_table(**made)
    arm = ARMS[0] if ARMS[0] in table.arms else "image"
    primary = Primary.model_construct(arm=arm, reference="image", metric="dice")
    rng = np.random.default_rng(4)
    metrics = evaluate_outcomes("segmentation", table, n_bootstrap=200, rng=rng)
    compared = compare_outcomes("segmentation", table, primary, n_bootstrap=200, rng=rng)
    write_outcomes(folder / "predictions.csv", table)
    write_metrics(folder / "metrics.json", metrics)
    write_comparison(folder / "comparison.json", compared)
    n = len(set(table.patient_id.tolist()))
    columns = {"grade": {f"P{i:02d}": "II" if i % 2 else "III" for i in range(n)}}
    document = segmentation_document(
        table, metrics, primary=primary, rng=rng, columns=columns,
        fusions={arm: arm.replace("_", " ") for arm in ARMS if arm != "image"},
    )  # fmt: skip
    write_evidence(folder, "segmentation", document)
    labels = [name[len("reference_") : -3] for name in table.outcome_names]
    (folder / "study.toml").write_text(tomli_w.dumps(_study(labels)))
    cohort = {
        "patients": n, "rows": n, "flow": [], "missing": {}, "notes": [],
        "modalities": {
            "mri": {"files": n, "patients": n}, "notes": {"files": n, "patients": n},
        },
    }  # fmt: skip
    (folder / "cohort.json").write_text(json.dumps(cohort))
    (folder / "audit.json").write_text("[]")
    if gallery:
        chosen = gallery_cases(table, ARMS[0], n=2)
        reached = {case: dice for case, _, dice in by_case(table, ARMS[0])}
        drawn = [_drawn(case, k, reached[case]) for k, case in enumerate(chosen)]
        write_gallery(folder / "figures" / "cases" / ARMS[0], drawn, chosen)
    return folder


def _study(labels: list[str]) -> dict[str, Any]:
    numbers = {label: i + 1 for i, label in enumerate(labels)}
    unet = {"mri": {"name": "unet"}}
    notes = {"notes": {"name": "language_model"}, "mri": {"name": "unet"}}
    fused = {
        arm: {"modalities": ["mri", "notes"], "encoders": notes, "fusion": {"name": arm}}
        for arm in ARMS
        if arm != "image"
    }
    return {
        "study": {"name": "masks", "seed": 1, "question": "Do the notes help?"},
        "cohort": {"table": "patients.csv"},
        "task": {"kind": "segmentation", "image": "mri", "labels": numbers},
        "modalities": {"mri": {"kind": "image"}, "notes": {"kind": "notes"}},
        "arms": {
            "image": {"modalities": ["mri"], "encoders": unet, "fusion": "none"},
            **fused,
        },
        "training": {"epochs": 30},
        "evaluation": {
            "folds": 5, "primary": {"arm": ARMS[0], "reference": "image", "metric": "dice"},
        },
    }  # fmt: skip


def _drawn(case: str, k: int, dice: float) -> DrawnCase:
    y, x = np.mgrid[:96, :96]
    head = ((x - 48) ** 2 + (y - 48) ** 2) < 42**2
    tumour = ((x - 60) ** 2 / 2 + (y - 40) ** 2) < 90
    said = ((x - 60 + k) ** 2 / 2 + (y - 41 - k) ** 2) < 80
    noise = np.random.default_rng(k).normal(0, 0.03, size=head.shape)
    return DrawnCase(case, np.clip(0.4 * head + 0.35 * tumour + noise, 0, 1), tumour, said, dice)
