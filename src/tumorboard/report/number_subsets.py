"""Every subset of modalities of a study of survival times or of other numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.number_format import metric_name, number
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import cell, real


def section(contents: NumbersContents) -> Section | None:
    """Subsets of modalities; None where no arm has more than one."""
    document = read_evidence(contents.folder, "subsets")
    if document is None:
        return None
    arms: Mapping[str, Any] = document["arms"]
    several = [a for a in contents.arms if a in arms and len(_subsets(arms[a])) > 1]
    if not several:
        return None
    metrics = [str(name) for name in document["metrics"]]
    tables = [_table(arm, arms[arm], metrics) for arm in several]
    html = fill(
        "number_subsets.html",
        columns=[metric_name(name) for name in metrics],
        tables=tables,
        counted=contents.counted,
        has_unlearned=any(row["is_unlearned"] for table in tables for row in table["rows"]),
    )
    lead = _lead(several[0], arms[several[0]], metrics[0])
    return Section("subsets", "Every subset of modalities", lead, html)


def _subsets(arm: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Subsets shown to the models, or those at hand where nothing was hidden."""
    return arm["shown"] or arm["present"]


def _table(arm: str, entry: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    at_hand = {subset["modalities"]: subset["n_patients"] for subset in entry["present"]}
    rows = [
        {
            "subset": subset["modalities"].replace("+", " + "),
            "is_unlearned": not subset.get("is_learned", True),
            "is_refused": subset["is_refused"],
            "cells": [cell(subset["metrics"].get(name)) for name in metrics],
            "drops": [cell(subset.get("drop", {}).get(name), signed=True) for name in metrics],
            "n_patients": subset["n_patients"],
            "at_hand": at_hand.get(subset["modalities"], 0),
        }
        for subset in _subsets(entry)
    ]
    return {"arm": arm, "rows": rows}


def _lead(arm: str, entry: Mapping[str, Any], metric: str) -> str:
    """The first arm with everything, and how much the subset that costs it least loses."""
    drops = {
        subset["modalities"]: real(subset["drop"][metric]["value"])
        for subset in _subsets(entry)
        if subset.get("drop") and subset["drop"][metric]["value"] is not None
    }
    if not drops:
        return f"{arm} was tried on {len(_subsets(entry))} subsets of its modalities."
    best, worst = (choose(drops, key=lambda name: drops[name]) for choose in (min, max))
    ends = [f"{number(drops[best], signed=True)} with {best.replace('+', ' + ')} alone"]
    if worst != best:
        ends.append(f"{number(drops[worst], signed=True)} with {worst.replace('+', ' + ')} alone")
    return f"{metric_name(metric)} lost by {arm}: " + ", ".join(ends) + "."
