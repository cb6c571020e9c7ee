"""Every metric of a classification, as one number or with its interval."""

from __future__ import annotations

import numpy as np

from tumorboard.errors import StudyError, nearest
from tumorboard.evaluation.confusion import DECISION_METRICS, count_cells, decision_metrics
from tumorboard.evaluation.ranking import Ranking
from tumorboard.evaluation.ratio import ratio
from tumorboard.records import Floats, Ints
from tumorboard.study_keys import METRICS

#: Metrics that compare units with each other, and so only units scored by the same fitted model.
RANK_METRICS = ("auroc", "auprc")


def score(
    metric: str, *, target: Ints, probabilities: Floats, weight: Floats, threshold: float = 0.5
) -> float:
    """One metric of units scored by one fitted model; the definitions are those of the report.

    Args:
        metric: A name of `study_keys.METRICS`.
        target: (n,) class index; with two classes, class 1 is the positive one.
        probabilities: (n, K) summing to 1.
        weight: (n,) weight of every unit, such as 1 / number of rows of its patient.
        threshold: With two classes, units with a probability at or above it are called positive.

    Returns:
        The metric; NaN where it is undefined, such as an AUROC of one class or a PPV of no calls.

    Raises:
        StudyError: No such metric.
    """
    if metric not in METRICS:
        raise StudyError(f"{metric!r} is not a metric. {nearest(metric, METRICS)}")
    if len(target) == 0:
        return float("nan")
    weights = np.asarray(weight, dtype=np.float64)[None]
    if metric in RANK_METRICS:
        return float(rank_metric(metric, target, probabilities, weights).mean())
    if metric in DECISION_METRICS:
        predicted = decide(probabilities, threshold)
        cells = count_cells(target, predicted, weights, probabilities.shape[1])
        return float(decision_metrics(cells)[metric][0])
    losses = unit_losses(target, probabilities)[metric]
    return float(ratio(weights @ losses, weights.sum(axis=1))[0])


def decide(probabilities: Floats, threshold: float | Floats) -> Ints:
    """Class of every unit: by the threshold for two classes, else the largest probability."""
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= threshold).astype(np.int64)
    return np.argmax(probabilities, axis=1).astype(np.int64)


def rank_metric(metric: str, target: Ints, probabilities: Floats, weights: Floats) -> Floats:
    """AUROC or average precision of one fitted model, one column per class that is asked about.

    Args:
        metric: `auroc` or `auprc`.
        target: (n,) class index.
        probabilities: (n, K).
        weights: (replicates, n).

    Returns:
        (replicates, 1) for two classes, of class 1; else (replicates, K), each class against the
        rest. NaN where the class or the rest has no weight.
    """
    n_classes = probabilities.shape[1]
    columns: list[Floats] = []
    for k in (1,) if n_classes == 2 else range(n_classes):
        ranking = Ranking(target == k, probabilities[:, k])
        columns.append(
            ranking.auroc(weights) if metric == "auroc" else ranking.average_precision(weights)
        )
    return np.stack(columns, axis=1)


def unit_losses(target: Ints, probabilities: Floats) -> dict[str, Floats]:
    """Brier score and log loss of every unit.

    Two classes: (p - y)^2 of the positive one; more: the sum over the classes (Brier 1950), as
    scikit-learn's `brier_score_loss`. What happened at probability 0 counts as machine epsilon.
    """
    rows = np.arange(len(target))
    squared = (probabilities - np.eye(probabilities.shape[1])[target]) ** 2
    brier = squared[:, 1] if probabilities.shape[1] == 2 else squared.sum(axis=1)
    floor = np.finfo(np.float64).eps
    return {"brier": brier, "log_loss": -np.log(np.clip(probabilities[rows, target], floor, 1.0))}
