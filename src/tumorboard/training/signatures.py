"""Targets that are scores of gene sets: computed inside each fold, from its training patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.gene_sets import read_gene_sets
from tumorboard.modalities import row_weights
from tumorboard.modalities.measured.expression import MeasuredExpression
from tumorboard.records import Floats, Ints, Split
from tumorboard.study import Study
from tumorboard.tasks.regression import Regression
from tumorboard.training.prepare import Prepared, build_task
from tumorboard.transforms.gene_set_scores import mean_scores, members

#: Least genes of a set that must have been measured for its score to be a target.
LEAST_GENES = 5


def with_signatures(study: Study, prepared: Prepared, split: Split) -> Prepared:
    """The same patients with the targets of this fold; unchanged where targets are columns.

    A score is the mean over the set's genes of expression in standard deviations from the training
    patients' mean, so that no other patient takes part in scaling a target.

    Raises:
        InputError: No such set in the file, or too few of its genes were measured.
    """
    task = build_task(study.keys.task)
    if not isinstance(task, Regression) or not task.is_signature:
        return prepared
    target = signature_scores(study, task.targets, prepared, split.rows(prepared.cohort, "train"))
    columns = {
        name: tuple(repr(float(v)) for v in target[:, k]) for k, name in enumerate(task.targets)
    }
    return replace(prepared, outcomes=replace(prepared.outcomes, target=target, columns=columns))


def signature_scores(study: Study, names: Sequence[str], prepared: Prepared, train: Ints) -> Floats:
    """(rows, sets): scores of every row in the training patients' standard deviations.

    Args:
        study: Names the file of sets and the expression modality.
        names: Sets that are asked for.
        prepared: Patients, all of whom have the expression modality.
        train: Training rows.
    """
    keys = study.keys.task
    measured = prepared.measured[keys.expression]
    if not isinstance(measured, MeasuredExpression):
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
    return mean_scores(_standardised(measured, prepared.cohort.patient_id, train), groups)


def _standardised(measured: MeasuredExpression, patient_id: tuple[str, ...], train: Ints) -> Floats:
    """(rows, genes) in standard deviations of the training rows; constant genes are NaN."""
    values = np.asarray(measured.values, dtype=np.float64)
    weight = np.where(np.isnan(values[train]), 0.0, row_weights(patient_id, train)[:, None])
    total = weight.sum(axis=0)
    known = np.where(np.isnan(values[train]), 0.0, values[train])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (weight * known).sum(axis=0) / total
        spread = np.sqrt((weight * (known - mean) ** 2).sum(axis=0) / total)
        # rounding leaves a constant gene a spread of about 1e-16 of its value
        varies = spread > 1e-9 * np.maximum(np.abs(mean), 1.0)
        return np.where(varies, (values - mean) / spread, np.nan)
