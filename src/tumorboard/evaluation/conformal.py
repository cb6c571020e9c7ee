"""Split conformal prediction sets: quantiles of validation patients, valid for any model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Bools, Floats, Ints


@dataclass(frozen=True)
class ConformalRule:
    """Which classes a prediction set holds: those with 1 - probability up to their quantile.

    Args:
        coverage: Wanted probability that the set holds the true class.
        by: Over all patients (`all`), or within every class (`class`, Mondrian).
        quantiles: One per class; infinite where the patients are too few, so that the class is in
            every set.
        n_calibration: Patients behind each quantile.
    """

    coverage: float
    by: Literal["all", "class"]
    quantiles: tuple[float, ...]
    n_calibration: tuple[int, ...]

    def sets(self, probabilities: Floats) -> Bools:
        """(n, K) True where the set holds the class; a set may be empty, or hold every class.

        Raises:
            InputError: Probabilities of another number of classes.
        """
        if probabilities.shape[1] != len(self.quantiles):
            raise InputError(
                f"conformal: fitted for {len(self.quantiles)} classes, got probabilities of "
                f"{probabilities.shape[1]}. Use the quantiles of the same model."
            )
        scores = 1.0 - np.asarray(probabilities, dtype=np.float64)
        return scores <= np.asarray(self.quantiles)

    def to_plain(self) -> dict[str, Any]:
        """Plain data for a model folder; an infinite quantile is None."""
        return {
            "coverage": self.coverage,
            "by": self.by,
            "quantiles": [q if math.isfinite(q) else None for q in self.quantiles],
            "n_calibration": list(self.n_calibration),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ConformalRule:
        """The rule of `to_plain`.

        Raises:
            InputError: Damaged.
        """
        try:
            quantiles = tuple(math.inf if q is None else float(q) for q in plain["quantiles"])
            counts = tuple(int(n) for n in plain["n_calibration"])
            coverage, by = float(plain["coverage"]), plain["by"]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"conformal: damaged ({error}). Fit the model again.") from error
        is_whole = len(quantiles) == len(counts) >= 2 and by in ("all", "class")
        if not is_whole or any(math.isnan(q) for q in quantiles) or not 0 < coverage < 1:
            raise InputError("conformal: damaged quantiles. Fit the model again.")
        return cls(coverage, by, quantiles, counts)


def fit_conformal(
    target: Ints, probabilities: Floats, *, coverage: float, by: Literal["all", "class"],
    patient: NDArray[Any],
) -> tuple[ConformalRule, list[str]]:  # fmt: skip
    """Quantiles of the scores 1 - probability of the true class, over validation patients.

    Patients, and not their units, are exchangeable. A patient with several units counts once, with
    the worst score of those units (by class: of the units of that class). The promise is then that
    all units of a new patient have their class in their sets with the wanted probability, however
    alike the units of a patient are; with one unit per patient it is the usual one.

    Args:
        target: (n,) class index.
        probabilities: (n, K), as given to users.
        coverage: Between 0 and 1.
        by: One quantile for all classes, or one for each.
        patient: (n,) id of each unit's patient.

    Returns:
        The rule, and remarks on quantiles that too few patients leave infinite.

    Source:
        Vovk et al., Algorithmic Learning in a Random World, 2005 (split, Mondrian). Sadinle et
        al., J Am Stat Assoc 2019; 114: 223-234 (the score).
    """
    n_classes = probabilities.shape[1]
    p_true = np.asarray(probabilities, dtype=np.float64)[np.arange(len(target)), target]
    scores = 1.0 - p_true
    found: list[tuple[float, int]] = []
    for k in range(n_classes):
        rows = target == k if by == "class" else np.ones(len(target), dtype=np.bool_)
        worst = _worst_of_patients(scores[rows], patient[rows])
        found.append((finite_sample_quantile(worst, coverage), len(worst)))
    quantiles, counts = zip(*found, strict=True)
    rule = ConformalRule(coverage, by, quantiles, counts)
    too_few = [n for q, n in found if math.isinf(q)]
    if not too_few:
        return rule, []
    needed = math.ceil(coverage / (1 - coverage) - 1e-9)
    where = f"in {len(too_few)} of {n_classes} classes " if by == "class" else ""
    return rule, [
        f"Prediction sets at {coverage:.0%}: {where}there are {min(too_few)} validation patients, "
        f"and {needed} are needed. Every set holds {'those' if by == 'class' else 'all'} classes."
    ]


def finite_sample_quantile(scores: Floats, coverage: float) -> float:
    """The ceil((n + 1) coverage)-th smallest score; infinite where that is more than n."""
    k = math.ceil((len(scores) + 1) * coverage - 1e-9)  # 0.9 x 10 may be 9.000000000000002
    return float(np.sort(scores)[k - 1]) if k <= len(scores) else math.inf


def _worst_of_patients(scores: Floats, patient: NDArray[Any]) -> Floats:
    patients, index = np.unique(patient, return_inverse=True)
    worst = np.full(len(patients), -np.inf)
    np.maximum.at(worst, index, scores)
    return worst
