"""Every metric of a regression as a function of its patients' weights, for many at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.ratio import mean_of_defined, ratio
from tumorboard.records import Floats, Ints

#: Metrics of a target, in the order of the report.
METRICS = ("r2", "spearman", "pearson", "mae", "rmse")
#: Metrics that compare units with each other, and so only units scored by the same fitted model.
_RANK_METRICS = ("spearman", "pearson")


class RegressionStatistic:
    """Metrics of one arm for many weightings of its patients at once.

    Correlations are computed within repeat and fold and averaged. Errors and R2 are computed over
    the pooled folds of each repeat and averaged over repeats. R2 is one minus the squared error
    over that of predicting the mean of the same patients, so that it is below 0 for a model worse
    than the mean. Spearman's ranks are those of the units as they are, and resamples weigh
    the correlation of these ranks.
    Several targets: the mean over them, and `<metric>_<target>`.

    Args:
        units: What was scored; outcomes and predictions in the same order.
        metrics: Names wanted; empty for all.
    """

    def __init__(self, units: OutcomeUnits, metrics: Sequence[str] = ()) -> None:
        self._targets = units.outcome_names
        self.names: tuple[str, ...] = tuple(metrics) or all_names(self._targets)
        self._units = units
        self._repeats = sorted(set(units.repeat.tolist()))

    def __call__(self, weights: Floats) -> Floats:
        """Values (replicates, names) of weights (replicates, patients)."""
        values: dict[str, Floats] = {}
        for k, target in enumerate(self._targets):
            values |= {f"{m}_{target}": v for m, v in self._of_target(weights, k).items()}
        for metric in METRICS:
            each = [values[f"{metric}_{target}"] for target in self._targets]
            values[metric] = np.mean(each, axis=0)
        return np.stack([values[name] for name in self.names], axis=1)

    def _of_target(self, weights: Floats, k: int) -> dict[str, Floats]:
        pooled = [self._errors(weights, k, self._rows(repeat)) for repeat in self._repeats]
        found = {name: np.mean([p[name] for p in pooled], axis=0) for name in pooled[0]}
        for metric in _RANK_METRICS:
            by_repeat: dict[int, list[Floats]] = {}
            for repeat, fold in self._units.models:
                value = self._correlation(weights, k, self._units.of_model(repeat, fold), metric)
                by_repeat.setdefault(repeat, []).append(value)
            found[metric] = mean_of_defined(
                np.stack([mean_of_defined(np.stack(each)) for each in by_repeat.values()])
            )
        return found

    def _rows(self, repeat: int) -> Ints:
        return np.flatnonzero(self._units.repeat == repeat)

    def _errors(self, weights: Floats, k: int, rows: Ints) -> dict[str, Floats]:
        units = self._units
        truth, said = units.outcome[rows, k], units.predictions[rows, k]
        w = weights[:, units.patient[rows]]
        total = w.sum(axis=1)
        squared = ratio(w @ (truth - said) ** 2, total)
        mean = ratio(w @ truth, total)
        spread = ratio(w @ truth**2, total) - mean**2
        # rounding leaves a spread of about 1e-16 where every truth is the same
        spread = np.where(spread > 1e-12 * (1 + mean**2), spread, 0.0)
        return {
            "r2": 1 - ratio(squared, spread),
            "mae": ratio(w @ np.abs(truth - said), total),
            "rmse": np.sqrt(squared),
        }

    def _correlation(self, weights: Floats, k: int, rows: Ints, metric: str) -> Floats:
        from scipy.stats import rankdata

        units = self._units
        pair = units.outcome[rows, k], units.predictions[rows, k]
        truth, said = (rankdata(v) for v in pair) if metric == "spearman" else pair
        w = weights[:, units.patient[rows]]
        total = w.sum(axis=1, keepdims=True)
        share = ratio(w, np.broadcast_to(total, w.shape))
        x = truth - (share @ truth)[:, None]
        y = said - (share @ said)[:, None]
        covariance = (share * x * y).sum(axis=1)
        spread = np.sqrt((share * x**2).sum(axis=1) * (share * y**2).sum(axis=1))
        scale = 1e-12 * (1 + np.abs(truth).max(initial=0.0) * np.abs(said).max(initial=0.0))
        return ratio(covariance, np.where(spread > scale, spread, 0.0))


def all_names(targets: Sequence[str]) -> tuple[str, ...]:
    """Names of every metric, in the order of the report."""
    each = tuple(f"{m}_{t}" for m in METRICS for t in targets) if len(targets) > 1 else ()
    return (*METRICS, *each)
