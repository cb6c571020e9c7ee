"""What stands for a missing number: one value of the training rows, or one of each stratum."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorboard.records import Bools, Floats, Ints
from tumorboard.transforms.category_columns import Categories
from tumorboard.transforms.column_scaling import fill_value
from tumorboard.transforms.weighted import weighted_quantile

#: Shares of the training patients where a column of numbers is cut into strata.
_CUTS = (0.25, 0.5, 0.75)


def fit_strata(
    columns: Sequence[str],
    numbers: Mapping[str, Floats],
    categories: Mapping[str, Sequence[Categories]],
    rows: Ints,
    weight: Floats,
) -> list[dict[str, Any]]:
    """What defines the strata: for each column its name, and for one of numbers where it is cut.

    Args:
        columns: Columns of the strata, each among the numbers or the categories.
        numbers: Columns of numbers.
        categories: Columns of categories.
        rows: Training rows.
        weight: (len(rows),) weight of each.
    """
    strata: list[dict[str, Any]] = [{"column": column} for column in columns]
    for entry in strata:
        if entry["column"] not in categories:
            entry["cuts"] = stratum_cuts(numbers[entry["column"]][rows], weight)
    return strata


def stratum_cuts(values: Floats, weight: Floats) -> list[float]:
    """Quartiles of the observed training values, each once: where numbers become strata."""
    seen = np.isfinite(values)
    if not seen.any():
        return []
    cuts = (weighted_quantile(values[seen], weight[seen], q) for q in _CUTS)
    return sorted(dict.fromkeys(cuts))


@dataclass(frozen=True)
class Strata:
    """Strata of some rows.

    Args:
        names: Strata that occur, as JSON text: for each column its categories, or the number of
            the quarter that a number lies in.
        of_row: (rows,) number of each row's stratum in `names`.
    """

    names: tuple[str, ...]
    of_row: Ints


def strata_of(
    columns: Sequence[Mapping[str, Any]],
    numbers: Mapping[str, Floats],
    categories: Mapping[str, Sequence[Categories]],
    rows: Ints,
) -> Strata:
    """Strata of rows; a missing value is a stratum of its own.

    Args:
        columns: What `fit_strata` gave.
        numbers: Columns of numbers.
        categories: Columns of categories.
        rows: Row numbers.
    """
    parts: list[list[object]] = []
    for entry in columns:
        name = entry["column"]
        if name in categories:
            parts.append([categories[name][int(row)] for row in rows])
            continue
        values = numbers[name][rows]
        quarter = np.searchsorted(np.asarray(entry["cuts"]), values, side="right").tolist()
        parts.append([None if np.isnan(v) else q for v, q in zip(values, quarter, strict=True)])
    keys = list(zip(*parts, strict=True)) if parts else [()] * len(rows)
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    names = tuple(json.dumps(key, ensure_ascii=False) for key in number)
    return Strata(names, np.asarray([number[key] for key in keys], dtype=np.int64))


def stratum_fills(
    values: Floats, weight: Floats, strata: Strata, *, mean: bool
) -> dict[str, float]:
    """Fill value of every stratum in which the column has a training value.

    Args:
        values: (n,) training values, NaN where missing.
        weight: (n,) weight of each row.
        strata: Strata of these rows.
        mean: Whether the mean fills, rather than the median.
    """
    observed = np.flatnonzero(np.isfinite(values))
    own = strata.of_row[observed]
    ordered = observed[np.argsort(own, kind="stable")]
    groups = np.split(ordered, np.cumsum(np.bincount(own, minlength=len(strata.names)))[:-1])
    return {
        name: fill_value(values[group], weight[group], mean=mean)
        for name, group in sorted(zip(strata.names, groups, strict=True), key=lambda pair: pair[0])
        if len(group)
    }


def fills_of(strata: Strata, entry: Mapping[str, Any]) -> tuple[Floats, Bools]:
    """(rows,) what fills the column in each row, and whether that is the whole training part's."""
    known: Mapping[str, float] = entry["strata"]
    fill = np.asarray([known.get(name, entry["fill"]) for name in strata.names], dtype=np.float64)
    is_whole = np.asarray([name not in known for name in strata.names], dtype=np.bool_)
    return fill[strata.of_row], is_whole[strata.of_row]
