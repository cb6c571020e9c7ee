"""Section on errors: contact sheets, and what the wrongly called patients share."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.contents import Contents
from tumorboard.report.heat_maps import as_jpeg, data_uri
from tumorboard.report.number_format import number, p_value
from tumorboard.report.section import Section, fill

#: Errors that are listed one by one.
MAX_LISTED = 15
#: Categories that are written out in a cell.
_MAX_LEVELS = 4


def section(contents: Contents) -> Section | None:
    """What the primary arm's errors share; None where the run has no such evidence."""
    document = read_evidence(contents.folder, "errors")
    if document is None:
        return None
    sheets: list[Mapping[str, Any]] = document.get("sheets", [])
    html = fill(
        "errors.html",
        arm=document["arm"],
        unit=contents.unit,
        errors=document["errors"][:MAX_LISTED],
        n_more=max(0, len(document["errors"]) - MAX_LISTED),
        is_binary=len(contents.classes) == 2,
        positive=contents.classes[-1],
        comparisons=[_comparison(each) for each in document["comparisons"]],
        n_tests=document["n_tests"],
        sheets=[_sheet(sheet, contents.folder) for sheet in sheets],
    )
    return Section("shared-errors", "What the errors share", _lead(document), html)


def _lead(document: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"{n} {kind}" for kind, n in document["kinds"].items())
    wrong = f"{document['arm']} is wrong about {document['n_wrong']} of {document['n_units']}"
    wrong += f" ({kinds})" if kinds else ""
    if not document["n_tests"]:
        return f"{wrong}: too few to test what they share."
    found = [
        f"{test['column']} ({each['kind']})"
        for each in document["comparisons"]
        for test in each["tests"]
        if test["p_value_holm"] is not None and test["p_value_holm"] < 0.05
    ]
    tested = f"{document['n_tests']} tests with Holm's correction"
    if not found:
        return f"{wrong}; {tested} find nothing that they share."
    return f"{wrong}; {tested} find that they differ in {', '.join(found)}."


def _comparison(each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": each["kind"],
        "against": each["against"],
        "n_wrong": each["n_wrong"],
        "n_right": each["n_right"],
        "note": each["note"],
        "tests": [
            {
                "column": test["column"],
                "wrong": _summary(test, "wrong"),
                "right": _summary(test, "right"),
                "effect": _effect(test),
                "p": p_value(_f(test["p_value"])),
                "p_holm": p_value(_f(test["p_value_holm"])),
                "is_found": _f(test["p_value_holm"]) < 0.05,
                "test": test["test"],
            }
            for test in each["tests"]
        ],
    }


def _f(value: float | None) -> float:
    return nan if value is None else value


def _summary(test: Mapping[str, Any], side: str) -> str:
    found: Mapping[str, Any] = test[side]
    if test["type"] == "number":
        if not isfinite(_f(found["median"])):
            return "no number"
        return f"{found['median']:.4g} ({found['q1']:.4g} to {found['q3']:.4g})"
    total = max(sum(found.values()), 1)
    levels = sorted(found.items(), key=lambda item: -item[1])
    shown = [f"{name} {n} ({100 * n / total:.0f} %)" for name, n in levels[:_MAX_LEVELS]]
    more = len(levels) - len(shown)
    return "; ".join(shown) + (f"; {more} more" if more else "")


def _effect(test: Mapping[str, Any]) -> str:
    value = _f(test["effect"])
    if not isfinite(value):
        return number(value)
    if test["type"] == "number":
        return f"{100 * value:.0f} % larger"
    return f"V {value:.2f}"


def _jpeg(path: Path) -> str:
    """The sheet as an address without a file; as PNG photographs weigh five times as much."""
    from PIL import Image

    with Image.open(path) as picture:
        return data_uri(as_jpeg(np.asarray(picture.convert("RGB"))))


def _sheet(sheet: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A sheet with its picture inline; a sentence where it was not made or is gone."""
    path = folder / sheet["file"] if sheet["file"] else None
    note, data = sheet["note"], ""
    if path is not None and path.is_file():
        data = _jpeg(path)
    elif path is not None:
        note = f"The contact sheet {sheet['file']} is no longer in the run folder."
    return {**sheet, "note": note, "data": data}
