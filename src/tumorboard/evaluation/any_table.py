"""Prediction tables of any task: of classes, or of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from tumorboard.evaluation.outcome_files import read_outcomes, write_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable, join_tables
from tumorboard.evaluation.prediction_table import PredictionTable, concatenate
from tumorboard.evaluation.tables import read_predictions, write_predictions
from tumorboard.records import Outcomes

AnyTable = PredictionTable | OutcomeTable


def write_table(
    path: Path, table: AnyTable, *, further: Mapping[str, Sequence[object]] | None = None
) -> None:
    """Write a prediction table as CSV, atomically; see `write_predictions`."""
    if isinstance(table, OutcomeTable):
        write_outcomes(path, table, further=further)
    else:
        write_predictions(path, table, further=further)


def read_table(
    path: Path, outcomes: Outcomes, *, by: Literal["patient", "unit"] = "patient"
) -> AnyTable:
    """Read predictions of a study with these outcomes.

    Args:
        path: What `write_table` wrote.
        outcomes: The study's outcomes, which name the column and its classes.
        by: What is in one part only; units where the split was by unit.
    """
    if not outcomes.classes:
        return read_outcomes(path)
    name = next(iter(outcomes.columns))
    return read_predictions(path, outcome=name, positive=outcomes.classes[-1], by=by)


def join(tables: Sequence[AnyTable]) -> AnyTable:
    """Tables of one task below each other."""
    if isinstance(tables[0], OutcomeTable):
        return join_tables(cast("Sequence[OutcomeTable]", tables))
    return concatenate(cast("Sequence[PredictionTable]", tables))
