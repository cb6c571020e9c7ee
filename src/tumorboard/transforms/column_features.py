"""Features of fitted columns: scaled numbers, one-hot categories and their missing indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.messages import listed
from tumorboard.records import Bools, Floats, Ints
from tumorboard.transforms.category_columns import UNKNOWN, Categories, has_category, one_hot
from tumorboard.transforms.imputation import fills_of, strata_of


def feature_names(fitted: Mapping[str, Any]) -> tuple[str, ...]:
    """Name of each feature.

    Args:
        fitted: State of a table: `numeric` and `categorical`, an entry for each column.
    """
    names: list[str] = []
    for entry in fitted["numeric"]:
        names.append(entry["column"])
        names += [f"{entry['column']} missing"] if entry["indicator"] else []
    for entry in fitted["categorical"]:
        names += [f"{entry['column']}={word}" for word in (*entry["categories"], UNKNOWN)]
        names += [f"{entry['column']} missing"] if entry["indicator"] else []
    return tuple(names)


def feature_origins(fitted: Mapping[str, Any]) -> tuple[str, ...]:
    """Column that each feature comes from."""
    widths = [(entry, 1) for entry in fitted["numeric"]]
    widths += [(entry, len(entry["categories"]) + 1) for entry in fitted["categorical"]]
    return tuple(
        entry["column"] for entry, n in widths for _ in range(n + bool(entry["indicator"]))
    )


def feature_array(
    fitted: Mapping[str, Any],
    numbers: Mapping[str, Floats],
    categories: Mapping[str, Sequence[Categories]],
    rows: Ints,
    *,
    impute: bool,
) -> NDArray[np.float32]:
    """(rows, features) in the order of `feature_names`.

    Args:
        fitted: State of a table.
        numbers: Columns of numbers, NaN where missing.
        categories: Columns of categories.
        rows: Row numbers.
        impute: Whether missing values are filled, or stay NaN.
    """
    strata = strata_of(fitted.get("strata", ()) if impute else (), numbers, categories, rows)
    output: list[Floats | Bools] = []
    for entry in fitted["numeric"]:
        values = numbers[entry["column"]][rows]
        is_missing = np.isnan(values)
        if impute:
            fill = fills_of(strata, entry)[0] if "strata" in entry else entry["fill"]
            values = np.where(is_missing, fill, values)
        output.append((values - entry["center"]) / entry["scale"])
        if entry["indicator"]:
            output.append(is_missing)
    for entry in fitted["categorical"]:
        cells = categories[entry["column"]]
        output += one_hot([cells[int(row)] for row in rows], entry, impute=impute)
    return np.stack(output, axis=1).astype(np.float32)


def require_values(
    name: str,
    numbers: Mapping[str, Floats],
    categories: Mapping[str, Sequence[Categories]],
    rows: Ints,
) -> None:
    """Refuse columns that no training row has a value of.

    Args:
        name: The modality, for the message.
        numbers: Numeric column -> (rows,) with NaN where it is missing.
        categories: Categorical column -> the categories of each row.
        rows: Training rows.

    Raises:
        InputError: All such columns at once, with the setting that drops them.
    """
    empty = [column for column, values in numbers.items() if not np.isfinite(values[rows]).any()]
    for column, cells in categories.items():
        if not has_category([cells[int(row)] for row in rows]).any():
            empty.append(column)
    if empty:
        named = (
            f"column {empty[0]}" if len(empty) == 1 else f"{len(empty)} columns: {listed(empty)}"
        )
        raise InputError(
            f"{name}, {named}: no value in any of the {len(rows)} training rows, so it can be "
            "neither scaled nor imputed. Remove it from this modality, or set drop_missing_above, "
            "such as 0.9, which drops columns that most training patients lack."
        )
