"""From a table of segmentations to metrics with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.estimates import MIN_PATIENTS, without_interval
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.segmentation_statistic import SegmentationStatistic
from tumorboard.records import Estimate, Floats

_NAN = float("nan")


def evaluate_segmentation(
    table: OutcomeTable, *, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, dict[str, Estimate]]:
    """Metrics of every arm on its test patients, with patient bootstrap intervals.

    `n_patients` of an estimate are those behind its mean; the method says how many are excluded
    because the metric does not apply to them (both masks are empty). Under 10 patients there is no
    interval.
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
    statistic, n = SegmentationStatistic(units), len(units.patients)
    values = statistic(np.ones((1, n)))[0].tolist()
    drawn = np.zeros((0, len(values)))
    if n_bootstrap and n >= MIN_PATIENTS:
        drawn = bootstrap(statistic, n_patients=n, n_replicates=n_bootstrap, rng=rng)
    return {
        name: mean_estimate(
            values[k], drawn[:, k], n=statistic.n_defined(k), n_excluded=statistic.n_excluded(k)
        )
        for k, name in enumerate(statistic.names)
    }


def mean_estimate(value: float, drawn: Floats, *, n: int, n_excluded: int) -> Estimate:
    """A mean over patients with the percentile interval of its resamples.

    Args:
        value: The mean.
        drawn: (replicates,) the same in every resample; empty where none was asked for.
        n: Patients behind it.
        n_excluded: Patients to whom the metric does not apply.
    """
    if np.isnan(value):
        return Estimate(_NAN, _NAN, _NAN, n, 0, "undefined")
    tail = f"; patients excluded because it does not apply: {n_excluded}" if n_excluded else ""
    if n < MIN_PATIENTS:
        return without_interval(Estimate(value, _NAN, _NAN, n, 0))
    if not len(drawn):
        return Estimate(value, _NAN, _NAN, n, 0, f"no interval asked{tail}")
    low, high, n_undefined = percentile_interval(drawn)
    method = f"patient bootstrap, {len(drawn)} replicates"
    if n_undefined:
        method += f" ({n_undefined} undefined and left out)"
    if low == high:  # an interval without width would look like certainty
        low, high, method = _NAN, _NAN, f"{method}: every replicate is equal"
    return Estimate(value, low, high, n, 0, f"{method}{tail}")


def score_segmentation(metric: str, predictions: Floats, names: Sequence[str]) -> float:
    """One metric of units that weigh 1 each; NaN where it applies to none.

    Args:
        metric: A study's word such as `hd95`, or the metric's name.
        predictions: (n, P).
        names: Their columns.
    """
    n, ones = len(predictions), np.ones(len(predictions), dtype=np.int64)
    units = OutcomeUnits(
        patients=tuple(map(str, range(n))), patient=np.arange(n), repeat=ones, fold=ones,
        outcome=np.zeros((n, 0)), predictions=predictions, outcome_names=(), names=tuple(names),
    )  # fmt: skip
    return float(SegmentationStatistic(units, (metric,))(np.ones((1, n)))[0, 0])
