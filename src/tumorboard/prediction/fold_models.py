"""Patients that no fold has seen, predicted by each fold's model and by all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tumorboard.evaluation.any_table import AnyTable, join
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.modalities import Measured
from tumorboard.records import Cohort, Floats, Ints, Outcomes, Split
from tumorboard.study import Study
from tumorboard.training.fitted import FittedArm
from tumorboard.training.model_files import read_document
from tumorboard.training.plan import fit_folder
from tumorboard.training.prepare import Prepared
from tumorboard.training.signatures import fold_outcomes
from tumorboard.training.units import Patients, unit_table

#: Thresholds by (arm, repeat, fold), as evaluation takes them.
Thresholds = Mapping[tuple[str, int, int], float]


@dataclass(frozen=True)
class _Scored:
    """Patients with the outcomes that the model of one fold is judged by."""

    cohort: Cohort
    outcomes: Outcomes
    measured: Mapping[str, Measured]


@dataclass(frozen=True)
class NewPatients:
    """Predictions of patients that took no part in any fold.

    Args:
        each: By each fold's model: one row per unit, arm, repeat and fold; part `test`.
        ensemble: The mean over the models of an arm, as repeat 1, fold 1.
        thresholds: Each model's own threshold, chosen on its validation patients.
        ensemble_thresholds: The mean of them, by (arm, 1, 1).
        digests: Arm -> SHA-256 of each of its models, in the order of the splits.
    """

    each: AnyTable
    ensemble: AnyTable
    thresholds: Thresholds
    ensemble_thresholds: Thresholds
    digests: Mapping[str, tuple[str, ...]]


def model_digests(study: Study, splits: Sequence[Split], run: Path) -> dict[str, tuple[str, ...]]:
    """Arm -> SHA-256 of each of its models; what tells one model from another."""
    return {
        arm: tuple(str(read_document(fit_folder(run, arm, s))["sha256"]) for s in splits)
        for arm in study.arms
    }


def predict_new(
    study: Study, splits: Sequence[Split], run: Path, patients: Patients, rows: Ints, *,
    prepared: Prepared,
) -> NewPatients:  # fmt: skip
    """Predict rows by every model of a finished plan.

    An arm predicts the patients that have one of its modalities.

    Args:
        study: The study.
        splits: Its splits.
        run: The run folder with the fold models.
        patients: Whose rows.
        rows: Which of their rows.
        prepared: The study's own patients: scores of gene sets are on the scale of those who
            trained each model.
    """
    scored = [
        _Scored(patients.cohort, fold_outcomes(study, prepared, split, patients), patients.measured)
        for split in splits
    ]
    tables: list[AnyTable] = []
    ensembles: list[AnyTable] = []
    thresholds: dict[tuple[str, int, int], float] = {}
    joint: dict[tuple[str, int, int], float] = {}
    for arm in study.arms:
        own: list[AnyTable] = []
        chosen: list[float] = []
        for split, own_fold in zip(splits, scored, strict=True):
            fitted = FittedArm.open(fit_folder(run, arm, split))
            present = fitted.present(patients.measured)[rows].any(axis=1)
            if not present.any():
                break
            own.append(unit_table(fitted, own_fold, rows[present], split, "test"))
            thresholds[arm, split.repeat, split.fold] = fitted.threshold
            chosen.append(fitted.threshold)
        if own:
            tables += own
            ensembles.append(_mean(own))
            joint[arm, 1, 1] = float(np.mean(chosen))
    digests = model_digests(study, splits, run)
    return NewPatients(join(tables), join(ensembles), _known(thresholds), _known(joint), digests)


def _mean(tables: Sequence[AnyTable]) -> AnyTable:
    """Mean prediction of every unit; the tables hold the same units in the same order.

    Risk scores of several models have no common scale: each is put in the order of its patients
    first, so that no model counts for more than another. Outcomes that differ between models, as
    scores of gene sets do a little, are averaged as well.
    """
    first = tables[0]
    ones = np.ones(first.n_rows, dtype=np.int64)
    if isinstance(first, OutcomeTable):
        said = [_on_one_scale(t) for t in tables if isinstance(t, OutcomeTable)]
        predictions = np.mean(said, axis=0)
        outcome = np.stack([t.outcome for t in tables if isinstance(t, OutcomeTable)])
        is_one = np.array_equal(
            outcome, np.broadcast_to(outcome[:1], outcome.shape), equal_nan=True
        )
        own = outcome[0] if is_one else outcome.mean(axis=0)
        return replace(first, outcome=own, predictions=predictions, repeat=ones, fold=ones)
    mean: Floats = np.mean([t.probabilities for t in tables if isinstance(t, PredictionTable)], 0)
    return replace(first, probabilities=mean, repeat=ones, fold=ones)


def _on_one_scale(table: OutcomeTable) -> Floats:
    """Predictions with risk scores as ranks from 0 to 1 among these patients."""
    from scipy.stats import rankdata

    if table.kind != "survival":
        return table.predictions
    said = table.predictions.copy()
    said[:, 0] = (rankdata(said[:, 0]) - 0.5) / len(said)
    return said


def _known(thresholds: Mapping[tuple[str, int, int], float]) -> Thresholds:
    """Without the NaN of several classes, where the likeliest class is called."""
    return {key: value for key, value in thresholds.items() if not np.isnan(value)}
