"""Every fold's model on its own: its scores and its confusion matrix, inside the study or outside.

A mean over folds hides how far the single models lie apart, and whether the model that did best on
its own test patients does best on other patients as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tumorboard.evaluation.any_table import AnyTable
from tumorboard.evaluation.classification import score
from tumorboard.evaluation.confusion import count_cells
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.scores import score_units
from tumorboard.evaluation.statistic import Thresholds, decide
from tumorboard.study_words import METRICS, METRICS_OF


def fold_models_document(table: AnyTable, thresholds: Thresholds) -> dict[str, Any]:
    """Evidence `fold_models`: what each fitted model scored on its own test patients.

    Layout: `classes` (empty for numbers), `metrics` (names) and `arms` {arm: [one entry per model,
    by repeat and fold: `repeat`, `fold`, `n_patients`, `n_units`, `scores` {metric: value} and, of
    classes, `confusion` (true, called)]}. A score is NaN where it is undefined, such as the AUROC
    of a class that none of the fold's test patients has.

    Args:
        table: Predictions of the run; parts other than `test` are left out.
        thresholds: Decision threshold of each model, by (arm, repeat, fold); 0.5 where absent.
    """
    return {
        "classes": list(table.classes) if isinstance(table, PredictionTable) else [],
        "metrics": list(_metrics(table)),
        "arms": {arm: _of_arm(table.of_arm(arm), thresholds) for arm in table.arms},
    }


def _metrics(table: AnyTable) -> tuple[str, ...]:
    return METRICS_OF[table.kind] if isinstance(table, OutcomeTable) else METRICS


def _of_arm(table: AnyTable, thresholds: Thresholds) -> list[dict[str, Any]]:
    known = table.known if isinstance(table, OutcomeTable) else table.outcome >= 0
    tested = table.take((table.part == "test") & known)
    models = sorted(set(zip(tested.repeat.tolist(), tested.fold.tolist(), strict=True)))
    found: list[dict[str, Any]] = []
    for repeat, fold in models:
        own = tested.take((tested.repeat == repeat) & (tested.fold == fold))
        threshold = thresholds.get((own.arms[0], repeat, fold), 0.5)
        found.append(
            {
                "repeat": repeat,
                "fold": fold,
                "n_patients": len(np.unique(own.patient_id)),
                "n_units": own.n_rows,
                **_scored(own, threshold),
            }
        )
    return found


def _scored(own: AnyTable, threshold: float) -> dict[str, Any]:
    """Scores of one model; of classes its confusion matrix as well."""
    if isinstance(own, OutcomeTable):
        of = (own.kind, own.outcome, own.predictions, own.prediction_names)
        return {"scores": {name: score_units(of[0], name, *of[1:]) for name in _metrics(own)}}
    weight = np.ones(own.n_rows)
    called = decide(own.probabilities, threshold)
    scores: Mapping[str, float] = {
        name: score(
            name, target=own.outcome, probabilities=own.probabilities, weight=weight,
            threshold=threshold,
        )
        for name in METRICS
    }  # fmt: skip
    cells = count_cells(own.outcome, called, weight[None], len(own.classes))[0]
    return {"scores": scores, "confusion": cells.astype(int).tolist()}
