"""Groups of low and high risk, their limits fixed before the test patients, and their survival."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.survival_curves import curves_of, kaplan_meier, log_rank
from tumorboard.evaluation.survival_statistic import RISK
from tumorboard.records import Floats, Ints

#: Validation patients of a model from which three groups are made instead of two.
_FOR_THREE = 30
NAMES = {2: ("low risk", "high risk"), 3: ("low risk", "middle risk", "high risk")}
#: Times of the numbers at risk below a figure.
_N_TIMES = 9


def risk_groups(table: OutcomeTable) -> tuple[Ints, int]:
    """Group of every row of one arm (-1 where there is none) and how many groups there are.

    Limits are the median, or with 30 validation patients or more of every model the thirds, of the
    risk scores of the validation patients of the same model: test patients have no say in them.
    """
    risk = table.predictions[:, table.prediction_names.index(RISK)]
    group = np.full(table.n_rows, -1, dtype=np.int64)
    is_held, is_test = table.part == "validation", table.part == "test"
    models = set(zip(table.repeat[is_test].tolist(), table.fold[is_test].tolist(), strict=True))
    held = {
        model: risk[is_held & (table.repeat == model[0]) & (table.fold == model[1])]
        for model in models
    }
    fewest = min((len(scores) for scores in held.values()), default=0)
    n_groups = 3 if fewest >= _FOR_THREE else 2
    for (repeat, fold), scores in held.items():
        rows = np.flatnonzero(is_test & (table.repeat == repeat) & (table.fold == fold))
        if len(scores):
            limits = np.quantile(scores, np.arange(1, n_groups) / n_groups)
            group[rows] = np.searchsorted(limits, risk[rows], side="left")
    return group, n_groups


def survival_by_group(table: OutcomeTable) -> dict[str, Any] | None:
    """Kaplan-Meier curve of each risk group: test patients of the first repeat, as plain data.

    Every patient stands once in a repeat; of several units of one, the first counts, so that the
    log-rank test compares patients. None where no model has validation patients.
    """
    group, n_groups = risk_groups(table)
    rows = np.flatnonzero((group >= 0) & table.known & (table.repeat == table.repeat.min()))
    if not len(rows):
        return None
    rows = rows[np.sort(np.unique(table.patient_id[rows], return_index=True)[1])]
    time, event, own = table.outcome[rows, 0], table.outcome[rows, 1] > 0, group[rows]
    statistic, p_value, degrees = log_rank(time, event, own)
    return {
        "names": list(NAMES[n_groups]),
        "log_rank": {"statistic": statistic, "p_value": p_value, "degrees": degrees},
        "at_risk_days": nice_days(time).tolist(),
        "groups": [
            _curve(curve.time, curve, nice_days(time), int(event[own == g].sum()))
            for g, curve in enumerate(curves_of(time, event, own, n_groups))
        ],
    }


def _curve(time: Floats, curve: Any, days: Floats, n_events: int) -> dict[str, Any]:
    return {
        "n_patients": int(curve.at_risk[0]) if len(time) else 0,
        "n_events": n_events,
        "median_days": curve.median,
        "time": time.tolist(),
        "survival": curve.survival.tolist(),
        "ci_low": curve.ci_low.tolist(),
        "ci_high": curve.ci_high.tolist(),
        "at_risk": curve.n_at_risk(days).tolist(),
    }


def nice_days(time: Floats) -> Floats:
    """Day 0 and a few round numbers of days, months or years up to the longest follow-up."""
    longest = float(kaplan_meier(time, np.ones(len(time), dtype=bool)).time[-1])
    steps = (1, 2, 5, 10, 30.4375, 91.3125, 182.625, 365.25, 730.5, 1826.25, 3652.5, 7305)
    step = next((s for s in steps if longest / s <= _N_TIMES), steps[-1])
    return np.arange(0.0, longest + 1e-9, step)
