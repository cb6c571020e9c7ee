"""Table 1: who the patients are, per outcome class; each unit of the study counts once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isclose, isfinite
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.cache import write_text
from tumorboard.errors import InputError, nearest
from tumorboard.evaluation.standardised_differences import (
    difference_of_counts,
    difference_of_moments,
)
from tumorboard.formats.tables import parse_numbers
from tumorboard.records import Floats

#: Levels of a categorical column that get a line of their own; rarer ones are counted together.
MAX_LEVELS = 15
#: Beyond this skewness the median describes a column better than its mean.
SKEWED = 1.0


def table_one(
    columns: Mapping[str, Sequence[str | None]], numeric: Sequence[str], categorical: Sequence[str],
    outcome: Sequence[str], patient_id: Sequence[str], *, lines: Sequence[int] | None = None,
    table: Path = Path("cohort table"),
) -> dict[str, Any]:  # fmt: skip
    """Describe the columns per outcome class, as plain data that JSON can hold.

    Every patient counts once, with the cells of the patient's first row; patients whose rows differ
    in a column are counted beside it. Patients with an empty outcome are left out. A missing cell
    is counted and never enters a mean.

    Args:
        columns: Column -> one cell per row; None where missing.
        numeric: Columns described by mean and standard deviation, or quartiles where skewed.
        categorical: Columns described by counts.
        outcome: Class of each row.
        patient_id: Patient of each row, or what else a prediction is about.
        lines: Line of each row as a spreadsheet shows it, for messages.
        table: The table, for messages.

    Raises:
        InputError: A column that is not there, or a cell of a numeric column that is not a number.
    """
    absent = [name for name in (*numeric, *categorical) if name not in columns]
    if absent:
        raise InputError(
            f"{table.name}: column {absent[0]!r} of Table 1 is absent. "
            f"{nearest(absent[0], list(columns))}"
        )
    where = _Where(lines or range(2, len(patient_id) + 2), patient_id, table)
    rows = _first_rows(patient_id, outcome)
    classes = list(dict.fromkeys(sorted(outcome[row] for row in rows)))
    groups = {"all": rows} | {name: [r for r in rows if outcome[r] == name] for name in classes}
    rows_of = _rows_by_patient(patient_id, outcome)
    return {
        "n_patients": len(rows),
        "classes": {name: len(groups[name]) for name in classes},
        "numeric": [_numeric(name, columns[name], groups, where) for name in numeric],
        "categorical": [_categorical(name, columns[name], groups) for name in categorical],
        "n_differing": {
            name: _n_differing(columns[name], rows_of) for name in (*numeric, *categorical)
        },
    }


def write_table_one(path: Path, table: Mapping[str, Any]) -> None:
    """Write what `table_one` gave as table1.json of a run folder, complete or not at all."""
    write_text(path, json.dumps(table, indent=1, ensure_ascii=False))


@dataclass(frozen=True)
class _Where:
    """Where the cells stand, for messages."""

    lines: Sequence[int]
    patient_id: Sequence[str]
    table: Path


def _first_rows(patient_id: Sequence[str], outcome: Sequence[str]) -> list[int]:
    first: dict[str, int] = {}
    for row, patient in enumerate(patient_id):
        if outcome[row]:
            first.setdefault(patient, row)
    return list(first.values())


def _rows_by_patient(patient_id: Sequence[str], outcome: Sequence[str]) -> list[list[int]]:
    rows: dict[str, list[int]] = {}
    for row, patient in enumerate(patient_id):
        if outcome[row]:
            rows.setdefault(patient, []).append(row)
    return list(rows.values())


def _n_differing(cells: Sequence[str | None], rows_of: Sequence[Sequence[int]]) -> int:
    return sum(len({cells[row] for row in rows}) > 1 for rows in rows_of)


def _numeric(
    name: str, cells: Sequence[str | None], groups: Mapping[str, list[int]], where: _Where
) -> dict[str, Any]:
    rows = groups["all"]
    numbers = np.full(len(cells), np.nan)
    numbers[rows] = parse_numbers(
        [cells[row] for row in rows],
        column=name,
        lines=[where.lines[row] for row in rows],
        patient_ids=[where.patient_id[row] for row in rows],
        table=where.table,
    )
    present = numbers[rows][~np.isnan(numbers[rows])]
    return {
        "column": name,
        "skewed": bool(abs(_skewness(present)) > SKEWED),
        "groups": {group: _moments(numbers[members]) for group, members in groups.items()},
    }


def _skewness(values: Floats) -> float:
    """Third standardised moment; 0 where nothing varies."""
    if len(values) < 3 or np.ptp(values) == 0:
        return 0.0
    return float(np.mean(((values - values.mean()) / values.std()) ** 3))


def _moments(values: Floats) -> dict[str, float | int | None]:
    present = values[~np.isnan(values)]
    counts: dict[str, float | int | None] = {
        "n": len(present),
        "missing": int(np.isnan(values).sum()),
    }
    if not len(present):
        return counts | dict.fromkeys(("mean", "sd", "median", "q1", "q3", "minimum", "maximum"))
    q1, median, q3 = (float(x) for x in np.quantile(present, [0.25, 0.5, 0.75]))
    return counts | {
        "mean": float(present.mean()),
        "sd": float(present.std(ddof=1)) if len(present) > 1 else None,
        "median": median,
        "q1": q1,
        "q3": q3,
        "minimum": float(present.min()),
        "maximum": float(present.max()),
    }


def _categorical(
    name: str, cells: Sequence[str | None], groups: Mapping[str, list[int]]
) -> dict[str, Any]:
    counts = {group: Counter(cells[row] for row in rows) for group, rows in groups.items()}
    ordered = sorted(
        (level for level in counts["all"] if level is not None),
        key=lambda level: (-counts["all"][level], level),
    )
    levels = [
        {"level": level, "counts": {group: counts[group][level] for group in groups}}
        for level in ordered[:MAX_LEVELS]
    ]
    rare = ordered[MAX_LEVELS:]
    if rare:
        together = {group: sum(counts[group][level] for level in rare) for group in groups}
        levels.append({"level": f"{len(rare)} rarer levels", "counts": together})
    return {
        "column": name,
        "levels": levels,
        "missing": {group: counts[group][None] for group in groups},
    }


def has_rows(table: Mapping[str, Any]) -> bool:
    """Whether there is a column to describe; a study of images alone has none."""
    return bool(table) and bool(table["numeric"] or table["categorical"])


def shown_rows(table: Mapping[str, Any], *, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of Table 1 as the page shows them: heading rows, and one cell per group.

    Each row has `label`, `cells` (the whole cohort first, then each of `classes`), `is_level` and
    `difference`: the standardised difference between the classes, the largest of all pairs, empty
    where a class has fewer than two values.
    """
    groups = ["all", *classes]
    rows: list[dict[str, Any]] = []
    for column in table["numeric"]:
        is_flag = _is_flag(column["groups"]["all"])
        kind = "n (%)" if is_flag else "median [quartiles]" if column["skewed"] else "mean ± sd"
        cells = [
            _shown_flag(column["groups"][g])
            if is_flag
            else _shown_numbers(column["groups"][g], skewed=column["skewed"])
            for g in groups
        ]
        rows.append(
            {
                "label": f"{column['column']}, {kind}", "cells": cells, "is_level": False,
                "difference": _largest(_numeric_differences(column, classes)),
            }
        )  # fmt: skip
        missing = {g: column["groups"][g]["missing"] for g in groups}
        rows += _missing_row(missing, table, groups)
    for column in table["categorical"]:
        counts = [[level["counts"][g] for level in column["levels"]] for g in classes]
        rows.append(
            {
                "label": f"{column['column']}, n (%)", "cells": [], "is_level": False,
                "difference": _largest([difference_of_counts(*p) for p in combinations(counts, 2)]),
            }
        )  # fmt: skip
        n_present = {g: _size(table, g) - column["missing"][g] for g in groups}
        for level in column["levels"]:
            cells = [_share(level["counts"][g], n_present[g]) for g in groups]
            rows.append(
                {"label": level["level"], "cells": cells, "is_level": True, "difference": ""}
            )
        rows += _missing_row(column["missing"], table, groups)
    return rows


def _missing_row(
    missing: Mapping[str, int], table: Mapping[str, Any], groups: Sequence[str]
) -> list[dict[str, Any]]:
    if not missing["all"]:
        return []
    cells = [_share(missing[g], _size(table, g)) for g in groups]
    return [{"label": "missing", "cells": cells, "is_level": True, "difference": ""}]


def _numeric_differences(column: Mapping[str, Any], classes: Sequence[str]) -> list[float]:
    groups = [column["groups"][name] for name in classes]
    if any(group["sd"] is None for group in groups):
        return []
    return [
        difference_of_moments(a["mean"], a["sd"], b["mean"], b["sd"])
        for a, b in combinations(groups, 2)
    ]


def _largest(differences: Sequence[float]) -> str:
    """Two decimals without a sign; empty where a pair has no difference."""
    if not differences or not all(isfinite(d) for d in differences):
        return ""
    return f"{max(abs(d) for d in differences):.2f}"


def _size(table: Mapping[str, Any], group: str) -> int:
    return int(table["n_patients"] if group == "all" else table["classes"][group])


def _share(n: int, whole: int) -> str:
    return f"{n} ({100 * n / whole:.0f} %)" if whole else f"{n}"


def _is_flag(values: Mapping[str, Any]) -> bool:
    """Whether every value is 0 or 1: only then is the variance within 0..1 mean (1 - mean)."""
    n, mean, sd = values["n"], values["mean"], values["sd"]
    if n < 2 or sd is None or values["minimum"] < 0 or values["maximum"] > 1:
        return False
    return sd > 0 and isclose(sd**2 * (n - 1) / n, mean * (1 - mean), rel_tol=1e-9)


def _shown_flag(values: Mapping[str, Any]) -> str:
    """`12 (40 %)`: how many are 1, of those with a value."""
    n = int(values["n"])
    return _share(round(values["mean"] * n), n) if n else "none"


def _shown_numbers(values: Mapping[str, Any], *, skewed: bool) -> str:
    if not values["n"]:
        return "none"
    names = ("median", "q1", "q3") if skewed else ("mean", "sd", "sd")
    a, b, c = (_compact(values[name]) for name in names)
    return f"{a} [{b} to {c}]" if skewed else f"{a} ± {b}"


def _compact(value: float | None) -> str:
    """Three significant digits, and no exponent for ordinary numbers."""
    if value is None:
        return "not defined"
    return f"{value:.1f}" if 10 <= abs(value) < 1e6 else f"{value:.3g}"
