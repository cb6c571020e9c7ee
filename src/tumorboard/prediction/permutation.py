"""Answers after one input was exchanged between patients, and how much a metric fell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tumorboard.evaluation.bootstrap import percentile_interval, resample
from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.regression_statistic import RegressionStatistic
from tumorboard.evaluation.statistic import rank_metric, rankings, unit_losses
from tumorboard.evaluation.survival_statistic import SurvivalStatistic
from tumorboard.records import Bools, Floats, Ints


def exchanged(patient: Ints, has: Bools, rng: np.random.Generator) -> Ints:
    """(n,) row whose input each row gets: patients are permuted, not rows.

    Only patients with the input take part, and only with the rows that have it; a patient with more
    rows than the giver gets the giver's again from the first.

    Args:
        patient: (n,) number of each row's patient.
        has: (n,) whether the row has the input.
        rng: Source of the permutation.
    """
    source = np.arange(len(patient))
    rows = np.flatnonzero(has)
    if not len(rows):
        return source
    owners, inverse = np.unique(patient[rows], return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    n_rows = np.bincount(inverse)
    first = np.cumsum(n_rows) - n_rows
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.arange(len(rows)) - first[inverse[order]]
    giver = rng.permutation(len(owners))[inverse]
    source[rows] = rows[order[first[giver] + place % n_rows[giver]]]
    return source


@dataclass(frozen=True)
class Units:
    """Units of some rows: the mean over a unit's rows is its prediction.

    Args:
        unit: (n,) number of each row's unit.
        patient: (units,) number of each unit's patient.
        target: (units,) true class.
    """

    unit: Ints
    patient: Ints
    target: Ints

    @classmethod
    def of(cls, unit_id: Sequence[str], patient: Ints, target: Ints) -> Units:
        """Units of rows with these ids, patients and classes."""
        _, first, unit = np.unique(
            np.asarray(unit_id, dtype=np.str_), return_index=True, return_inverse=True
        )
        return cls(unit.astype(np.int64), patient[first], target[first])

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return int(self.patient.max()) + 1 if len(self.patient) else 0

    def mean(self, probabilities: Floats) -> Floats:
        """(units, K) mean of the rows' probabilities."""
        total = np.zeros((len(self.target), probabilities.shape[1]))
        np.add.at(total, self.unit, probabilities)
        return total / np.bincount(self.unit)[:, None]

    def metric(self, name: str, probabilities: Floats, weights: Floats) -> Floats:
        """(replicates,) AUROC (mean over classes against the rest) or log loss.

        Args:
            name: `auroc` or `log_loss`.
            probabilities: (units, K).
            weights: (replicates, patients).
        """
        of_units = weights[:, self.patient]
        if name == "auroc":
            return rank_metric("auroc", rankings(self.target, probabilities), of_units).mean(axis=1)
        losses = unit_losses(self.target, probabilities)["log_loss"]
        return of_units @ losses / of_units.sum(axis=1)


@dataclass(frozen=True)
class NumberUnits:
    """The same where outcomes are numbers.

    Args:
        unit: (n,) number of each row's unit.
        scored: Units with their outcomes; predictions are replaced by each that is judged.
    """

    unit: Ints
    scored: OutcomeUnits

    @classmethod
    def of(
        cls, unit_id: Sequence[str], patient: Ints, outcome: Floats, *,
        outcome_names: tuple[str, ...], names: tuple[str, ...],
    ) -> NumberUnits:  # fmt: skip
        """Units of rows with these ids, patients and outcomes (n, O)."""
        _, first, unit = np.unique(
            np.asarray(unit_id, dtype=np.str_), return_index=True, return_inverse=True
        )
        one = np.ones(len(first), dtype=np.int64)
        n_patients = int(patient.max()) + 1 if len(patient) else 0
        scored = OutcomeUnits(
            patients=tuple(map(str, range(n_patients))), patient=patient[first], repeat=one,
            fold=one, outcome=outcome[first], predictions=np.zeros((len(first), len(names))),
            outcome_names=outcome_names, names=names,
        )  # fmt: skip
        return cls(unit.astype(np.int64), scored)

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.scored.patients)

    def mean(self, predictions: Floats) -> Floats:
        """(units, P) mean of the rows' predictions."""
        total = np.zeros(self.scored.predictions.shape)
        np.add.at(total, self.unit, predictions)
        return total / np.bincount(self.unit)[:, None]

    def metric(self, name: str, predictions: Floats, weights: Floats) -> Floats:
        """(replicates,) `c_index` of survival, `r2` of other numbers; see `Units.metric`."""
        scored = replace(self.scored, predictions=predictions)
        kind = SurvivalStatistic if name == "c_index" else RegressionStatistic
        return kind(scored, (name,))(weights)[:, 0]


def fall(
    units: Units | NumberUnits,
    name: str,
    before: Floats,
    after: Sequence[Floats],
    *,
    n_replicates: int,
    seed: int,
) -> tuple[float, float, float]:
    """Mean fall of a metric (rise of a loss) over permutations, with its 95 % interval.

    Patients are resampled, and permutations with them, so that the interval holds both. Empty under
    10 patients.

    Args:
        units: What is predicted.
        name: The metric.
        before: (units, K) predictions.
        after: The same after each permutation.
        n_replicates: Resamples of the patients.
        seed: The same for every input, so that all are judged on the same resamples.
    """
    sign = -1.0 if name == "log_loss" else 1.0
    n = units.n_patients
    every = np.ones((1, n))
    value = units.metric(name, before, every) - np.mean(
        [units.metric(name, each, every) for each in after], axis=0
    )
    if n < 10:
        return sign * float(value[0]), float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    weights = resample(n, n_replicates, rng)
    drawn = rng.multinomial(len(after), np.full(len(after), 1 / len(after)), size=n_replicates)
    fallen = np.stack([units.metric(name, each, weights) for each in after], axis=1)
    differences = units.metric(name, before, weights) - (drawn * fallen).sum(axis=1) / len(after)
    low, high, _ = percentile_interval(sign * differences)
    return sign * float(value[0]), low, high
