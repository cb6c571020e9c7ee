"""From a value and its spread to an estimate: which interval each metric of an arm gets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tumorboard.evaluation.auroc import (
    NAN,
    Z_95,
    Components,
    FoldedAuroc,
    auroc_components,
    auroc_interval,
    average_folds,
    macro_components,
)
from tumorboard.evaluation.bootstrap import percentile_interval
from tumorboard.evaluation.statistic import RANK_METRICS, ScoredUnits
from tumorboard.records import Estimate, Floats

#: Fewer patients than this get no interval: it would look like knowledge.
MIN_PATIENTS = 10
#: Proportions of the units of one true or one called class.
_PROPORTIONS = ("sensitivity", "specificity", "ppv", "npv")


def auroc_components_of_models(
    units: ScoredUnits, k: int | None = None
) -> dict[tuple[int, int], Components]:
    """AUROC of every fitted model of one arm.

    Args:
        units: What was scored.
        k: Class against the rest; None for the positive class of two, or the mean over more
            classes.
    """
    n_patients = len(units.patients)
    found: dict[tuple[int, int], Components] = {}
    for model in units.models:
        rows = units.of_model(*model)
        target, patient = units.target[rows], units.patient[rows]
        probabilities = units.probabilities[rows]
        if k is None and len(units.classes) > 2:
            found[model] = macro_components(target, probabilities, patient, n_patients)
        else:
            asked = 1 if k is None else k
            found[model] = auroc_components(
                target == asked, probabilities[:, asked], patient, n_patients
            )
    return found


class Counts:
    """Patients behind each metric: with an event, or below the line of a proportion."""

    def __init__(self, units: ScoredUnits) -> None:
        self.units = units
        self.n_patients = len(units.patients)
        self._with = [units.patients_with(k) for k in range(len(units.classes))]
        self.is_binary = len(units.classes) == 2
        named = (*RANK_METRICS, *_PROPORTIONS, "f1", "prevalence")
        self._class_of = {
            f"{metric}_{name}": (metric, k)
            for metric in named
            for k, name in enumerate(units.classes)
        }

    def split(self, name: str) -> tuple[str, int | None]:
        """`sensitivity_mel` to `sensitivity` and its class, or None where there is none."""
        if self.is_binary:
            return name, 1
        return self._class_of.get(name, (name, None))

    def n_events(self, name: str) -> int:
        """Patients of the class that the metric is about, or else of the rarest class."""
        k = self.split(name)[1]
        return min(self._with) if k is None else self._with[k]

    def n_smaller_class(self, k: int | None) -> int:
        """Patients of class `k` or of the rest, whichever are fewer; None for the rarest class."""
        if k is None:
            return min(self._with)
        return min(self._with[k], len(np.unique(self.units.patient[self.units.target != k])))

    def n_below_the_line(self, metric: str, k: int) -> float:
        """Patients with a unit in the denominator, averaged over repeats."""
        units = self.units
        label = units.target if metric in ("sensitivity", "specificity") else units.predicted
        inside = label == k if metric in ("sensitivity", "ppv") else label != k
        repeats = np.unique(units.repeat)
        each = [len(np.unique(units.patient[inside & (units.repeat == r)])) for r in repeats]
        return float(np.mean(each))


def leading_estimate(name: str, value: float, counts: Counts) -> Estimate | None:
    """The estimate of a metric whose interval has its own formula; None for all others."""
    metric, k = counts.split(name)
    if metric == "auroc":
        asked = None if counts.is_binary else k
        folded = average_folds(auroc_components_of_models(counts.units, asked))
        low, high, method = auroc_interval(
            folded.value, folded.variance, n_smaller_class=counts.n_smaller_class(k)
        )
        method = f"{method}{_about_folds(folded)}"
    elif metric in _PROPORTIONS and k is not None:
        n = counts.n_below_the_line(metric, k)
        low, high = wilson_interval(value, n)
        method = f"Wilson, {n:g} patients"
    else:
        return None
    return Estimate(value, low, high, counts.n_patients, counts.n_events(name), method)


def _about_folds(folded: FoldedAuroc) -> str:
    sentences: list[str] = []
    if folded.n_folds > 1:
        sentences.append(f"mean of {folded.n_folds} models")
    if folded.n_left_out:
        sentences.append(f"{folded.n_left_out} folds without every class left out")
    if folded.n_without_spread and folded.variance > 0:
        sentences.append(
            f"{folded.n_without_spread} folds without spread take the others' mean variance"
        )
    return "".join(f"; {sentence}" for sentence in sentences)


def bootstrap_estimate(name: str, value: float, drawn: Floats, counts: Counts) -> Estimate:
    """The estimate with the percentile interval of its replicates."""
    low, high, n_undefined = percentile_interval(drawn)
    method = f"patient bootstrap, {len(drawn)} replicates"
    if n_undefined:
        method += f" ({n_undefined} undefined and left out)"
    if np.isnan(value):
        low, high, method = NAN, NAN, "undefined"
    elif low == high and name == "accuracy":
        low, high = wilson_interval(value, counts.n_patients)
        method = f"Wilson, {counts.n_patients} patients: every replicate is equal"
    elif low == high:  # an interval without width would look like certainty
        low, high, method = NAN, NAN, f"{method}: every replicate is equal"
    return Estimate(value, low, high, counts.n_patients, counts.n_events(name), method)


def without_interval(estimate: Estimate) -> Estimate:
    """The same estimate of too few patients for an interval."""
    return replace(estimate, ci_low=NAN, ci_high=NAN, method=f"under {MIN_PATIENTS} patients")


def wilson_interval(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a share of `n` patients; NaN where there are none.

    Source:
        Wilson, J Am Stat Assoc 1927; 22: 209-212.
    """
    if not n > 0 or np.isnan(share):
        return NAN, NAN
    squared = Z_95**2 / n
    centre = (share + squared / 2) / (1 + squared)
    reach = np.sqrt(share * (1 - share) * squared + squared**2 / 4) / (1 + squared)
    return max(0.0, float(centre - reach)), min(1.0, float(centre + reach))
