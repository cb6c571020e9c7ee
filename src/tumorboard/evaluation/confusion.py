"""Metrics of decisions: everything that follows from confusion matrices, many at once."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.ratio import ratio
from tumorboard.records import Floats, Ints

#: Metrics that follow from a confusion matrix.
DECISION_METRICS = (
    "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv", "f1", "macro_f1",
    "mcc",
)  # fmt: skip
#: Those that also exist for one class against the rest.
CLASS_METRICS = ("sensitivity", "specificity", "ppv", "npv", "f1")


def count_cells(target: Ints, predicted: Ints, weights: Floats, n_classes: int) -> Floats:
    """Confusion matrices (replicates, true class, predicted class) of weighted units.

    Args:
        target: (n,) true class.
        predicted: (n,) decided class.
        weights: (replicates, n) weight of every unit.
        n_classes: Number of classes K.
    """
    one_hot = np.zeros((len(target), n_classes * n_classes))
    one_hot[np.arange(len(target)), target * n_classes + predicted] = 1.0
    return (weights @ one_hot).reshape(len(weights), n_classes, n_classes)


def class_metrics(cells: Floats) -> dict[str, Floats]:
    """Metrics of each class against the rest: name -> (..., K); see `decision_metrics`."""
    total = cells.sum(axis=(-2, -1))[..., None]
    true_positive = np.diagonal(cells, axis1=-2, axis2=-1)
    false_negative = cells.sum(axis=-1) - true_positive
    false_positive = cells.sum(axis=-2) - true_positive
    true_negative = total - true_positive - false_negative - false_positive
    return {
        "sensitivity": ratio(true_positive, true_positive + false_negative),
        "specificity": ratio(true_negative, true_negative + false_positive),
        "ppv": ratio(true_positive, true_positive + false_positive),
        "npv": ratio(true_negative, true_negative + false_negative),
        "f1": ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative),
    }


def decision_metrics(cells: Floats) -> dict[str, Floats]:
    """Metrics of confusion matrices.

    For two classes the second is the positive one. For more, sensitivity (recall), specificity, PPV
    (precision), NPV and F1 are plain means over the classes. A quotient with nothing below the
    line, such as the PPV when nobody is called positive, is NaN and never 0.

    Args:
        cells: (..., true class, predicted class) counts or weights.

    Returns:
        Name -> (...).

    Source:
        MCC for K classes: Gorodkin, Comput Biol Chem 2004; 28: 367-374.
    """
    each = class_metrics(cells)
    is_binary = cells.shape[-1] == 2
    metrics = {
        name: values[..., 1] if is_binary else values.mean(axis=-1) for name, values in each.items()
    }
    total = cells.sum(axis=(-2, -1))
    correct = np.trace(cells, axis1=-2, axis2=-1)
    true, called = cells.sum(axis=-1), cells.sum(axis=-2)
    covariance = correct * total - (true * called).sum(axis=-1)
    spread = (total**2 - (true**2).sum(axis=-1)) * (total**2 - (called**2).sum(axis=-1))
    metrics["accuracy"] = ratio(correct, total)
    metrics["balanced_accuracy"] = each["sensitivity"].mean(axis=-1)
    metrics["macro_f1"] = each["f1"].mean(axis=-1)
    metrics["mcc"] = ratio(covariance, np.sqrt(spread))
    return metrics
