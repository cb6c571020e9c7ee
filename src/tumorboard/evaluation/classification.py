"""Every metric of a classification, as one number or with its interval.

Metrics weigh each unit 1: a prediction is about the unit, which is the patient unless the study
says `unit = "row"` (a lesion, a visit). Decision thresholds are chosen by the same rule on the
validation units. Intervals resample patients, so that units of one patient stay together.
"""

from __future__ import annotations

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.evaluation.bootstrap import bootstrap
from tumorboard.evaluation.confusion import DECISION_METRICS, count_cells, decision_metrics
from tumorboard.evaluation.estimates import (
    MIN_PATIENTS,
    Counts,
    bootstrap_estimate,
    leading_estimate,
    without_interval,
)
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.ratio import ratio
from tumorboard.evaluation.results import write_metrics
from tumorboard.evaluation.statistic import (
    RANK_METRICS,
    ArmStatistic,
    ScoredUnits,
    Thresholds,
    decide,
    rank_metric,
    rankings,
    unit_losses,
)
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Estimate, Floats, Ints
from tumorboard.study_keys import METRICS, Threshold

__all__ = ["evaluate_arm", "evaluate_arms", "score", "write_metrics"]


def score(
    metric: str, *, target: Ints, probabilities: Floats, weight: Floats, threshold: float = 0.5
) -> float:
    """One metric of units scored by one fitted model; the definitions are those of the report.

    Args:
        metric: A name of `study_keys.METRICS`.
        target: (n,) class index; with two classes, class 1 is the positive one.
        probabilities: (n, K) summing to 1.
        weight: (n,) weight of every unit; 1 in the report.
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
        return float(rank_metric(metric, rankings(target, probabilities), weights).mean())
    if metric in DECISION_METRICS:
        predicted = decide(probabilities, threshold)
        cells = count_cells(target, predicted, weights, probabilities.shape[1])
        return float(decision_metrics(cells)[metric][0])
    losses = unit_losses(target, probabilities)[metric]
    return float(ratio(weights @ losses, weights.sum(axis=1))[0])


def evaluate_arms(
    table: PredictionTable, *, threshold: Threshold, n_bootstrap: int, rng: np.random.Generator,
    positive: str = "none",
) -> dict[str, dict[str, Estimate]]:  # fmt: skip
    """Metrics of every arm, at thresholds that `threshold` chooses on each model's validation part.

    Arms of the same patients share their resamples. See `evaluate_arm`.
    """
    table = table.with_positive(positive)
    thresholds, _ = choose_thresholds(table, threshold)
    seed = int(rng.integers(2**63))
    return {
        arm: evaluate_arm(
            table.of_arm(arm), thresholds=thresholds, n_bootstrap=n_bootstrap,
            rng=np.random.default_rng(seed),
        )
        for arm in table.arms
    }  # fmt: skip


def evaluate_arm(
    table: PredictionTable, *, thresholds: Thresholds, n_bootstrap: int, rng: np.random.Generator,
    positive: str = "none",
) -> dict[str, Estimate]:  # fmt: skip
    """Metrics of the test parts of one arm, each with a 95 % interval by patients.

    AUROC leads with its logit-DeLong interval, sensitivity, specificity, PPV and NPV with
    Wilson's; the patient bootstrap stands beside them as `<metric>_bootstrap` and gives the
    interval of all others. Under 10 patients intervals are empty.

    Args:
        table: Rows of one arm.
        thresholds: Decision thresholds by (arm, repeat, fold); 0.5 where one is absent.
        n_bootstrap: Resamples of the patients.
        rng: Source of the resamples.
        positive: Positive class of two; "none" for the last.

    Returns:
        Metric name -> estimate. `n_events` counts patients with the positive class; with more than
        two classes, with the class that the metric is named after, or else with the rarest class.

    Raises:
        InputError: No test part with a known outcome.
    """
    arm = table.arms[0] if table.n_rows else "?"
    units = ScoredUnits.of(table.with_positive(positive), thresholds)
    if not units.patients:
        raise InputError(
            f"predictions of arm {arm!r}: no row of part test has an outcome in "
            f"{table.outcome_name}. Evaluation needs at least one."
        )
    statistic = ArmStatistic(units)
    n_patients = len(units.patients)
    point = statistic(np.ones((1, n_patients)))[0]
    drawn = bootstrap(statistic, n_patients=n_patients, n_replicates=n_bootstrap, rng=rng)
    counts = Counts(units)
    estimates: dict[str, Estimate] = {}
    for k, name in enumerate(statistic.names):
        value = float(point[k])
        by_bootstrap = bootstrap_estimate(name, value, drawn[:, k], counts)
        leading = leading_estimate(name, value, counts)
        if leading is not None:
            estimates[name] = leading
            name = f"{name}_bootstrap"
        estimates[name] = by_bootstrap
    if n_patients < MIN_PATIENTS:
        return {name: without_interval(estimate) for name, estimate in estimates.items()}
    return estimates
