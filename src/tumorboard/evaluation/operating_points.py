"""What the decisions of an arm come to: its sensitivity and specificity at any prevalence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.estimates import MIN_PATIENTS, Counts, wilson_interval
from tumorboard.evaluation.statistic import ScoredUnits, Thresholds

#: Patients that counts are shown for.
N_CASES = 1_000


def at_prevalence(
    sensitivity: float, specificity: float, prevalence: float, n_cases: int = N_CASES
) -> dict[str, float]:
    """Predictive values and expected counts of `n_cases` patients.

    Returns:
        `ppv` and `npv` (NaN where nobody is called so), `f1`, and the expected `true_positive`,
        `false_negative`, `false_positive` and `true_negative` patients, not rounded.
    """
    n_positive = prevalence * n_cases
    n_negative = n_cases - n_positive
    true_positive, true_negative = sensitivity * n_positive, specificity * n_negative
    false_negative, false_positive = n_positive - true_positive, n_negative - true_negative
    return {
        "ppv": _share(true_positive, false_positive),
        "npv": _share(true_negative, false_negative),
        "f1": _share(2 * true_positive, false_positive + false_negative),
        "true_positive": true_positive,
        "false_negative": false_negative,
        "false_positive": false_positive,
        "true_negative": true_negative,
    }


def with_intervals(
    sensitivity: Mapping[str, float], specificity: Mapping[str, float], prevalence: float,
    n_cases: int = N_CASES,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """`at_prevalence` with limits: both rates at their lower, and both at their upper limits.

    PPV, NPV and F1 rise with either rate, and the rates come from different patients, so that the
    limits hold the truth in at least 95 of 100 studies. The prevalence is taken as known.

    Args:
        sensitivity: `{value, ci_low, ci_high}`.
        specificity: The same.
        prevalence: Between 0 and 1.
        n_cases: Patients counted.
    """
    value, low, high = (
        at_prevalence(sensitivity[name], specificity[name], prevalence, n_cases)
        for name in ("value", "ci_low", "ci_high")
    )
    return {
        name: {
            "value": value[name],
            "ci_low": min(low[name], high[name]),  # errors become fewer where the rates rise
            "ci_high": max(low[name], high[name]),
        }
        for name in value
    }


def operating_points(
    units: Mapping[str, ScoredUnits], thresholds: Thresholds, prevalences: Sequence[float],
    prevalence: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Sensitivity and specificity of every arm at its own thresholds, and what they cost.

    Returns:
        Arm -> `{threshold: {mean, low, high, n_models}, prevalence, sensitivity, specificity,
        per_1000, at}`: rates as `{value, ci_low, ci_high}` with Wilson's interval by patients;
        `per_1000` is `with_intervals` at `prevalence` (the arm's own where it is None), `at` the
        same at each of `prevalences`, as `{prevalence, ...}`. Empty for more than two classes.
    """
    found: dict[str, Any] = {}
    for arm, each in units.items():
        if len(each.classes) != 2:
            continue
        chosen = np.asarray([thresholds.get((arm, *model), 0.5) for model in each.models])
        share = float(np.mean(each.target == 1)) if prevalence is None else prevalence
        sensitivity, specificity = (_rate(each, k) for k in (1, 0))
        found[arm] = {
            "threshold": {
                "mean": float(chosen.mean()),
                "low": float(chosen.min()),
                "high": float(chosen.max()),
                "n_models": len(chosen),
            },
            "prevalence": share,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "per_1000": with_intervals(sensitivity, specificity, share),
            "at": [
                {"prevalence": p, **with_intervals(sensitivity, specificity, p)}
                for p in prevalences
            ],
        }
    return found


def _rate(units: ScoredUnits, k: int) -> dict[str, float]:
    """Share of the units of class `k` called so: mean of the repeats, as in the arms table."""
    each: list[float] = []
    for repeat in np.unique(units.repeat):
        inside = (units.repeat == repeat) & (units.target == k)
        each.append(float(np.mean(units.predicted[inside] == k)) if inside.any() else NAN)
    value = float(np.mean(each))
    n = Counts(units).n_below_the_line("sensitivity", k)
    low, high = wilson_interval(value, n) if len(units.patients) >= MIN_PATIENTS else (NAN, NAN)
    return {"value": value, "ci_low": low, "ci_high": high}


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest > 0 else NAN
