"""Predictions of numbers (survival, regression, scored masks): a row per unit, arm and fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from tumorboard.errors import InputError, nearest
from tumorboard.evaluation.mask_columns import is_of_masks
from tumorboard.evaluation.prediction_table import ID_COLUMNS, Texts
from tumorboard.records import Bools, Floats, Ints

_NAMES = ("outcome_names", "prediction_names")


@dataclass(frozen=True)
class OutcomeTable:
    """One row per unit, arm, repeat and fold, with outcomes and predictions that are numbers.

    Args:
        patient_id: Whom the unit belongs to; intervals go by patient.
        unit_id: What the prediction is about; the patient unless the study says otherwise.
        arm: Who predicted.
        repeat: Counted from 1.
        fold: Counted from 1; rows of one arm, repeat and fold come from one fitted model.
        part: `validation` or `test` (evaluation reports it).
        modalities: Names of the modalities that were present, joined by "+".
        outcome: (rows, O) NaN where the outcome is not known. Survival: time in days, and 1 where
            the event was seen.
        outcome_names: Their columns, such as `time_days`, `event`.
        predictions: (rows, P). Segmentation: metrics of a case, NaN where one does not apply.
        prediction_names: Their columns, such as `risk_score`, `survival_365`.
    """

    patient_id: Texts
    unit_id: Texts
    arm: Texts
    repeat: Ints
    fold: Ints
    part: Texts
    modalities: Texts
    outcome: Floats
    outcome_names: tuple[str, ...]
    predictions: Floats
    prediction_names: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.patient_id)
        for name, columns in (("outcome", self.outcome_names),
                              ("predictions", self.prediction_names)):  # fmt: skip
            if getattr(self, name).shape != (n, len(columns)):
                raise ValueError(f"{name} is {getattr(self, name).shape}, not {(n, len(columns))}")
        for name in ID_COLUMNS:
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, not {n}")

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.patient_id)

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in order of first appearance."""
        return tuple(dict.fromkeys(self.arm.tolist()))

    @property
    def kind(self) -> str:
        """The task whose predictions these are: `survival`, `segmentation` or `regression`."""
        if is_of_masks(self.outcome_names, self.prediction_names):
            return "segmentation"
        return "survival" if self.outcome_names == ("time_days", "event") else "regression"

    @property
    def known(self) -> Bools:
        """(rows,) True where every outcome is known."""
        return np.asarray(~np.isnan(self.outcome).any(axis=1))

    def take(self, rows: Ints | Bools) -> OutcomeTable:
        """The same table with these rows only."""
        kept = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name not in _NAMES}
        return replace(self, **kept)

    def of_arm(self, arm: str) -> OutcomeTable:
        """Rows of one arm.

        Raises:
            InputError: No such arm.
        """
        if arm not in self.arms:
            raise InputError(f"{arm!r} is not an arm of the predictions. {nearest(arm, self.arms)}")
        return self.take(self.arm == arm)


def join_tables(tables: Sequence[OutcomeTable]) -> OutcomeTable:
    """Tables below each other.

    Raises:
        InputError: Tables of different outcomes or predictions.
    """
    first = tables[0]
    for table in tables[1:]:
        for name in _NAMES:
            if getattr(table, name) != getattr(first, name):
                raise InputError(
                    f"arm {table.arms[0]!r} has the columns {', '.join(getattr(table, name))}, but "
                    f"arm {first.arms[0]!r} has {', '.join(getattr(first, name))}. Tables that are "
                    "compared must predict the same."
                )
    joined = {
        f.name: np.concatenate([getattr(table, f.name) for table in tables])
        for f in fields(first)
        if f.name not in _NAMES
    }
    return replace(first, **joined)


@dataclass(frozen=True)
class OutcomeUnits:
    """Units of the test parts of one arm, whose outcome is known.

    Args:
        patients: Patient ids; `patient` counts them.
        patient: (n,) index of each unit's patient.
        repeat: (n,) repeat of the model that scored the unit.
        fold: (n,) its fold.
        outcome: (n, O).
        predictions: (n, P).
        outcome_names: Columns of `outcome`.
        names: Columns of `predictions`.
    """

    patients: tuple[str, ...]
    patient: Ints
    repeat: Ints
    fold: Ints
    outcome: Floats
    predictions: Floats
    outcome_names: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, table: OutcomeTable) -> OutcomeUnits:
        """Test rows with a known outcome, of a table that holds one arm."""
        table = table.take((table.part == "test") & table.known)
        patients, patient = np.unique(table.patient_id, return_inverse=True)
        return cls(
            patients=tuple(patients.tolist()), patient=patient.astype(np.int64),
            repeat=table.repeat, fold=table.fold, outcome=table.outcome,
            predictions=table.predictions, outcome_names=table.outcome_names,
            names=table.prediction_names,
        )  # fmt: skip

    def take(self, rows: Ints) -> OutcomeUnits:
        """These units only; patients keep their numbers."""
        names = ("patient", "repeat", "fold", "outcome", "predictions")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def models(self) -> list[tuple[int, int]]:
        """(repeat, fold) of every fitted model, sorted."""
        return sorted(set(zip(self.repeat.tolist(), self.fold.tolist(), strict=True)))

    def of_model(self, repeat: int, fold: int) -> Ints:
        """Rows that the model of this repeat and fold scored."""
        return np.flatnonzero((self.repeat == repeat) & (self.fold == fold))
