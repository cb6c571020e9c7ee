"""Whether predicted survival at a horizon is what happened: groups, the mean, and the slope."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import Z_95
from tumorboard.evaluation.survival_curves import kaplan_meier
from tumorboard.records import Bools, Floats

#: Patients in a group of similar predictions, and the most groups.
_GROUP, _MOST = 20, 5
_EDGE = 1e-9


def calibration_at(survival: Floats, time: Floats, event: Bools, days: int) -> dict[str, Any]:
    """Predicted against observed risk at a horizon.

    Args:
        survival: (n,) predicted survival at the horizon, one of each patient.
        time: (n,) days of follow-up.
        event: (n,) True where the event was seen.
        days: The horizon.

    Returns:
        Plain data: mean predicted and observed risk (1 - Kaplan-Meier), their ratio, the slope, and
        groups of similar predictions.

    Source:
        Crowson, Atkinson & Therneau, Stat Methods Med Res 2016; 25: 1692-1706.
    """
    risk = 1.0 - survival
    n_groups = int(min(_MOST, max(1, len(risk) // _GROUP)))
    order = np.argsort(risk, kind="stable")
    groups = [_group(risk[rows], time[rows], event[rows], days)
              for rows in np.array_split(order, n_groups)]  # fmt: skip
    overall = _group(risk, time, event, days)
    predicted = overall["predicted"]
    ratios = {
        name: overall[name] / predicted if predicted > 0 else math.nan
        for name in ("observed", "ci_low", "ci_high")
    }
    return {
        "days": days,
        "overall": overall,
        "ratio": {"value": ratios["observed"], "ci_low": ratios["ci_low"],
                  "ci_high": ratios["ci_high"]},
        "slope": calibration_slope(survival, time, event),
        "groups": groups if n_groups > 1 else [],
    }  # fmt: skip


def _group(risk: Floats, time: Floats, event: Bools, days: int) -> dict[str, float]:
    """Mean predicted risk, and 1 - Kaplan-Meier with its interval."""
    curve = kaplan_meier(time, event)
    low, high = curve.band_at(days)
    return {
        "n_patients": len(risk),
        "n_events": int((event & (time <= days)).sum()),
        "predicted": float(risk.mean()),
        "observed": 1.0 - float(curve.survival_at(np.asarray([float(days)]))[0]),
        "ci_low": 1.0 - high,
        "ci_high": 1.0 - low,
    }


def calibration_slope(survival: Floats, time: Floats, event: Bools) -> dict[str, float]:
    """Coefficient of log(-log(predicted survival)) in a Cox model of the same patients.

    1 is right; below 1 the predictions are too extreme. The interval is Wald's.

    Source:
        van Houwelingen, Stat Med 2000; 19: 3401-3415.
    """
    linear = np.log(-np.log(np.clip(survival, _EDGE, 1.0 - _EDGE)))
    undefined = {"value": math.nan, "ci_low": math.nan, "ci_high": math.nan}
    if not event.any() or not np.ptp(linear) > 0:
        return undefined
    from statsmodels.duration.hazard_regression import PHReg

    centred = (linear - linear.mean())[:, None]
    model: Any = PHReg(time, centred, status=event.astype(np.int64), ties="efron")
    found: Any = model.fit()
    value, error = float(found.params[0]), float(found.bse[0])
    if not (math.isfinite(value) and math.isfinite(error)):
        return undefined
    return {"value": value, "ci_low": value - Z_95 * error, "ci_high": value + Z_95 * error}
