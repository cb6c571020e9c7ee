"""When the model should not answer: prediction sets, referral to a human, uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.contents import Contents
from tumorboard.report.model_remarks import said_once
from tumorboard.report.number_format import number
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import cell, percent, percent_cell, real, reals
from tumorboard.report.style import GREY, INK, PALE, Mark, marks, panels, save, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KINDS = {
    "total": "total",
    "aleatoric": "aleatoric (the data's)",
    "epistemic": "epistemic (the members disagree)",
}


def section(contents: Contents) -> Section | None:
    """Sets, referral and risk-coverage; None where the run has no such evidence."""
    document = read_evidence(contents.folder, "abstention")
    if document is None or not document["arms"]:
        return None
    arms = [arm for arm in contents.arms if arm in document["arms"]]
    drawn = save(abstention_figure(document, arms), contents.folder / "figures", "abstention")
    found: Mapping[str, Any] = document["arms"]
    html = fill(
        "abstention.html",
        svg=Markup(drawn),
        has_sets=document["coverage"] is not None,
        coverage=percent(document["coverage"]),
        by=document["by"],
        refer_below=document["refer_below"],
        classes=document["classes"],
        is_binary=len(document["classes"]) == 2,
        sets=[_sets(arm, found[arm]["sets"]) for arm in arms if found[arm]["sets"]],
        subgroups=_subgroups(found[arms[0]]["sets"]),
        referral=[_referral(a, found[a]["referral"]) for a in arms if found[a]["referral"]],
        risk=[_risk(arm, found[arm]["risk_coverage"]) for arm in arms],
        remarks=_remarks(found, arms),
        uncertainty=_uncertainty(contents),
        first=arms[0],
    )
    return Section("abstention", "When not to answer", _lead(document, arms), html)


def _lead(document: Mapping[str, Any], arms: Sequence[str]) -> str:
    arm, found = arms[0], document["arms"][arms[0]]
    sentences: list[str] = []
    if found["sets"] is not None:
        sentences.append(_held(arm, found["sets"], document))
    referral = found["referral"]
    if referral is not None:
        sentences.append(_referred(referral))
    if not sentences:
        area = cell(found["risk_coverage"]["aurc"])
        sentences.append(
            f"The area below the risk-coverage curve of {arm} is {area.value} where "
            f"{percent(found['risk_coverage']['risk_of_all'])} of all predictions are wrong."
        )
    return " ".join(sentences)


_SIDES = ("kept", "referred")


def _held(arm: str, sets: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """How often the sets hold the truth, and whether they rule anything out."""
    n_classes, coverage = len(document["classes"]), percent(document["coverage"])
    if sets["mean_size"] >= n_classes:
        return (
            f"Every prediction set of {arm} made for {coverage} holds all {n_classes} classes: the "
            "sets rule nothing out."
        )
    held, shares = percent_cell(sets["all"]), sets["shares"]
    between = f" (95 % interval {held.interval})" if held.interval else ""
    return (
        f"Prediction sets of {arm} made for {coverage} hold the true class in {held.value}"
        f"{between} of the test patients; {percent(shares['one'])} of the sets hold exactly one "
        "class."
    )


def _referred(referral: Mapping[str, Any]) -> str:
    """How many are referred, and how the calls of both sides are."""
    kept, referred = (percent(referral[side]["accuracy"]["value"]) for side in _SIDES)
    if not referral["kept"]["n_patients"]:
        return (
            "Everybody is referred to a human and nobody kept, so the rule says nothing of the "
            f"model's calls; they would be right in {referred}."
        )
    if not referral["referred"]["n_patients"]:
        return f"Nobody is referred to a human: calls are right in {kept}."
    return (
        f"{percent(referral['share'])} are referred to a human: calls are right in {kept} of "
        f"those kept and would be in {referred} of those referred."
    )


def _remarks(found: Mapping[str, Any], arms: Sequence[str]) -> list[str]:
    remarks = [
        (arm, str(remark["text"]), int(remark["n_models"]))
        for arm in arms
        for remark in found[arm]["remarks"]
    ]
    return said_once(remarks, arms, sum(int(found[arm]["n_models"]) for arm in arms))


def _sets(arm: str, sets: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "arm": arm,
        "all": percent_cell(sets["all"]),
        "classes": [percent_cell(held) for held in sets["classes"].values()],
        "mean_size": number(real(sets["mean_size"]), digits=2),
        "shares": [percent(sets["shares"][name]) for name in ("one", "several", "empty")],
        "n_patients": sets["all"]["n_patients"],
    }


def _subgroups(sets: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return [
        {
            "column": column, "group": group, "held": percent_cell(held),
            "mean_size": number(real(held["mean_size"]), digits=2),
            "n_patients": held["n_patients"],
        }
        for column, groups in (sets or {"subgroups": {}})["subgroups"].items()
        for group, held in groups.items()
    ]  # fmt: skip


def _referral(arm: str, referral: Mapping[str, Any]) -> dict[str, Any]:
    rates = [r for r in ("accuracy", "sensitivity", "specificity") if r in referral["kept"]]
    return {
        "arm": arm,
        "share": percent(referral["share"]),
        "sides": [
            {
                "name": side,
                "n_patients": referral[side]["n_patients"],
                "n_errors": number(real(referral[side]["n_errors"]), digits=1),
                "cells": [percent_cell(referral[side][rate]) for rate in rates],
            }
            for side in _SIDES
        ],
    }


def _risk(arm: str, found: Mapping[str, Any]) -> dict[str, Any]:
    at = dict(zip(found["coverage"], found["risk"], strict=True))
    shares = [min(at, key=lambda c, s=share: abs(c - s)) for share in (1.0, 0.9, 0.8, 0.5)]
    return {
        "arm": arm,
        "aurc": cell(found["aurc"]),
        "best": number(real(found["best_aurc"])),
        "risks": [percent(at[share]) for share in shares],
    }


def _uncertainty(contents: Contents) -> list[dict[str, Any]]:
    document = read_evidence(contents.folder, "uncertainty") or {}
    return [
        {
            "arm": arm,
            "n_members": found["n_members"],
            "n_errors": number(real(found["n_errors"]), digits=1),
            "kinds": [
                {
                    "name": _KINDS[kind],
                    "right": number(real(each["mean_of_right"])),
                    "wrong": number(real(each["mean_of_errors"])),
                    "finds": cell(each["finds_errors"]),
                }
                for kind, each in found["kinds"].items()
            ],
        }
        for arm, found in document.items()
        if arm in contents.arms
    ]


@styled
def abstention_figure(document: Mapping[str, Any], arms: Sequence[str]) -> Figure:
    """Errors among those kept, and the coverage of the sets where there are any."""
    look = marks(arms)
    has_sets = document["coverage"] is not None
    figure, axes = panels(2 if has_sets else 1, columns=2, height=3.9)
    _risk_coverage(axes[0], document, arms, look)
    if has_sets:
        _coverage(axes[1], document, arms, look)
    return figure


def _risk_coverage(
    axis: Axes, document: Mapping[str, Any], arms: Sequence[str], look: Mapping[str, Mark]
) -> None:
    for arm in reversed(arms):
        found, mark = document["arms"][arm]["risk_coverage"], look[arm]
        label = f"{short(arm, 18)}  {number(real(found['aurc']['value']))}"
        axis.plot(
            100 * reals(found["coverage"]), 100 * reals(found["risk"]), color=mark.colour,
            ls=mark.dash, lw=1.7, label=label,
        )  # fmt: skip
        referral = document["arms"][arm]["referral"]
        if referral is not None and referral["kept"]["accuracy"]["value"] is not None:
            axis.plot(
                100 * (1 - referral["share"]),
                100 * (1 - referral["kept"]["accuracy"]["value"]),
                ls="", marker=mark.marker, ms=6, color=mark.colour, mec=INK, mew=0.7, zorder=5,
            )  # fmt: skip
    axis.set(xlim=(0, 101), xlabel="predictions kept, most certain first (%)")
    top = axis.get_ylim()[1]
    axis.set_ylim(0, 1.35 * top)  # room for the legend
    axis.set_yticks([tick for tick in axis.get_yticks() if 0 <= tick <= min(top, 100.0)])
    axis.set_ylabel("wrong among those kept (%)")
    axis.set_title("Risk against coverage")
    axis.grid(visible=True)
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(handles[::-1], labels[::-1], loc="upper left", title="area (AURC)", ncols=2)


def _coverage(
    axis: Axes, document: Mapping[str, Any], arms: Sequence[str], look: Mapping[str, Mark]
) -> None:
    """Coverage of the sets over all and in every class, one row each and one mark per arm."""
    names = ["all", *document["classes"]]
    step = 0.7 / max(len(arms), 1)
    for i, arm in enumerate(arms):
        sets = document["arms"][arm]["sets"]
        rows = [sets["all"], *sets["classes"].values()]
        y = np.arange(len(rows)) + (i - (len(arms) - 1) / 2) * step
        low, high = (100 * reals([row[end] for row in rows]) for end in ("ci_low", "ci_high"))
        axis.hlines(y, low, high, color=look[arm].colour, lw=1.4)
        axis.plot(
            100 * reals([row["value"] for row in rows]), y, ls="", marker=look[arm].marker, ms=5,
            color=look[arm].colour, label=short(arm, 18),
        )  # fmt: skip
    for y in np.arange(1, len(names)) - 0.5:
        axis.axhline(y, color=PALE, lw=0.8)
    axis.axvline(100 * document["coverage"], color=GREY, lw=1.0, ls=":")
    axis.set_yticks(range(len(names)), [short(name, 16) for name in names])
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel("sets that hold the true class (%)")
    axis.set_title(f"Coverage, made for {percent(document['coverage'])}")
    axis.grid(visible=True, axis="x")
