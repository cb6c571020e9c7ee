"""How much a metric falls without a feature: of one model, and of several folds as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.evaluation.explanation_table import ImportanceRow
from tumorboard.records import Floats

#: Importances that are read from trees alone.
TREE_SHARES = ("gain", "frequency")
#: Importances that no metric has a part in: share of the trees' whole, size of attributions.
SHARES: Mapping[str, str] = {
    "gain": "share of the gain of all splits",
    "frequency": "share of the number of all splits",
    "attribution": "mean size of the move of the output (of classes: log-odds)",
}


@dataclass(frozen=True)
class Importance:
    """How much a metric falls when one feature is made useless, over the patients asked about.

    Args:
        modalities: (F,) modality of each feature.
        features: (F,) names.
        drop: (F,) mean fall of the metric, or the share; of several folds, over those that have the
            feature.
        ci_low: (F,) lower limit of the 95 % interval; NaN where a fold has none.
        ci_high: (F,) upper limit.
        metric: Which metric, or a name of `SHARES`.
    """

    modalities: tuple[str, ...]
    features: tuple[str, ...]
    drop: Floats
    ci_low: Floats
    ci_high: Floats
    metric: str


def join_importance(rows: Sequence[ImportanceRow]) -> Importance:
    """Mean fall of each feature over folds, of one arm and explainer.

    Test patients of two folds are never the same, so the standard errors of the folds, read from
    their intervals, are added as those of independent samples. That training patients overlap makes
    the interval somewhat too narrow. Of several numbers explained in one fold, which are of the
    same patients, the mean is that fold's: its error is taken to be theirs, and not smaller.
    """
    groups: dict[tuple[str, str], dict[tuple[int, int], list[ImportanceRow]]] = {}
    for row in rows:
        of_folds = groups.setdefault((row.modality, row.feature), {})
        of_folds.setdefault((row.repeat, row.fold), []).append(row)
    each = [[_of_fold(own) for own in of_folds.values()] for of_folds in groups.values()]
    drop: Floats = np.asarray(
        [np.mean([own for own, _ in folds]) for folds in each], dtype=np.float64
    )
    half: Floats = np.asarray(
        [np.sqrt(sum(own**2 for _, own in folds)) / len(folds) for folds in each],
        dtype=np.float64,
    )
    return Importance(
        modalities=tuple(modality for modality, _ in groups),
        features=tuple(feature for _, feature in groups),
        drop=drop,
        ci_low=drop - half,
        ci_high=drop + half,
        metric=rows[0].metric,
    )


def _of_fold(rows: Sequence[ImportanceRow]) -> tuple[float, float]:
    """Fall of one feature in one fold, and half the width of its interval."""
    drop = float(np.mean([row.drop for row in rows]))
    return drop, float(np.mean([(row.ci_high - row.ci_low) / 2 for row in rows]))
