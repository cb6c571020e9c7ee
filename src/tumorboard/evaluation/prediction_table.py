"""The prediction table: one row per unit, arm, repeat and fold; the only thing evaluation reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError, nearest
from tumorboard.records import Bools, Floats, Ints

Texts = NDArray[np.str_]

#: Columns before the outcome, in order.
ID_COLUMNS = ("patient_id", "unit_id", "arm", "repeat", "fold", "part", "modalities")


@dataclass(frozen=True)
class PredictionTable:
    """One row per unit, arm, repeat and fold.

    Args:
        patient_id: Whom the unit belongs to; intervals go by patient.
        unit_id: What the prediction is about; the patient unless the study says otherwise.
        arm: Who predicted.
        repeat: Counted from 1.
        fold: Counted from 1; rows of one arm, repeat and fold come from one fitted model.
        part: `validation` (thresholds come from it) or `test` (evaluation reports it).
        modalities: Names of the modalities that were present, joined by "+".
        outcome: Class index, -1 where the outcome is not known.
        outcome_name: Column of the outcome.
        classes: Class names in the order of `probabilities`; the positive one last.
        probabilities: (rows, K).
    """

    patient_id: Texts
    unit_id: Texts
    arm: Texts
    repeat: Ints
    fold: Ints
    part: Texts
    modalities: Texts
    outcome: Ints
    outcome_name: str
    classes: tuple[str, ...]
    probabilities: Floats

    def __post_init__(self) -> None:
        shape = (len(self.patient_id), len(self.classes))
        if self.probabilities.shape != shape:
            raise ValueError(f"probabilities have shape {self.probabilities.shape}, not {shape}")
        for name in (*ID_COLUMNS, "outcome"):
            if len(getattr(self, name)) != shape[0]:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, not {shape[0]}")

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.patient_id)

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in order of first appearance."""
        return tuple(dict.fromkeys(self.arm.tolist()))

    def take(self, rows: Ints | Bools) -> PredictionTable:
        """The same table with these rows only."""
        kept = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name not in ("outcome_name", "classes")
        }
        return replace(self, **kept)

    def of_arm(self, arm: str) -> PredictionTable:
        """Rows of one arm.

        Raises:
            InputError: No such arm.
        """
        if arm not in self.arms:
            raise InputError(f"{arm!r} is not an arm of the predictions. {nearest(arm, self.arms)}")
        return self.take(self.arm == arm)

    def with_positive(self, positive: str) -> PredictionTable:
        """The same table with the class `positive` last; "none" leaves the order.

        Raises:
            InputError: No such class.
        """
        if positive == "none" or positive == self.classes[-1]:
            return self
        if positive not in self.classes:
            raise InputError(
                f"positive: {positive!r} is not a class of {self.outcome_name}. "
                f"{nearest(positive, self.classes)}"
            )
        return self.with_classes((*(c for c in self.classes if c != positive), positive))

    def with_classes(self, classes: tuple[str, ...]) -> PredictionTable:
        """The same table with its classes in another order."""
        order = [self.classes.index(name) for name in classes]
        index = np.argsort(np.asarray([*order, len(order)]))  # the last entry keeps -1 at -1
        index[-1] = -1
        return replace(
            self,
            classes=classes,
            probabilities=self.probabilities[:, order],
            outcome=index[self.outcome],
        )


def concatenate(tables: Sequence[PredictionTable]) -> PredictionTable:
    """Tables below each other, with the class order and outcome name of the first.

    Raises:
        InputError: Tables with different classes.
    """
    first = tables[0]
    for table in tables[1:]:
        if set(table.classes) != set(first.classes):
            raise InputError(
                f"arm {table.arms[0]!r} predicts the classes {', '.join(table.classes)}, but arm "
                f"{first.arms[0]!r} predicts {', '.join(first.classes)}. Tables that are compared "
                "must predict the same classes."
            )
    ordered = [table.with_classes(first.classes) for table in tables]
    joined = {
        field.name: np.concatenate([getattr(table, field.name) for table in ordered])
        for field in fields(first)
        if field.name not in ("outcome_name", "classes")
    }
    return replace(first, **joined)
