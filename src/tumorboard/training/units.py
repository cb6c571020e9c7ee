"""From rows to units: one prediction per patient (or row), the mean over its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.tables import PredictionTable
from tumorboard.modalities import Measured
from tumorboard.records import Bools, Cohort, Floats, Ints, Outcomes, Split
from tumorboard.training.fitted import FittedArm


class Patients(Protocol):
    """Patients who can be predicted: those of the study, or of another cohort."""

    @property
    def cohort(self) -> Cohort:
        """Their rows."""
        ...

    @property
    def outcomes(self) -> Outcomes:
        """Outcomes of the rows."""
        ...

    @property
    def measured(self) -> Mapping[str, Measured]:
        """Modality -> measurements of the rows."""
        ...


def unit_table(
    fitted: FittedArm, prepared: Patients, rows: Ints, split: Split, part: str
) -> PredictionTable | OutcomeTable:
    """Average the rows of each unit, calibrate, and put them into a prediction table."""
    predictions = fitted.predict(prepared.measured, rows)
    present = fitted.present(prepared.measured)[rows]
    units, means, first, names = average_units(
        [prepared.cohort.unit_id[int(r)] for r in rows],
        predictions,
        present,
        fitted.arm.modalities,
    )
    picked = rows[first]
    n = len(units)
    target = prepared.outcomes.target[picked]
    shared: dict[str, Any] = {
        "patient_id": np.asarray([prepared.cohort.patient_id[int(r)] for r in picked], np.str_),
        "unit_id": np.asarray(units, dtype=np.str_),
        "arm": np.asarray([fitted.arm.name] * n, dtype=np.str_),
        "repeat": np.full(n, split.repeat, dtype=np.int64),
        "fold": np.full(n, split.fold, dtype=np.int64),
        "part": np.asarray([part] * n, dtype=np.str_),
        "modalities": np.asarray(names, dtype=np.str_),
    }
    if not fitted.classes:
        return OutcomeTable(
            **shared,
            outcome=np.asarray(target, dtype=np.float64).reshape(n, -1),
            outcome_names=tuple(prepared.outcomes.columns),
            predictions=means,
            prediction_names=fitted.task.columns(()),
        )
    return PredictionTable(
        **shared,
        outcome=target.astype(np.int64),
        outcome_name=next(iter(prepared.outcomes.columns)),
        classes=fitted.classes,
        probabilities=fitted.calibrate(means),
    )


def average_units(
    unit_id: Sequence[str], predictions: Floats, present: Bools, modalities: Sequence[str]
) -> tuple[list[str], Floats, Ints, list[str]]:
    """Mean prediction of the rows of each unit.

    Returns:
        Unit ids in order of first appearance, their mean predictions (units, K), the first row of
        each,
        and the names of the modalities that any of its rows has, joined by "+".
    """
    index: dict[str, int] = {}
    inverse = np.asarray([index.setdefault(unit, len(index)) for unit in unit_id], dtype=np.int64)
    n = len(index)
    total = np.zeros((n, predictions.shape[1]))
    np.add.at(total, inverse, predictions)
    some = np.zeros((n, present.shape[1]), dtype=bool)
    np.logical_or.at(some, inverse, present)
    first = np.full(n, len(unit_id), dtype=np.int64)
    np.minimum.at(first, inverse, np.arange(len(unit_id)))
    means = total / np.bincount(inverse, minlength=n)[:, None]
    names = ["+".join(m for m, has in zip(modalities, row, strict=True) if has) for row in some]
    return list(index), means, first, names
