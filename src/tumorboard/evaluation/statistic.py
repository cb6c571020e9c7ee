"""Every metric of one arm as a function of its patients' weights, for any weighting at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tumorboard.evaluation.confusion import (
    CLASS_METRICS,
    DECISION_METRICS,
    class_metrics,
    decision_metrics,
)
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.ranking import Ranking
from tumorboard.evaluation.ratio import mean_of_defined, ratio
from tumorboard.records import Bools, Floats, Ints

#: Metrics that compare units with each other, and so only units scored by the same fitted model.
RANK_METRICS = ("auroc", "auprc")
#: (arm, repeat, fold) -> decision threshold; 0.5 where a model has none.
Thresholds = Mapping[tuple[str, int, int], float]


def decide(probabilities: Floats, threshold: float | Floats) -> Ints:
    """Class of every unit: by the threshold for two classes, else the largest probability."""
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= threshold).astype(np.int64)
    return np.argmax(probabilities, axis=1).astype(np.int64)


def rankings(target: Ints, probabilities: Floats) -> list[Ranking]:
    """The ranking of class 1 for two classes; else one per class, against the rest."""
    n_classes = probabilities.shape[1]
    asked = (1,) if n_classes == 2 else range(n_classes)
    return [Ranking(target == k, probabilities[:, k]) for k in asked]


def rank_metric(metric: str, ranks: Sequence[Ranking], weights: Floats) -> Floats:
    """`auroc` or `auprc` of every ranking: (replicates, rankings); NaN where a class is absent."""
    return np.stack(
        [r.auroc(weights) if metric == "auroc" else r.average_precision(weights) for r in ranks],
        axis=1,
    )


def unit_losses(target: Ints, probabilities: Floats) -> dict[str, Floats]:
    """Brier score and log loss of every unit.

    Two classes: (p - y)^2 of the positive one; more: the sum over the classes (Brier 1950), as
    scikit-learn's `brier_score_loss`. What happened at probability 0 counts as machine epsilon.
    """
    rows = np.arange(len(target))
    squared = (probabilities - np.eye(probabilities.shape[1])[target]) ** 2
    brier = squared[:, 1] if probabilities.shape[1] == 2 else squared.sum(axis=1)
    floor = np.finfo(np.float64).eps
    return {"brier": brier, "log_loss": -np.log(np.clip(probabilities[rows, target], floor, 1.0))}


@dataclass(frozen=True)
class ScoredUnits:
    """Units of the test parts of one arm, with the decision taken on each.

    Args:
        patients: Patient ids; `patient` counts them.
        patient: (n,) index of each unit's patient.
        repeat: (n,) repeat of the model that scored the unit.
        fold: (n,) its fold.
        target: (n,) true class.
        probabilities: (n, K).
        predicted: (n,) class called at the threshold of the model that scored the unit.
        classes: Class names; for two classes the second is the positive one.
    """

    patients: tuple[str, ...]
    patient: Ints
    repeat: Ints
    fold: Ints
    target: Ints
    probabilities: Floats
    predicted: Ints
    classes: tuple[str, ...]

    @classmethod
    def of(cls, table: PredictionTable, thresholds: Thresholds) -> ScoredUnits:
        """Rows of the test parts with a known outcome, of a table that holds one arm."""
        table = table.take((table.part == "test") & (table.outcome >= 0))
        patients, patient = np.unique(table.patient_id, return_inverse=True)
        keys = zip(table.arm.tolist(), table.repeat.tolist(), table.fold.tolist(), strict=True)
        threshold = np.asarray([thresholds.get(key, 0.5) for key in keys], dtype=np.float64)
        return cls(
            patients=tuple(patients.tolist()),
            patient=patient.astype(np.int64),
            repeat=table.repeat,
            fold=table.fold,
            target=table.outcome,
            probabilities=table.probabilities,
            predicted=decide(table.probabilities, threshold),
            classes=table.classes,
        )

    def take(self, rows: Ints) -> ScoredUnits:
        """These units only; patients keep their numbers."""
        names = ("patient", "repeat", "fold", "target", "probabilities", "predicted")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def models(self) -> list[tuple[int, int]]:
        """(repeat, fold) of every fitted model, sorted."""
        return sorted(set(zip(self.repeat.tolist(), self.fold.tolist(), strict=True)))

    def of_model(self, repeat: int, fold: int) -> Ints:
        """Rows that the model of this repeat and fold scored."""
        return np.flatnonzero((self.repeat == repeat) & (self.fold == fold))

    def patients_with(self, k: int) -> int:
        """Number of patients with a unit of class `k`."""
        return len(np.unique(self.patient[self.target == k]))


class ArmStatistic:
    """Metrics of one arm for many weightings of its patients at once.

    Rank metrics are computed within repeat and fold and averaged over the folds that hold the
    class and the rest (all classes, for their mean), then over repeats. All others are computed
    over the pooled folds of each repeat and averaged over repeats; a metric that is undefined in a
    repeat is undefined.

    Args:
        units: What was scored.
        metrics: Names wanted; empty for all.
    """

    def __init__(self, units: ScoredUnits, metrics: Sequence[str] = ()) -> None:
        self.names: tuple[str, ...] = tuple(metrics) or all_names(units.classes)
        self._classes = units.classes
        wanted = {name.split("_", 1)[0] for name in self.names}
        self._rank_metrics = [name for name in RANK_METRICS if name in wanted]
        self._repeats = sorted(set(units.repeat.tolist()))
        self._ranked: list[tuple[int, Ints, list[Ranking]]] = []
        for repeat, fold in units.models if self._rank_metrics else ():
            rows = units.of_model(repeat, fold)
            ranks = rankings(units.target[rows], units.probabilities[rows])
            self._ranked.append((repeat, units.patient[rows], ranks))
        self._sums = [self._patient_sums(units, units.repeat == repeat) for repeat in self._repeats]

    def __call__(self, weights: Floats) -> Floats:
        """Values (replicates, names) of weights (replicates, patients)."""
        values = self._rank_values(weights)
        pooled = [self._pooled_values(weights, sums) for sums in self._sums]
        for name in pooled[0]:
            values[name] = np.mean([repeat[name] for repeat in pooled], axis=0)
        return np.stack([values[name] for name in self.names], axis=1)

    def _patient_sums(self, units: ScoredUnits, rows: Bools) -> tuple[Floats, Floats]:
        """Confusion cells (patients, K * K) and losses (patients, 2), summed over units."""
        n_classes, n_patients = len(units.classes), len(units.patients)
        patient, target = units.patient[rows], units.target[rows]
        cells = np.zeros((n_patients, n_classes * n_classes))
        np.add.at(cells, (patient, target * n_classes + units.predicted[rows]), 1.0)
        losses = unit_losses(target, units.probabilities[rows])
        summed = np.zeros((n_patients, len(losses)))
        np.add.at(summed, patient, np.stack(list(losses.values()), axis=1))
        return cells, summed

    def _rank_values(self, weights: Floats) -> dict[str, Floats]:
        values: dict[str, Floats] = {}
        for metric in self._rank_metrics:
            by_repeat: dict[int, list[Floats]] = {}
            for repeat, patient, ranks in self._ranked:
                value = rank_metric(metric, ranks, weights[:, patient])
                by_repeat.setdefault(repeat, []).append(value)
            folds = [np.stack(each) for each in by_repeat.values()]
            macro = [mean_of_defined(each.mean(axis=2)) for each in folds]
            values[metric] = mean_of_defined(np.stack(macro))
            if len(self._classes) > 2:
                classes = mean_of_defined(np.stack([mean_of_defined(each) for each in folds]))
                for k, name in enumerate(self._classes):
                    values[f"{metric}_{name}"] = classes[:, k]
        return values

    def _pooled_values(self, weights: Floats, sums: tuple[Floats, Floats]) -> dict[str, Floats]:
        n_classes = len(self._classes)
        cells = (weights @ sums[0]).reshape(len(weights), n_classes, n_classes)
        losses = weights @ sums[1]
        total = cells.sum(axis=(1, 2))
        share = ratio(cells.sum(axis=2), np.broadcast_to(total[:, None], (len(total), n_classes)))
        values = decision_metrics(cells)
        values["brier"], values["log_loss"] = ratio(losses[:, 0], total), ratio(losses[:, 1], total)
        # the Brier score of predicting the prevalence; for two classes of the positive one alone
        base = (share * (1 - share)).sum(axis=1) / (2 if n_classes == 2 else 1)
        values["scaled_brier"] = 1 - ratio(values["brier"], base)
        if n_classes == 2:
            values["prevalence"] = share[:, 1]
        else:
            for metric, each in class_metrics(cells).items():
                for k, name in enumerate(self._classes):
                    values[f"{metric}_{name}"] = each[:, k]
            for k, name in enumerate(self._classes):
                values[f"prevalence_{name}"] = share[:, k]
        for i, true in enumerate(self._classes):
            for j, called in enumerate(self._classes):
                values[f"confusion_{true}_{called}"] = cells[:, i, j]
        return values


def all_names(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Names of every metric for these classes, in the order of the report."""
    names = [*RANK_METRICS, *DECISION_METRICS, "brier", "log_loss", "scaled_brier"]
    if len(classes) == 2:
        names.append("prevalence")
    else:
        each = (*RANK_METRICS, *CLASS_METRICS, "prevalence")
        names += [f"{metric}_{name}" for metric in each for name in classes]
    return (*names, *(f"confusion_{true}_{called}" for true in classes for called in classes))
