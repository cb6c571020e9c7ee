"""Scales, medians, categories and flags of columns that are measured at several visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.errors import InputError
from tumorboard.records import Bools, Floats, Ints
from tumorboard.transforms.category_columns import Categories, has_category, known_categories
from tumorboard.transforms.column_scaling import fit_numbers


def fit_visits(
    numbers: Mapping[str, Floats], categories: Mapping[str, Sequence[Categories]], days: Floats,
    *, row: Ints, weight: Floats, where: str,
) -> dict[str, Any]:  # fmt: skip
    """Fitted state of training visits, for `column_features`, and of their times.

    In every column the visits of a row that have the value share the row's weight equally.

    Args:
        numbers: Column -> (visits,) NaN where missing.
        categories: Column -> the categories of each visit.
        days: (visits,) days from the index date.
        row: (visits,) number of the row that each visit belongs to.
        weight: (rows,) weight of each row; those of a patient sum to 1.
        where: Name of the modality, for messages.

    Raises:
        InputError: A column without a value, or of so many categories that it holds identifiers.
    """

    def shares(observed: Bools) -> Floats:
        n = np.bincount(row[observed], minlength=len(weight))[row]
        return np.where(observed, weight[row] / np.maximum(n, 1), 0.0)

    numeric: list[dict[str, Any]] = []
    for column, values in numbers.items():
        observed = np.isfinite(values)
        _require(observed, f"{where}, column {column}")
        fitted = fit_numbers(values, shares(observed), scaling="zscore", imputation="median")
        numeric.append({"column": column, **fitted, **_flag(observed)})
    categorical: list[dict[str, Any]] = []
    for column, cells in categories.items():
        observed = has_category(cells)
        _require(observed, f"{where}, column {column}")
        known = known_categories(cells, where=f"{where}, column {column}")
        categorical.append({"column": column, "categories": known, **_flag(observed)})
    every = shares(np.ones(len(days), dtype=np.bool_))
    time = fit_numbers(days, every, scaling="zscore", imputation="median")
    return {"numeric": numeric, "categorical": categorical, "time": time}


def _require(observed: Bools, where: str) -> None:
    if not observed.any():
        raise InputError(
            f"{where}: no value in any of the {len(observed)} visits of the training rows, so it "
            "can be neither scaled nor imputed. Remove it."
        )


def _flag(observed: Bools) -> dict[str, bool]:
    """Whether training visits lacked the value, and so whether a feature says so."""
    is_complete = bool(observed.all())
    return {"complete": is_complete, "indicator": not is_complete}
