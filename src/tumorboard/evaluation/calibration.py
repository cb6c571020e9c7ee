"""Do the probabilities mean what they say: reliability curves, intercept and slope, Brier's parts.

The test predictions of all repeats are taken together and each unit weighs 1; intervals go by
patient, whose units and repeats move together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN, Z_95
from tumorboard.evaluation.calibrators import CLIP
from tumorboard.evaluation.estimates import MIN_PATIENTS, wilson_interval
from tumorboard.evaluation.logistic import fit_logistic
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.spline import spline_columns
from tumorboard.evaluation.statistic import ScoredUnits
from tumorboard.records import Bools, Floats, Ints

#: Groups of equal size that a reliability curve is drawn in.
N_BINS = 10
#: Points of the smooth curve, and quantiles of the probabilities that it reaches from and to.
_N_SMOOTH, _SMOOTH_RANGE = 60, (0.01, 0.99)
_HISTOGRAM = 20
_NOTHING = {"value": NAN, "ci_low": NAN, "ci_high": NAN}


def calibration_document(
    table: PredictionTable, *, uncalibrated: PredictionTable | None = None, n_bins: int = N_BINS,
    arms: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Calibration of every arm on its test patients, class by class.

    Args:
        table: Predictions with the positive class last.
        uncalibrated: The same before a calibration was fitted, where the study asks for one.
        n_bins: Groups of equal size; fewer where many probabilities are equal.
        arms: In the order of the report; empty for the table's.

    Returns:
        `n_bins`, `classes` (of two, the positive one alone) and `arms`: name -> `{n_patients,
        n_repeats, classes: {class: measures}, top_label_ece, before}`; `before` has the same
        `classes` and `top_label_ece` of `uncalibrated`, or is None. Measures: see `measures`.
    """
    found: dict[str, Any] = {}
    for arm in arms or table.arms:
        units = ScoredUnits.of(table.of_arm(arm), {})
        if not units.patients:
            continue
        before = None
        if uncalibrated is not None and arm in uncalibrated.arms:
            raw = ScoredUnits.of(uncalibrated.of_arm(arm).with_classes(table.classes), {})
            before = _of_arm(raw, n_bins) if raw.patients else None
        found[arm] = {
            "n_patients": len(units.patients),
            "n_repeats": len(np.unique(units.repeat)),
            **_of_arm(units, n_bins),
            "before": before,
        }
    asked = table.classes[-1:] if len(table.classes) == 2 else table.classes
    return {"n_bins": n_bins, "classes": list(asked), "arms": found}


def _of_arm(units: ScoredUnits, n_bins: int) -> dict[str, Any]:
    n_classes = len(units.classes)
    asked = [1] if n_classes == 2 else list(range(n_classes))
    rows = Rows(units.patient, units.repeat)
    classes = {
        units.classes[k]: measures(units.target == k, units.probabilities[:, k], rows, n_bins)
        for k in asked
    }
    top = units.probabilities.argmax(axis=1)
    confidence = units.probabilities.max(axis=1)
    bins = reliability_bins(units.target == top, confidence, rows, n_bins)
    return {"classes": classes, "top_label_ece": _expected_error(bins)}


@dataclass(frozen=True)
class Rows:
    """Whose the rows are: `patient` counts patients, `repeat` the times that all were predicted."""

    patient: Ints
    repeat: Ints

    @property
    def n_patients(self) -> int:
        """Patients with a row."""
        return len(np.unique(self.patient))

    def patients_per_repeat(self, inside: Bools) -> float:
        """Patients with a row inside, averaged over the repeats."""
        n_repeats = len(np.unique(self.repeat))
        pairs = np.unique(self.patient[inside] + (self.patient.max() + 1) * self.repeat[inside])
        return len(pairs) / n_repeats

    def spread(self, influence: Floats) -> Floats:
        """Cluster-robust covariance of a statistic from the influence of every row: (rows, k)."""
        summed = np.zeros((int(self.patient.max()) + 1, influence.shape[1]))
        np.add.at(summed, self.patient, influence)
        n = self.n_patients
        return (
            summed.T @ summed * (n / (n - 1)) if n > 1 else np.full((influence.shape[1],) * 2, NAN)
        )


def measures(is_class: Bools, p: Floats, rows: Rows, n_bins: int) -> dict[str, Any]:
    """Every measure of one class against the rest.

    Returns:
        `prevalence`, `mean_probability`; `intercept` (in the large: 0 is right, above 0 the
        probabilities are too low), `slope` (1 is right, below 1 they are too extreme) and
        `observed_expected` (1 is right), each `{value, ci_low, ci_high}`; `brier` `{value,
        reliability, resolution, uncertainty, within_bins, scaled}`; `ece`; `bins`; `smooth`;
        `histogram` `{of_class, of_others}`, rows in 20 equal parts of 0 to 1; `n_clipped`, rows
        with a probability at 0 or 1, kept 1e-7 away for the logit.

    Source:
        Cox, Biometrika 1958; 45: 562-565 (intercept, slope). Van Calster et al., BMC Med 2019; 17:
        230. Murphy, J Appl Meteorol 1973; 12: 595-600; Stephenson et al., Weather Forecast 2008;
        23: 752-757 (the term within bins).
    """
    y = is_class.astype(np.float64)
    bins = reliability_bins(is_class, p, rows, n_bins)
    clipped = np.clip(p, CLIP, 1 - CLIP)
    logit = np.log(clipped) - np.log1p(-clipped)
    ones = np.ones((len(p), 1))
    parts = np.linspace(0, 1, _HISTOGRAM + 1)
    return {
        "prevalence": float(y.mean()),
        "mean_probability": float(p.mean()),
        "intercept": _coefficient(ones, y, rows, 0, offset=logit),
        "slope": _coefficient(np.column_stack([ones, logit]), y, rows, 1),
        "observed_expected": _observed_expected(y, p, rows),
        "brier": brier_parts(y, p, bins),
        "ece": _expected_error(bins),
        "bins": bins,
        "smooth": smooth_curve(y, logit, rows),
        "histogram": {
            "of_class": np.histogram(p[is_class], parts)[0].tolist(),
            "of_others": np.histogram(p[~is_class], parts)[0].tolist(),
        },
        "n_clipped": int((p != clipped).sum()),
    }


def reliability_bins(is_class: Bools, p: Floats, rows: Rows, n_bins: int) -> list[dict[str, float]]:
    """Groups of (nearly) equal size by probability; equal probabilities stay together.

    Returns:
        Of each: `low`, `high`, `n_rows`, `n_patients` (a repeat), `predicted` (mean), `observed`
        (share), and Wilson's interval of it by patients.
    """
    edges = np.unique(np.quantile(p, np.arange(1, n_bins) / n_bins))
    index = np.searchsorted(edges, p, side="left")  # up to and with its edge
    bins: list[dict[str, float]] = []
    for group in np.unique(index):
        inside = index == group
        observed, n_patients = float(is_class[inside].mean()), rows.patients_per_repeat(inside)
        low, high = wilson_interval(observed, n_patients)
        bins.append(
            {
                "low": float(p[inside].min()), "high": float(p[inside].max()),
                "n_rows": int(inside.sum()), "n_patients": n_patients,
                "predicted": float(p[inside].mean()), "observed": observed,
                "ci_low": low, "ci_high": high,
            }
        )  # fmt: skip
    return bins


def brier_parts(y: Floats, p: Floats, bins: Sequence[dict[str, float]]) -> dict[str, float]:
    """Brier score = reliability - resolution + uncertainty + within bins, exactly.

    The last term is 0 where all probabilities of a bin are equal.
    """
    share, predicted, observed = _columns(bins)
    prevalence, value = float(y.mean()), float(np.mean((y - p) ** 2))
    reliability = float(share @ (predicted - observed) ** 2)
    resolution = float(share @ (observed - prevalence) ** 2)
    uncertainty = prevalence * (1 - prevalence)
    return {
        "value": value, "reliability": reliability, "resolution": resolution,
        "uncertainty": uncertainty, "within_bins": value - reliability + resolution - uncertainty,
        "scaled": 1 - value / uncertainty if uncertainty > 0 else NAN,
    }  # fmt: skip


def smooth_curve(y: Floats, logit: Floats, rows: Rows) -> dict[str, list[float]] | None:
    """Observed share against probability: logistic regression on a spline of the logit.

    A straight line of the logit where the spline cannot be fitted; None where that cannot either.
    """
    first, last = np.quantile(_expit(logit), _SMOOTH_RANGE).tolist()
    at = np.linspace(first, last, _N_SMOOTH)
    grid = np.log(np.clip(at, CLIP, 1 - CLIP)) - np.log1p(-np.clip(at, CLIP, 1 - CLIP))
    for columns, shown in (spline_columns(logit, grid), _line(logit, grid)):
        fit = fit_logistic(columns, y, np.ones(len(y)))
        if fit.is_defined and rows.n_patients >= MIN_PATIENTS:
            linear = shown @ fit.coefficients
            variance = np.einsum("ij,jk,ik->i", shown, rows.spread(fit.influence), shown)
            reach = Z_95 * np.sqrt(np.maximum(variance, 0.0))
            return {
                "probability": at.tolist(), "observed": _expit(linear).tolist(),
                "ci_low": _expit(linear - reach).tolist(),
                "ci_high": _expit(linear + reach).tolist(),
            }  # fmt: skip
    return None


def _coefficient(
    columns: Floats, y: Floats, rows: Rows, index: int, offset: Floats | None = None
) -> dict[str, float]:
    fit = fit_logistic(columns, y, np.ones(len(y)), offset=offset)
    if not fit.is_defined:
        return dict(_NOTHING)
    variance = float(rows.spread(fit.influence)[index, index])
    return _estimate(float(fit.coefficients[index]), np.sqrt(variance), rows)


def _observed_expected(y: Floats, p: Floats, rows: Rows) -> dict[str, float]:
    observed, expected = float(y.sum()), float(p.sum())
    if not (observed > 0 and expected > 0):
        return {**_NOTHING, "value": observed / expected if expected > 0 else NAN}
    influence = (y / observed - p / expected)[:, None]  # of its logarithm
    error = float(np.sqrt(rows.spread(influence)[0, 0]))
    found = _estimate(np.log(observed / expected), error, rows)
    return {name: float(np.exp(value)) for name, value in found.items()}


def _estimate(value: float, error: float, rows: Rows) -> dict[str, float]:
    if rows.n_patients < MIN_PATIENTS:
        error = NAN
    return {"value": value, "ci_low": value - Z_95 * error, "ci_high": value + Z_95 * error}


def _expected_error(bins: Sequence[dict[str, float]]) -> float:
    share, predicted, observed = _columns(bins)
    return float(share @ np.abs(predicted - observed))


def _columns(bins: Sequence[dict[str, float]]) -> tuple[Floats, Floats, Floats]:
    n, predicted, observed = (
        np.asarray([each[name] for each in bins], dtype=np.float64)
        for name in ("n_rows", "predicted", "observed")
    )
    return n / n.sum(), predicted, observed


def _line(values: Floats, grid: Floats) -> tuple[Floats, Floats]:
    return np.column_stack([np.ones_like(values), values]), np.column_stack(
        [np.ones_like(grid), grid]
    )


def _expit(values: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(values), dtype=np.float64)
