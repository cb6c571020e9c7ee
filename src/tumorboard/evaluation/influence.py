"""Metrics with the influence of each patient, from which every difference takes its spread.

The influence of a patient is how much the metric moves with the patient's weight. Influences add
and subtract as the metrics do, so that paired differences and means over repeats keep the
correlation of what comes from the same patient (the infinitesimal jackknife; Efron & Tibshirani,
An Introduction to the Bootstrap, 1993, chapter 21). Fitted models are taken as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tumorboard.evaluation.auroc import NAN, Z_95
from tumorboard.evaluation.estimates import auroc_components_of_models
from tumorboard.evaluation.statistic import ScoredUnits, unit_losses
from tumorboard.records import Bools, Floats

#: Metrics of two and of more classes that have an influence; in the order of the report.
BINARY = ("auroc", "sensitivity", "specificity", "brier", "observed_minus_expected")
SEVERAL = ("auroc", "accuracy", "brier")


@dataclass(frozen=True)
class Influence:
    """A metric and how much each patient moves it.

    Args:
        value: The metric, or a difference of metrics; NaN where undefined.
        of_patient: Patient id -> influence; patients who cannot move it are left out.
    """

    value: float
    of_patient: dict[str, float]

    @property
    def variance(self) -> float:
        """Sampling variance over patients; NaN where there is no spread to judge by."""
        n = len(self.of_patient)
        if n < 2 or np.isnan(self.value):
            return NAN
        total = float(np.square(list(self.of_patient.values())).sum())
        return n / (n - 1) * total if total > 0 else NAN

    def minus(self, other: Influence) -> Influence:
        """Difference of two metrics, of the same or of other patients."""
        together = dict(self.of_patient)
        for patient, value in other.of_patient.items():
            together[patient] = together.get(patient, 0.0) - value
        return Influence(self.value - other.value, together)

    def test(self) -> tuple[float, float, float]:
        """Normal 95 % interval around the value, and two-sided p-value of zero."""
        from scipy.special import ndtr

        error = np.sqrt(self.variance)
        if not error > 0:
            return NAN, NAN, NAN
        p_value = float(2 * ndtr(-abs(self.value) / error))
        return self.value - Z_95 * float(error), self.value + Z_95 * float(error), p_value


def influences(units: ScoredUnits) -> dict[str, Influence]:
    """Every metric of one arm's test units with the influence of its patients.

    Rank metrics are averaged over folds, then over repeats; the others over the pooled folds of
    each repeat, then over repeats, as in the table of arms.
    """
    is_binary = len(units.classes) == 2
    right = (units.predicted == units.target).astype(np.float64)
    everybody = np.ones(len(right), dtype=bool)
    found = {"auroc": _auroc(units)}
    if is_binary:
        found["sensitivity"] = _share(units, right, units.target == 1)
        found["specificity"] = _share(units, right, units.target == 0)
    else:
        found["accuracy"] = _share(units, right, everybody)
    losses = unit_losses(units.target, units.probabilities)
    found["brier"] = _share(units, losses["brier"], everybody)
    if is_binary:
        gap = (units.target == 1) - units.probabilities[:, 1]
        found["observed_minus_expected"] = _share(units, gap, everybody)
    return found


def _share(units: ScoredUnits, values: Floats, counted: Bools) -> Influence:
    """Mean of `values` over the counted units: a ratio of sums, averaged over repeats."""
    n_patients, repeats = len(units.patients), np.unique(units.repeat)
    value, moved, seen = 0.0, np.zeros(n_patients), np.zeros(n_patients, dtype=bool)
    for repeat in repeats:
        rows = np.flatnonzero(counted & (units.repeat == repeat))
        if not len(rows):
            return Influence(NAN, {})
        patient = units.patient[rows]
        mean = float(values[rows].mean())
        value += mean / len(repeats)
        moved += np.bincount(patient, values[rows] - mean, n_patients) / len(rows) / len(repeats)
        seen[patient] = True
    return Influence(value, _by_id(units, moved, seen))


def _auroc(units: ScoredUnits) -> Influence:
    """AUROC within repeat and fold, averaged; folds without both (all) classes are left out."""
    components = auroc_components_of_models(units)
    defined = {m: c for m, c in components.items() if not np.isnan(c.value)}
    repeats = sorted({repeat for repeat, _ in defined})
    value, n_patients = 0.0, len(units.patients)
    moved, seen = np.zeros(n_patients), np.zeros(n_patients, dtype=bool)
    for repeat in repeats:
        folds = [model for model in defined if model[0] == repeat]
        weight = 1 / len(folds) / len(repeats)
        for model in folds:
            each = defined[model]
            value += weight * each.value
            moved += weight * (each.positive + each.negative)
            seen[units.patient[units.of_model(*model)]] = True
    return Influence(value if repeats else NAN, _by_id(units, moved, seen))


def _by_id(units: ScoredUnits, moved: Floats, seen: Bools) -> dict[str, float]:
    return {units.patients[i]: float(moved[i]) for i in np.flatnonzero(seen).tolist()}


def of_patients(units: ScoredUnits, members: Bools) -> ScoredUnits:
    """Units of some patients, who are counted anew.

    Args:
        units: What was scored.
        members: (patients,) whose units are kept.
    """
    kept = units.take(np.flatnonzero(members[units.patient]))
    number = np.cumsum(members) - 1
    patients = tuple(units.patients[i] for i in np.flatnonzero(members).tolist())
    return replace(kept, patients=patients, patient=number[kept.patient].astype(np.int64))
