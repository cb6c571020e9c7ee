"""Cells of categories: split, counted, one-hot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.errors import InputError
from tumorboard.records import Bools, Floats

#: What a category that training rows did not have is called.
UNKNOWN = "unknown category"

#: A column with more categories than this holds identifiers or free text.
_MOST_CATEGORIES = 200

#: Categories of one cell: several where the column has a separator, None where it is missing.
Categories = tuple[str, ...] | None


def split_cells(cells: Sequence[str | None], separator: str) -> tuple[Categories, ...]:
    """Categories of each cell; None where it is missing or blank."""
    known: dict[str | None, Categories] = {cell: _split(cell, separator) for cell in set(cells)}
    return tuple(known[cell] for cell in cells)


def _split(cell: str | None, separator: str) -> Categories:
    words = (cell or "").split(separator) if separator else [cell or ""]
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip())) or None


def has_category(cells: Sequence[Categories]) -> Bools:
    """(rows,) where a cell is not missing."""
    return np.asarray([cell is not None for cell in cells], dtype=np.bool_)


def known_categories(cells: Sequence[Categories], *, where: str) -> list[str]:
    """Categories of training rows, sorted.

    Raises:
        InputError: So many that the column holds identifiers or free text.
    """
    known = sorted({category for cell in cells if cell for category in cell})
    if len(known) > _MOST_CATEGORIES:
        raise InputError(
            f"{where}: {len(known)} categories in the training rows, expected at most "
            f"{_MOST_CATEGORIES}. An identifier or free text is no category: remove the column "
            "from `categorical`, or join categories in the table; numbers belong in `numeric`."
        )
    return known


def mode_of(cells: Sequence[Categories], weight: Floats) -> str:
    """The category that most patients have; of several such the first in the alphabet."""
    total: dict[str, float] = {}
    for cell, own in zip(cells, weight.tolist(), strict=True):
        for category in cell or ():
            total[category] = total.get(category, 0.0) + own
    most = max(total.values())
    # weights such as 1/3 do not add up exactly
    return min(category for category, own in total.items() if own >= most - 1e-9)


def one_hot(
    cells: Sequence[Categories], entry: Mapping[str, Any], *, impute: bool = True
) -> list[Floats | Bools]:
    """Columns of 0 and 1 for each known category, for unknown ones, and the missing indicator.

    Args:
        cells: One per row.
        entry: Fitted state of the column: `categories`, `indicator` and, where a missing category
            becomes the mode, `fill`.
        impute: Whether a missing cell is as the state says (no category, or the mode) or NaN.
    """
    known: dict[str, int] = {category: i for i, category in enumerate(entry["categories"])}
    hot = np.zeros((len(cells), len(known) + 1))
    fill: Categories = (entry["fill"],) if "fill" in entry else None
    for row, cell in enumerate(cells):
        for category in cell or fill or ():
            hot[row, known.get(category, len(known))] = 1.0
    is_missing = ~has_category(cells)
    if not impute:
        hot[is_missing] = np.nan
    columns: list[Floats | Bools] = list(hot.T)
    return [*columns, is_missing] if entry["indicator"] else columns
