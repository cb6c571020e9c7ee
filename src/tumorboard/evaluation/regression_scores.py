"""From a table of predicted numbers to metrics with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import StudyError, nearest
from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.estimates import MIN_PATIENTS, without_interval
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.regression_statistic import METRICS, RegressionStatistic
from tumorboard.records import Estimate, Floats


def score_regression(metric: str, target: NDArray[Any], predictions: Floats) -> float:
    """One metric of units scored by one fitted model; the definitions are those of the report.

    Args:
        metric: `r2`, `spearman`, `pearson`, `mae` or `rmse`; the mean over several targets.
        target: (n,) or (n, K).
        predictions: (n, K).

    Raises:
        StudyError: No such metric.
    """
    if metric not in METRICS:
        raise StudyError(f"{metric!r} is not a metric of a regression. {nearest(metric, METRICS)}")
    n = len(predictions)
    if n == 0:
        return float("nan")
    outcome = np.asarray(target, dtype=np.float64).reshape(n, -1)
    names = tuple(str(k) for k in range(outcome.shape[1]))
    one = np.ones(n, dtype=np.int64)
    units = OutcomeUnits(
        tuple(map(str, range(n))), np.arange(n), one, one, outcome, predictions, names, names
    )
    return float(RegressionStatistic(units, (metric,))(np.ones((1, n)))[0, 0])


def evaluate_regression(
    table: OutcomeTable, *, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, dict[str, Estimate]]:
    """Metrics of every arm on its test patients, with patient bootstrap intervals.

    Under 10 patients intervals are empty. `n_events` is 0: a number has none.
    """
    seed = int(rng.integers(2**63))
    found: dict[str, dict[str, Estimate]] = {}
    for arm in table.arms:
        units = OutcomeUnits.of(table.of_arm(arm))
        if len(units.patients):
            found[arm] = _estimates(units, n_bootstrap, np.random.default_rng(seed))
    return found


def _estimates(
    units: OutcomeUnits, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, Estimate]:
    statistic, n = RegressionStatistic(units), len(units.patients)
    values = statistic(np.ones((1, n)))[0].tolist()
    if n < MIN_PATIENTS:
        few = (Estimate(value, value, value, n, 0) for value in values)
        return {k: without_interval(v) for k, v in zip(statistic.names, few, strict=True)}
    drawn = bootstrap(statistic, n_patients=n, n_replicates=n_bootstrap, rng=rng)
    found: dict[str, Estimate] = {}
    for k, name in enumerate(statistic.names):
        low, high, n_undefined = percentile_interval(drawn[:, k])
        method = f"patient bootstrap, {n_bootstrap} replicates"
        if n_undefined:
            method += f" ({n_undefined} undefined and left out)"
        if np.isnan(values[k]):
            low, high, method = np.nan, np.nan, "undefined"
        found[name] = Estimate(values[k], low, high, n, 0, method)
    return found
