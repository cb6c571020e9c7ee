"""What a survival study found beyond its metrics: risk groups, calibration, AUROC over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.risk_groups import survival_by_group
from tumorboard.evaluation.survival_calibration import calibration_at
from tumorboard.evaluation.survival_curves import median_follow_up
from tumorboard.evaluation.survival_scores import n_patients_with_event
from tumorboard.evaluation.survival_statistic import RISK, SurvivalStatistic, horizons_of
from tumorboard.records import Floats, Ints

#: Days of the AUROC over time: quantiles of the event times.
_QUANTILES = np.linspace(0.1, 0.9, 9)
_RESAMPLES = 200


def survival_document(table: OutcomeTable, *, rng: np.random.Generator) -> dict[str, Any]:
    """Plain data of the evidence `survival`, of every arm with test patients.

    Args:
        table: Predictions; validation rows fix the limits of the risk groups.
        rng: Source of the resamples.
    """
    arms: dict[str, Any] = {}
    follow_up: dict[str, Any] = {}
    for arm in table.arms:
        own = table.of_arm(arm)
        units = OutcomeUnits.of(own)
        if not len(units.patients):
            continue
        first = np.unique(units.patient, return_index=True)[1]
        time, event = units.outcome[first, 0], units.outcome[first, 1] > 0
        follow_up = follow_up or {
            "n_patients": len(units.patients),
            "n_events": n_patients_with_event(units),
            "median_days": median_follow_up(time, event),
        }
        arms[arm] = {
            "groups": survival_by_group(own),
            "calibration": _calibration(units),
            "auroc_over_time": _over_time(units, rng),
        }
    horizons = list(horizons_of(table.prediction_names))
    return {"horizons": horizons, "follow_up": follow_up, "arms": arms}


def _calibration(units: OutcomeUnits) -> list[dict[str, Any]]:
    """One entry of each horizon; a patient's predictions are averaged over repeats."""
    first = np.unique(units.patient, return_index=True)[1]
    time, event = units.outcome[first, 0], units.outcome[first, 1] > 0
    found: list[dict[str, Any]] = []
    for days in horizons_of(units.names):
        values = units.predictions[:, units.names.index(f"survival_{days}")]
        survival = _mean_by_patient(values, units.patient)
        if not np.isnan(survival).any():
            found.append(calibration_at(survival, time, event, days))
    return found


def _mean_by_patient(values: Floats, patient: Ints) -> Floats:
    found, index = np.unique(patient, return_inverse=True)
    total = np.bincount(index, weights=values, minlength=len(found))
    return np.asarray(total / np.bincount(index, minlength=len(found)), dtype=np.float64)


def _over_time(units: OutcomeUnits, rng: np.random.Generator) -> dict[str, Any]:
    """AUROC of the risk score at quantiles of the event times, with bands by patients."""
    event = units.outcome[:, 1] > 0
    if not event.any():
        return {"days": [], "value": [], "ci_low": [], "ci_high": []}
    quantiles = np.quantile(units.outcome[event, 0], _QUANTILES)
    days = np.unique(np.maximum(1, np.round(quantiles))).astype(np.int64).tolist()
    risk = units.predictions[:, units.names.index(RISK)]
    scored = replace(
        units, names=(RISK, *(f"survival_{day}" for day in days)),
        predictions=np.column_stack([risk, *(-risk for _ in days)]),
    )  # fmt: skip
    statistic = SurvivalStatistic(scored, [f"auroc_{day}" for day in days])
    n = len(units.patients)
    value = statistic(np.ones((1, n)))[0]
    limits = np.full((2, len(days)), np.nan)
    if n >= MIN_PATIENTS:
        drawn = bootstrap(statistic, n_patients=n, n_replicates=_RESAMPLES, rng=rng)
        limits = np.asarray([percentile_interval(column)[:2] for column in drawn.T]).T
    return {
        "days": days, "value": value.tolist(), "ci_low": limits[0].tolist(),
        "ci_high": limits[1].tolist(),
    }  # fmt: skip
