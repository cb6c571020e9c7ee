"""Metrics of any task: which module of this folder computes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.classification import score
from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.regression_scores import evaluate_regression, score_regression
from tumorboard.evaluation.regression_statistic import all_names
from tumorboard.evaluation.segmentation_scores import evaluate_segmentation, score_segmentation
from tumorboard.evaluation.survival_scores import evaluate_survival, score_survival
from tumorboard.evaluation.survival_statistic import horizons_of, survival_names
from tumorboard.records import Estimate, Floats

#: Task -> the metric that stands for its loss where settings of different losses are compared.
LOSS_OF: Mapping[str, str] = {
    "classification": "log_loss",
    "regression": "rmse",
}


def score_units(
    kind: str, metric: str, target: NDArray[Any], predictions: Floats, names: tuple[str, ...]
) -> float:
    """One metric of units scored by one fitted model; NaN where it is undefined.

    Args:
        kind: The task.
        metric: One of the task's metrics.
        target: (n, ...) as the task reads it.
        predictions: (n, P) as the task predicts.
        names: Columns of the predictions.
    """
    if kind == "survival":
        return score_survival(metric, target=target, predictions=predictions, names=names)
    if kind == "regression":
        return score_regression(metric, target, predictions)
    if kind == "segmentation":
        return score_segmentation(metric, predictions, names)
    weight = np.ones(len(predictions))
    return score(metric, target=target.astype(np.int64), probabilities=predictions, weight=weight)


def evaluate_outcomes(
    kind: str, table: OutcomeTable, *, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, dict[str, Estimate]]:
    """Arm -> metric -> estimate with its interval by patients, of a task of numbers.

    Args:
        kind: `survival`, `regression` or `segmentation`.
        table: Predictions of all arms.
        n_bootstrap: Resamples of the patients.
        rng: Source of the resamples.
    """
    evaluate = {
        "survival": evaluate_survival,
        "segmentation": evaluate_segmentation,
        "regression": evaluate_regression,
    }[kind]
    return evaluate(table, n_bootstrap=n_bootstrap, rng=rng)


def metrics_of_numbers(table: OutcomeTable) -> tuple[str, ...]:
    """Names of every metric that a table of numbers has."""
    if table.kind == "survival":
        return survival_names(horizons_of(table.prediction_names))
    if table.kind == "segmentation":
        return MaskColumns.of(table.prediction_names).metrics
    return all_names(table.outcome_names)
