"""From a table of survival predictions to metrics with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.estimates import MIN_PATIENTS, without_interval
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.survival_statistic import SurvivalStatistic
from tumorboard.records import Estimate, Floats

_NAN = float("nan")


def evaluate_survival(
    table: OutcomeTable, *, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, dict[str, Estimate]]:
    """Metrics of every arm on its test patients, with patient bootstrap intervals.

    Args:
        table: Predictions; only test rows with a known outcome are read.
        n_bootstrap: Resamples of the patients; 0 gives no intervals.
        rng: Source of the draws; every arm sees draws from the same state.

    Returns:
        Arm -> metric -> estimate; arms without test patients are left out.
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
    statistic, n = SurvivalStatistic(units), len(units.patients)
    values = statistic(np.ones((1, n)))[0]
    drawn = np.zeros((0, len(values)))
    if n_bootstrap and n >= MIN_PATIENTS:
        drawn = bootstrap(statistic, n_patients=n, n_replicates=n_bootstrap, rng=rng)
    n_events = n_patients_with_event(units)
    return {
        name: _estimate(float(values[k]), drawn[:, k], n, n_events)
        for k, name in enumerate(statistic.names)
    }


def _estimate(value: float, drawn: Floats, n_patients: int, n_events: int) -> Estimate:
    estimate = Estimate(value, _NAN, _NAN, n_patients, n_events, "undefined")
    if np.isnan(value):
        return estimate
    if n_patients < MIN_PATIENTS:
        return without_interval(estimate)
    if not len(drawn):
        return Estimate(value, _NAN, _NAN, n_patients, n_events, "no interval asked")
    low, high, n_undefined = percentile_interval(drawn)
    method = f"patient bootstrap, {len(drawn)} replicates"
    if n_undefined:
        method += f" ({n_undefined} undefined and left out)"
    if low == high:  # an interval without width would look like certainty
        low, high, method = _NAN, _NAN, f"{method}: every replicate is equal"
    return Estimate(value, low, high, n_patients, n_events, method)


def n_patients_with_event(units: OutcomeUnits) -> int:
    """Patients with an event in one of their units."""
    return len(np.unique(units.patient[units.outcome[:, 1] > 0]))


def score_survival(
    metric: str, *, target: Floats, predictions: Floats, names: Sequence[str]
) -> float:
    """One metric of validation patients, each weighing 1; NaN where it is not defined.

    Args:
        metric: Name of a metric of `SurvivalStatistic`.
        target: (n, 2) time in days and 1 where the event was seen.
        predictions: (n, P).
        names: Their columns: `risk_score`, `survival_<days>`.
    """
    n, ones = len(target), np.ones(len(target), dtype=np.int64)
    units = OutcomeUnits(
        patients=tuple(str(i) for i in range(n)), patient=np.arange(n), repeat=ones, fold=ones,
        outcome=np.asarray(target, dtype=np.float64), predictions=predictions,
        outcome_names=("time_days", "event"), names=tuple(names),
    )  # fmt: skip
    return float(SurvivalStatistic(units, (metric,))(np.ones((1, n)))[0, 0])
