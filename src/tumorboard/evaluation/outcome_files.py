"""Tables of predicted numbers as files: written here, read from this or any other program."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tumorboard.cache import write_atomic
from tumorboard.errors import InputError, nearest
from tumorboard.evaluation.mask_columns import is_reference, mask_columns_in
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.prediction_table import ID_COLUMNS
from tumorboard.evaluation.sheet import Sheet
from tumorboard.records import Floats

#: Beginning of the columns of a regression.
PREDICTED = "predicted_"
#: Columns of a survival study.
TIME, EVENT, RISK, SURVIVAL = "time_days", "event", "risk_score", "survival_"


def write_outcomes(
    path: Path, table: OutcomeTable, *, further: Mapping[str, Sequence[object]] | None = None
) -> None:
    """Write a table as CSV, atomically, with numbers that read back unchanged.

    Args:
        path: Where it goes.
        table: The predictions.
        further: Columns that stand before the outcome: name -> one value per row.
    """
    more = further or {}
    columns = [getattr(table, name).tolist() for name in ID_COLUMNS]
    columns += [list(values) for values in more.values()]
    numbers = np.concatenate([table.outcome, table.predictions], axis=1).tolist()

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow([*ID_COLUMNS, *more, *table.outcome_names, *table.prediction_names])
            for *ids, row in zip(*columns, numbers, strict=True):
                writer.writerow([*ids, *("" if v != v else _plain(v) for v in row)])

    write_atomic(path, write)


def _plain(value: float) -> str:
    """`1` for a whole number of an event or a day, else every digit."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def prediction_columns(header: Sequence[str]) -> tuple[str, ...]:
    """Columns of predicted numbers: of survival, of a segmentation, or of a regression."""
    if RISK in header:
        return (RISK, *(name for name in header if is_survival(name)))
    if masks := mask_columns_in(header):
        return masks
    return tuple(name for name in header if name.startswith(PREDICTED))


def is_survival(name: str) -> bool:
    """Whether a column is a survival probability at a horizon, such as `survival_365`."""
    return name.startswith(SURVIVAL) and name[len(SURVIVAL) :].replace(".", "", 1).isdigit()


def horizons(names: Sequence[str]) -> Floats:
    """Days of the columns `survival_<days>`, in their order."""
    return np.asarray([float(n[len(SURVIVAL) :]) for n in names if is_survival(n)])


def read_outcomes(path: Path, *, arm: str = "none", further: Sequence[str] = ()) -> OutcomeTable:
    """Read a table of predicted numbers of this or of any other program.

    Args:
        path: CSV with at least `patient_id`, and either `time_days`, `event`, `risk_score` (and
            `survival_<days>`), or pairs `<target>`, `predicted_<target>`, or of a segmentation
            `reference_<label>_ml` (`_px`) and `dice_<label>` with further metrics, where an empty
            cell is a metric that does not apply.
        arm: Name where the table has no column `arm`; "none" takes the file's name.
        further: Columns that tell apart rows of one unit and model, such as `probe`.

    Raises:
        InputError: What is wrong, with file, row and patient.
    """
    sheet = Sheet.read(path)
    names = prediction_columns(sheet.header)
    if not names:
        raise InputError(
            f"{path}: no column of predictions. Expected {RISK} with {TIME} and {EVENT}, or "
            f"{PREDICTED}<target> with <target>, or dice_<label> with reference_<label>_ml."
        )
    outcomes = _outcome_columns(sheet.header, names)
    for name in outcomes:
        if name not in sheet.header:
            raise InputError(f"{path}: no outcome column {name!r}. {nearest(name, sheet.header)}")
    patient = sheet.ids("patient_id")
    table = OutcomeTable(
        patient_id=patient,
        unit_id=sheet.ids("unit_id") if "unit_id" in sheet.header else patient,
        arm=sheet.texts("arm", path.stem if arm == "none" else arm),
        repeat=sheet.counts("repeat"), fold=sheet.counts("fold"),
        part=sheet.texts("part", "test"), modalities=sheet.texts("modalities", ""),
        outcome=sheet.numbers(outcomes, empty=True), outcome_names=outcomes,
        predictions=sheet.numbers(names, empty=is_reference(outcomes[0])), prediction_names=names,
    )  # fmt: skip
    _check_rows(sheet, table, further)
    return table


def _outcome_columns(header: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Columns of what happened, for columns of predictions."""
    if names[0] == RISK:
        return TIME, EVENT
    if mask_columns_in(header):
        return tuple(name for name in header if is_reference(name))
    return tuple(name[len(PREDICTED) :] for name in names)


def _check_rows(sheet: Sheet, table: OutcomeTable, further: Sequence[str]) -> None:
    """One row per unit and model, one outcome per unit; events 0 or 1, times above 0."""
    seen: set[tuple[object, ...]] = set()
    keys = zip(table.unit_id.tolist(), table.arm.tolist(), table.repeat.tolist(),
               table.fold.tolist(), table.part.tolist(),
               *(sheet.texts(name).tolist() for name in further), strict=True)  # fmt: skip
    for row, key in enumerate(keys):
        if key in seen:
            raise sheet.fault(
                row,
                f"unit {key[0]!r} of arm {key[1]!r}, repeat {key[2]}, fold {key[3]}, {key[4]}, is "
                "there twice. Keep one row.",
            )
        seen.add(key)
    if table.outcome_names != (TIME, EVENT):
        return
    time, event = table.outcome.T
    for row in np.flatnonzero(~np.isnan(event) & ~np.isin(event, (0, 1)))[:1]:
        raise sheet.fault(int(row), f"{EVENT} is {event[row]:g}, expected 1 (seen) or 0.")
    for row in np.flatnonzero(time <= 0)[:1]:
        raise sheet.fault(int(row), f"{TIME} is {time[row]:g}, expected days above 0.")
