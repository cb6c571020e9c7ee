"""Targets that are scores of gene sets: computed inside each fold, from its training patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.gene_sets import read_gene_sets
from tumorboard.modalities import Measured, row_weights
from tumorboard.modalities.measured.expression import MeasuredExpression
from tumorboard.records import Floats, Ints, Outcomes, Split
from tumorboard.study import Study
from tumorboard.tasks.regression import Regression
from tumorboard.training.prepare import Prepared, build_task
from tumorboard.training.units import Patients
from tumorboard.transforms.gene_set_scores import mean_scores, members
from tumorboard.transforms.profiles import aligned

#: Least genes of a set that must have been measured for its score to be a target.
LEAST_GENES = 5
#: Least share of those genes that another cohort's table must have for the score to be the same.
LEAST_SHARE = 0.8


def with_signatures(study: Study, prepared: Prepared, split: Split) -> Prepared:
    """The same patients with the targets of this fold; unchanged where targets are columns.

    A score is the mean over the set's genes of expression in standard deviations from the training
    patients' mean, so that no other patient takes part in scaling a target.

    Raises:
        InputError: No such set in the file, or too few of its genes were measured.
    """
    return replace(prepared, outcomes=fold_outcomes(study, prepared, split, prepared))


def fold_outcomes(study: Study, prepared: Prepared, split: Split, patients: Patients) -> Outcomes:
    """Outcomes of patients as the models of one fold mean them, whoever the patients are.

    Scores of patients of another cohort, or of the locked test set, are in standard deviations of
    the fold's training patients as well.

    Args:
        study: The study.
        prepared: Its patients, some of whom train.
        split: Which of them do.
        patients: Whose outcomes.
    """
    task = build_task(study.keys.task)
    if not isinstance(task, Regression) or not task.is_signature:
        return patients.outcomes
    train = split.rows(prepared.cohort, "train")
    measured = patients.measured[study.keys.task.expression]
    target = signature_scores(study, task.targets, prepared, train, of=measured)
    columns = {
        name: tuple(repr(float(v)) for v in target[:, k]) for k, name in enumerate(task.targets)
    }
    return replace(patients.outcomes, target=target, columns=columns)


def signature_scores(
    study: Study, names: Sequence[str], prepared: Prepared, train: Ints, *,
    of: Measured | None = None,
) -> Floats:  # fmt: skip
    """(rows, sets): scores of every row in the training patients' standard deviations.

    Args:
        study: Names the file of sets and the expression modality.
        names: Sets that are asked for.
        prepared: Patients, all of whom have the expression modality.
        train: Training rows.
        of: Expression of the patients who are scored; None for those of `prepared`. Where their
            table lacks more than a fifth of a set's genes, its score is not known.
    """
    keys = study.keys.task
    measured = prepared.measured[keys.expression]
    scored = measured if of is None else of
    if not isinstance(measured, MeasuredExpression) or not isinstance(scored, MeasuredExpression):
        raise StudyError(f"task.expression: {keys.expression!r} is no expression modality.")
    sets = read_gene_sets(prepared.cohort.root / keys.gene_sets)
    absent = [name for name in names if name not in sets]
    if absent:
        raise InputError(
            f"{keys.gene_sets}: no gene set {absent[0]!r} (task.target). "
            f"{nearest(absent[0], list(sets))}"
        )
    groups = members({name: sets[name] for name in names}, measured.genes, least=LEAST_GENES)
    few = [name for name in names if name not in groups]
    if few:
        raise InputError(
            f"task.target: fewer than {LEAST_GENES} genes of {few[0]} are in the table of "
            f"{keys.expression!r}. Name another set, or another table."
        )
    mean, spread = _moments(measured, prepared.cohort.patient_id, train)
    values = aligned(scored.values, scored.genes, measured.genes)
    scores = mean_scores((values - mean) / spread, groups)
    here = np.isin(measured.genes, scored.genes)
    share = np.asarray([here[index].mean() for index in groups.values()])
    return np.where(share >= LEAST_SHARE, scores, np.nan)


def _moments(
    measured: MeasuredExpression, patient_id: tuple[str, ...], train: Ints
) -> tuple[Floats, Floats]:
    """(genes,) mean and standard deviation of the training rows; the latter NaN for a constant."""
    values = np.asarray(measured.values[train], dtype=np.float64)
    weight = np.where(np.isnan(values), 0.0, row_weights(patient_id, train)[:, None])
    total = weight.sum(axis=0)
    known = np.where(np.isnan(values), 0.0, values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (weight * known).sum(axis=0) / total
        spread = np.sqrt((weight * (known - mean) ** 2).sum(axis=0) / total)
    # rounding leaves a constant gene a spread of about 1e-16 of its value
    return mean, np.where(spread > 1e-9 * np.maximum(np.abs(mean), 1.0), spread, np.nan)
