"""The rarest class: how many of it each arm finds, and what each arm gains on the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.evaluation.rare_class import SHOWN
from tumorboard.report.contents import Contents
from tumorboard.report.number_format import both, counted, interval, metric_name, number, p_value
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import cell, real

#: An AUROC from here on looks convincing; a sensitivity below that finds less than every second.
_CONVINCING, _EVERY_SECOND = 0.9, 0.5


def section(contents: Contents) -> Section | None:
    """The section of the report; None without evidence `rare_class`."""
    document = read_evidence(contents.folder, "rare_class")
    if document is None:
        return None
    arms = {arm: document["arms"][arm] for arm in contents.arms if arm in document["arms"]}
    return Section(
        anchor="rare-class",
        title=f"The rarest class: {document['class']}",
        lead=lead(document, arms, contents.unit),
        html=fill(
            "rare_class.html",
            name=document["class"],
            unit=contents.unit,
            columns=[metric_name(metric) for metric in SHOWN],
            chance=number(document["share"]),
            reference=document["reference"],
            n_repeats=document["n_repeats"],
            n_patients=document["n_patients"],
            rows=[_row(arm, found) for arm, found in arms.items()],
        ),
    )


def lead(document: Mapping[str, Any], arms: Mapping[str, Any], unit: str) -> str:
    """How rare the class is, what the primary arm finds of it, and which arm finds most."""
    name = document["class"]
    patients = "" if unit == "patient" else f", of {counted(document['n_patients'], 'patient')}"
    sentences = [
        f"{name} is {document['n_units']:,} of {counted(document['n_all'], unit)} "
        f"({100 * document['share']:.1f} %){patients}."
    ]
    if not arms:
        return sentences[0]
    arm, found = next(iter(arms.items()))
    sensitivity, auroc = (real(found[metric]["value"]) for metric in ("sensitivity", "auroc"))
    said = f"{arm} finds {_of_the(found)}"
    if auroc >= _CONVINCING and sensitivity < _EVERY_SECOND:
        said += f", although its AUROC of {auroc:.3f} looks as if it found nearly all"
    sentences.append(f"{said}.")
    best = max(arms, key=lambda each: real(arms[each]["sensitivity"]["value"]))
    if best != arm and arms[best]["found"] > found["found"]:
        sentences.append(f"{best} finds most: {_of_the(arms[best])}.")
    return " ".join(sentences)


def _found(found: Mapping[str, Any]) -> str:
    return f"{_count(found['found'])} of {_count(found['of'])}"


def _of_the(found: Mapping[str, Any]) -> str:
    return f"{_count(found['found'])} of the {_count(found['of'])}"


def _count(value: float) -> str:
    """Counts are means over repeats, which need not be whole."""
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-6 else f"{value:,.1f}"


def _row(arm: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "arm": arm,
        "found": _found(found),
        "called": _count(found["called"]),
        "cells": [
            {"own": cell(found[metric]), "difference": _difference(found["differences"], metric)}
            for metric in SHOWN
        ],
    }


def _difference(differences: Mapping[str, Any], metric: str) -> dict[str, str]:
    row = differences.get(metric)
    if row is None:
        return {"value": "", "both": "", "interval": "", "p": "", "test": ""}
    low, high = (real(row[name]) for name in ("ci_low", "ci_high"))
    return {
        "value": number(real(row["value"]), signed=True),
        "both": both(real(row.get("arm_value")), real(row.get("reference_value"))),
        "interval": interval(low, high, signed=True),
        "p": p_value(real(row["p_value"])),
        "test": str(row["test"]),
    }
