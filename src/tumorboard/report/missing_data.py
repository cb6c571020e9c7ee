"""What is missing, by modality, by column and by outcome class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from tumorboard.evaluation.standardised_differences import NOTEWORTHY, difference_of_counts
from tumorboard.report.contents import Contents
from tumorboard.report.number_format import number
from tumorboard.report.section import Section, fill

#: Combinations of modalities that get a row of their own.
MAX_PATTERNS = 12


def section(contents: Contents) -> Section | None:
    """The section of the report; None where nothing is missing."""
    found = _modalities(contents)
    sizes = {name: len(classes) for name, classes in _by_class(contents).items()}
    rows = [
        *(_row(name, "modality", missing, sizes) for name, missing in found.items()),
        *_columns(contents),
    ]
    rows = [row for row in rows if row["n"]]
    if not rows:
        return None
    uneven = [r["name"] for r in rows if r["is_noteworthy"]]
    most = max(rows, key=lambda row: row["share"])
    lead = f"Most often missing: {most['name']} ({100 * most['share']:.0f} %)."
    if uneven:
        lead += (
            f" Shares missing differ by more than {NOTEWORTHY:g} standard deviations between "
            f"outcome classes, as chance does in few patients: {', '.join(uneven)}."
        )
    return Section(
        anchor="missing-data",
        title="Missing data, by outcome",
        lead=lead,
        html=fill(
            "missing_data.html",
            rows=rows,
            classes=contents.classes,
            unit=contents.unit,
            patterns=_patterns(contents),
            n_units=sum(sizes.values()),
            n_patients=_n_described(contents),
        ),
    )


def _by_class(contents: Contents) -> dict[str, list[str]]:
    """Class -> units."""
    table = contents.predictions
    units, first = np.unique(table.unit_id, return_index=True)
    outcome = table.outcome[first]
    return {name: units[outcome == k].tolist() for k, name in enumerate(contents.classes)}


def _present(contents: Contents) -> dict[str, frozenset[str]]:
    """Unit -> modalities that any arm saw of it."""
    table = contents.predictions
    seen: dict[str, set[str]] = {}
    for unit, names in set(zip(table.unit_id.tolist(), table.modalities.tolist(), strict=True)):
        seen.setdefault(unit, set()).update(name for name in names.split("+") if name)
    return {unit: frozenset(names) for unit, names in seen.items()}


def _modalities(contents: Contents) -> dict[str, dict[str, int]]:
    """Modality that some unit has -> class -> units without it."""
    present, classes = _present(contents), _by_class(contents)
    names = dict.fromkeys(name for have in present.values() for name in have)
    known = [name for name in contents.study.get("modalities", {}) if name in names]
    return {
        name: {c: sum(name not in present[u] for u in units) for c, units in classes.items()}
        for name in known
    }


def _n_described(contents: Contents) -> int:
    """Patients of Table 1, which the columns are counted in."""
    return sum(int(n) for n in contents.table_one.get("classes", {}).values())


def _columns(contents: Contents) -> list[dict[str, Any]]:
    """Rows of the columns of Table 1, by patient."""
    table = contents.table_one
    if not table:
        return []
    sizes = {name: int(table["classes"][name]) for name in contents.classes
             if name in table["classes"]}  # fmt: skip
    rows: list[dict[str, Any]] = []
    for column in table["numeric"]:
        missing = {name: int(column["groups"][name]["missing"]) for name in sizes}
        rows.append(_row(column["column"], "column", missing, sizes))
    for column in table["categorical"]:
        missing = {name: int(column["missing"][name]) for name in sizes}
        rows.append(_row(column["column"], "column", missing, sizes))
    return rows


def _row(
    name: str, kind: str, missing: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, Any]:
    pairs = [(sizes[c] - missing[c], missing[c]) for c in sizes]
    differences = [
        abs(difference_of_counts(a, b)) for i, a in enumerate(pairs) for b in pairs[i + 1 :]
    ]
    known = [d for d in differences if np.isfinite(d)]
    n, total = sum(missing.values()), sum(sizes.values())
    return {
        "name": name,
        "kind": kind,
        "n": n,
        "share": n / total if total else 0.0,
        "cells": [
            {"n": missing[c], "share": missing[c] / sizes[c] if sizes[c] else 0.0} for c in sizes
        ],
        "difference": number(max(known), digits=2) if known else "",
        "is_noteworthy": bool(known) and max(known) > NOTEWORTHY and n > 0,
    }


def _patterns(contents: Contents) -> list[dict[str, Any]]:
    """Which modalities units have together, the commonest first; empty where all have all."""
    present = _present(contents)
    counts = Counter(present.values())
    if len(counts) < 2:
        return []
    order = list(contents.study.get("modalities", {}))
    outcome = {u: c for c, units in _by_class(contents).items() for u in units}
    by_class = Counter((have, outcome[unit]) for unit, have in present.items())
    return [
        {
            "names": " + ".join(name for name in order if name in have) or "none",
            "n": n,
            "cells": [by_class[have, c] for c in contents.classes],
        }
        for have, n in counts.most_common(MAX_PATTERNS)
    ]
