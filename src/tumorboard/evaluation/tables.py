"""Prediction tables as files: written here, read from this or any other program."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from tumorboard.cache import write_atomic
from tumorboard.errors import InputError, nearest
from tumorboard.evaluation.prediction_table import (
    ID_COLUMNS,
    PredictionTable,
    concatenate,
)
from tumorboard.evaluation.sheet import Sheet
from tumorboard.records import Floats, Ints

__all__ = ["PredictionTable", "concatenate", "read_predictions", "write_predictions"]

#: Columns in which programs write what they call, never what is true.
_OWN_CALL = ("label", "predicted_label", "threshold", "prediction_set", "refer", "pairing")


def write_predictions(
    path: Path, table: PredictionTable, *, further: Mapping[str, Sequence[object]] | None = None
) -> None:
    """Write a prediction table as CSV, atomically, with probabilities that read back unchanged.

    Args:
        path: Where it goes.
        table: The predictions.
        further: Columns that stand before the outcome: name -> one value per row.
    """
    more = further or {}
    header = [*ID_COLUMNS, *more, table.outcome_name, *(f"p_{name}" for name in table.classes)]
    names = (*table.classes, "")  # the outcome -1 (not known) is the empty text
    outcome = [names[k] for k in table.outcome.tolist()]
    columns = [getattr(table, name).tolist() for name in ID_COLUMNS]
    columns += [list(values) for values in more.values()]

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(header)
            for *ids, name, row in zip(
                *columns, outcome, table.probabilities.tolist(), strict=True
            ):
                writer.writerow([*ids, name, *(repr(value) for value in row)])

    write_atomic(path, write)


def read_predictions(
    path: Path, *, outcome: str = "none", positive: str = "none", arm: str = "none",
    further: Sequence[str] = (), by: Literal["patient", "unit"] = "patient",
) -> PredictionTable:  # fmt: skip
    """Read a prediction table of this or of any other program.

    An id that was quoted against spreadsheets (`'-7`) is read without its quote.

    Args:
        path: CSV with at least `patient_id`, an outcome column and one `p_<class>` column per
            class; a single `p_<positive class>` is enough for two classes.
        outcome: Outcome column; "none" takes the one further column that holds only class names.
            `label`, `predicted_label` and `threshold` hold a model's call and are taken only when
            they are named here.
        positive: Class that comes last; "none" leaves the order of the file.
        arm: Name where the table has no column `arm`; "none" takes the file's name.
        further: Columns that tell several rows of one unit and model apart, such as a strength.
        by: What is in one part only; units where the split was by unit.

    Raises:
        InputError: What is wrong, with file, row and patient.
    """
    sheet = Sheet.read(path)
    ids = {
        "patient_id": sheet.ids("patient_id"),
        "arm": sheet.texts("arm", path.stem if arm == "none" else arm),
        "part": sheet.texts("part", "test"),
        "modalities": sheet.texts("modalities", ""),
    }
    ids["unit_id"] = sheet.ids("unit_id") if "unit_id" in sheet.header else ids["patient_id"]
    for name in ("patient_id", "unit_id", "arm"):
        for row in np.flatnonzero(ids[name] == "")[:1]:
            raise sheet.fault(int(row), f"{name} is empty. Every prediction needs one.")
    parts = ("train", "validation", "test")
    for row in np.flatnonzero(~np.isin(ids["part"], parts))[:1]:
        raise sheet.fault(
            int(row), f"part is {str(ids['part'][row])!r}, expected {' or '.join(parts)}."
        )
    columns = [name for name in sheet.header if name.startswith("p_")]
    if not columns:
        raise InputError(
            f"{path}: no column of probabilities. Expected one p_<class> per class, such as "
            "p_malignant."
        )
    name, classes = _find_outcome(sheet, [column[2:] for column in columns], outcome)
    table = PredictionTable(
        **ids, repeat=sheet.counts("repeat"), fold=sheet.counts("fold"),
        outcome=_read_outcome(sheet, name, classes), outcome_name=name, classes=classes,
        probabilities=_read_probabilities(sheet, columns),
    )  # fmt: skip
    _check_rows(sheet, table, further, by)
    return table.with_positive(positive)


def _find_outcome(sheet: Sheet, named: list[str], outcome: str) -> tuple[str, tuple[str, ...]]:
    """Name of the outcome column, and the class names in the order of the probabilities."""
    others = [n for n in sheet.header if n not in ID_COLUMNS and not n.startswith("p_")]
    if outcome != "none" and outcome not in sheet.header:
        raise InputError(f"{sheet.path}: no column {outcome!r}. {nearest(outcome, others)}")
    found: dict[str, tuple[str, ...]] = {}
    candidates = [n for n in others if n not in _OWN_CALL] if outcome == "none" else [outcome]
    for name in candidates:
        values = sorted(set(sheet.cells(name)) - {""})
        rest = [value for value in values if value != named[0]]
        if len(named) == 1 and len(rest) == 1 and (named[0] in values or outcome != "none"):
            found[name] = (rest[0], named[0])
        elif len(named) > 1 and values and set(values) <= set(named):
            found[name] = tuple(named)
    if outcome != "none" and not found:
        return outcome, tuple(named) if len(named) > 1 else (f"not {named[0]}", named[0])
    if len(found) == 1:
        return next(iter(found.items()))
    calls = [n for n in others if n in _OWN_CALL]
    if not candidates:
        aside = f" ({', '.join(calls)} hold what the model calls)" if calls else ""
        raise InputError(
            f"{sheet.path}: no outcome column{aside}, so there is nothing to compare the "
            "predictions with. Add a column with the true class of each patient, or name it with "
            "--outcome COLUMN."
        )
    detail = f"{', '.join(found)} all do" if found else f"none of {', '.join(candidates)} does"
    raise InputError(
        f"{sheet.path}: which column is the outcome? It must hold only the classes of the columns "
        f"{', '.join(f'p_{n}' for n in named)}; {detail}. Name it with --outcome COLUMN."
    )


def _read_outcome(sheet: Sheet, name: str, classes: tuple[str, ...]) -> Ints:
    cells = sheet.cells(name)
    for row, cell in enumerate(cells):
        if cell and cell not in classes:
            raise sheet.fault(
                row,
                f"{name} is {cell!r}, but the probabilities are of {', '.join(classes)}. "
                "Rename one of them.",
            )
    return np.asarray([classes.index(c) if c else -1 for c in cells], dtype=np.int64)


def _read_probabilities(sheet: Sheet, columns: list[str]) -> Floats:
    values = np.empty((len(sheet.rows), len(columns)))
    for k, column in enumerate(columns):
        for row, cell in enumerate(sheet.cells(column)):
            try:
                values[row, k] = float(cell)
            except ValueError:
                raise sheet.fault(row, f"{column} is {cell!r}, expected a probability.") from None
    outside = ~((values >= 0) & (values <= 1))  # NaN is outside as well
    for row, k in np.argwhere(outside)[:1]:
        raise sheet.fault(
            int(row), f"{columns[k]} is {values[row, k]:g}, expected a probability from 0 to 1."
        )
    if len(columns) == 1:
        return np.stack([1 - values[:, 0], values[:, 0]], axis=1)
    total = values.sum(axis=1)
    for row in np.flatnonzero(np.abs(total - 1) > 1e-3)[:1]:
        raise sheet.fault(
            int(row), f"{' + '.join(columns)} is {total[row]:.4g}, expected 1 (within 0.001)."
        )
    return values


def _check_rows(sheet: Sheet, table: PredictionTable, further: Sequence[str], by: str) -> None:
    """One row per unit and model, one part and test fold per patient, one outcome per unit.

    Of a split by unit each unit has one part and test fold, and a patient may have several.
    """
    seen: set[tuple[str, ...]] = set()
    part_of: dict[tuple[str, ...], str] = {}
    fold_of: dict[tuple[str, ...], str] = {}
    outcome_of: dict[str, int] = {}
    rows = zip(table.patient_id.tolist(), table.unit_id.tolist(), table.arm.tolist(),
               map(str, table.repeat.tolist()), map(str, table.fold.tolist()), table.part.tolist(),
               table.outcome.tolist(), strict=True)  # fmt: skip
    apart = list(zip(*map(sheet.cells, further), strict=True)) if further else [()] * table.n_rows
    for row, (patient, unit, arm, repeat, fold, part, outcome) in enumerate(rows):
        where = f"of arm {arm!r}, repeat {repeat}"
        key = (unit, arm, repeat, fold, part, *apart[row])
        if key in seen:
            raise sheet.fault(
                row, f"unit {unit!r} {where}, fold {fold}, {part}, is there twice. Keep one row."
            )
        seen.add(key)
        whole = patient if by == "patient" else unit
        if part_of.setdefault((whole, arm, repeat, fold), part) != part:
            raise sheet.fault(row, f"the {by} is in two parts {where}, fold {fold}.")
        if part == "test" and fold_of.setdefault((whole, arm, repeat), fold) != fold:
            raise sheet.fault(
                row,
                f"the {by} is in the test part of two folds {where}. "
                "Number overlapping test parts as repeats, not folds.",
            )
        if outcome_of.setdefault(unit, outcome) != outcome:
            raise sheet.fault(row, f"unit {unit!r} has two outcomes in {table.outcome_name}.")
