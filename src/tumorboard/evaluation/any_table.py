"""Prediction tables of any task: of classes, or of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

from tumorboard.evaluation.outcome_files import (
    RISK,
    prediction_columns,
    read_outcomes,
    write_outcomes,
)
from tumorboard.evaluation.outcome_table import OutcomeTable, join_tables
from tumorboard.evaluation.prediction_table import PredictionTable, concatenate
from tumorboard.evaluation.sheet import Sheet
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


def holds_numbers(path: Path) -> bool:
    """Whether a prediction table is of survival, a segmentation or a regression, by its columns.

    Raises:
        InputError: The file cannot be read as a table of predictions.
    """
    header = Sheet.read(path).header
    has_classes = any(name.startswith("p_") for name in header)
    return RISK in header or (not has_classes and bool(prediction_columns(header)))


def in_common(tables: Sequence[AnyTable]) -> list[AnyTable]:
    """Tables of survival with the predictions that all of them have; all others as they are."""
    survival = [t for t in tables if isinstance(t, OutcomeTable) and t.kind == "survival"]
    if len(survival) < len(tables):
        return list(tables)
    shared = frozenset(survival[0].prediction_names).intersection(
        *(table.prediction_names for table in survival)
    )
    names = tuple(name for name in survival[0].prediction_names if name in shared)
    columns = [[table.prediction_names.index(name) for name in names] for table in survival]
    return [
        replace(table, predictions=table.predictions[:, own], prediction_names=names)
        for table, own in zip(survival, columns, strict=True)
    ]


def join(tables: Sequence[AnyTable]) -> AnyTable:
    """Tables of one task below each other."""
    if isinstance(tables[0], OutcomeTable):
        return join_tables(cast("Sequence[OutcomeTable]", tables))
    return concatenate(cast("Sequence[PredictionTable]", tables))
