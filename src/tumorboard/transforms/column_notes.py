"""Sentences about columns where rows are not like the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.formats.messages import counted, listed
from tumorboard.records import Bools, Floats, Ints
from tumorboard.transforms.category_columns import UNKNOWN, Categories, has_category
from tumorboard.transforms.imputation import fills_of, strata_of

#: A number is remarkable further outside the training range than this share of the range's width.
_BEYOND_RANGE = 0.5


def of_rows(
    fitted: Mapping[str, Any],
    numbers: Mapping[str, Floats],
    categories: Mapping[str, Sequence[Categories]],
    rows: Ints,
    patient_id: Sequence[str],
) -> list[str]:
    """Every sentence about these rows, column by column.

    Args:
        fitted: State of a table: `numeric` and `categorical`, an entry for each column.
        numbers: Columns of numbers, NaN where missing.
        categories: Columns of categories.
        rows: Row numbers.
        patient_id: Patient of each row of the cohort.
    """
    strata = strata_of(fitted.get("strata", ()), numbers, categories, rows)
    sentences: list[str] = []
    for entry in fitted["numeric"]:
        values = numbers[entry["column"]][rows]
        is_missing = np.isnan(values)
        sentences += beyond_range(patient_id, rows, values, entry)
        sentences += newly_missing(patient_id, rows, is_missing, entry)
        if "strata" in entry:
            is_whole = fills_of(strata, entry)[1] & is_missing
            sentences += outside_strata(patient_id, rows, is_whole, entry)
    for entry in fitted["categorical"]:
        cells = [categories[entry["column"]][int(row)] for row in rows]
        sentences += unseen(patient_id, rows, cells, entry)
        sentences += newly_missing(patient_id, rows, ~has_category(cells), entry)
    return sentences


def unseen(
    patient_id: Sequence[str], rows: Ints, cells: Sequence[Categories], entry: Mapping[str, Any]
) -> list[str]:
    """Categories that training rows did not have."""
    known = set(entry["categories"])
    found = [
        (int(row), category)
        for row, cell in zip(rows, cells, strict=True)
        for category in cell or ()
        if category not in known
    ]
    if not found:
        return []
    count = _patients(patient_id, [row for row, _ in found], "has", "have")
    words = listed([repr(word) for word in dict.fromkeys(word for _, word in found)])
    return [f"{count} an unseen category of {entry['column']} ({words}), treated as {UNKNOWN}."]


def beyond_range(
    patient_id: Sequence[str], rows: Ints, values: Floats, entry: Mapping[str, Any]
) -> list[str]:
    """Numbers far outside the training range."""
    low, high = entry.get("low", -np.inf), entry.get("high", np.inf)  # older models lack them
    reach = _BEYOND_RANGE * (high - low)
    is_beyond = (values < low - reach) | (values > high + reach)
    if not is_beyond.any():
        return []
    count = _patients(patient_id, rows[is_beyond].tolist(), "has", "have")
    found = listed([f"{value:g}" for value in dict.fromkeys(values[is_beyond].tolist())])
    return [f"{count} {entry['column']} outside what training saw ({low:g} to {high:g}): {found}."]


def newly_missing(
    patient_id: Sequence[str], rows: Ints, is_missing: Bools, entry: Mapping[str, Any]
) -> list[str]:
    """Missing values where training had none."""
    if not (entry.get("complete", False) and is_missing.any()):
        return []
    count = _patients(patient_id, rows[is_missing].tolist(), "lacks", "lack")
    return [f"{count} {entry['column']}, which was never missing in training."]


def outside_strata(
    patient_id: Sequence[str], rows: Ints, is_whole: Bools, entry: Mapping[str, Any]
) -> list[str]:
    """Missing values of a stratum in which no training row had one."""
    if not is_whole.any():
        return []
    count = _patients(patient_id, rows[is_whole].tolist(), "lacks", "lack")
    return [
        f"{count} {entry['column']} in a stratum without a training value of it: filled with that "
        "of all training patients."
    ]


def dropped(columns: Sequence[Mapping[str, Any]], most: float) -> list[str]:
    """Columns that too many training patients lacked."""
    if not columns:
        return []
    words = listed([f"{entry['column']} ({100 * entry['missing']:.0f} %)" for entry in columns])
    n = counted(len(columns), "column was", "columns were")
    return [f"{n} dropped, missing in more than {100 * most:g} % of training patients: {words}."]


def _patients(patient_id: Sequence[str], rows: Sequence[int], one: str, many: str) -> str:
    """`1 patient has`, `3 patients have`."""
    n = len({patient_id[row] for row in rows})
    return f"{counted(n, 'patient')} {one if n == 1 else many}"
