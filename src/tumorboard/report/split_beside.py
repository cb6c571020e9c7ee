"""The split by unit beside the split by patient: what a patient on both sides is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.evaluation.split_beside import plural
from tumorboard.report.contents import Contents
from tumorboard.report.number_format import metric_name, number
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import cell, real
from tumorboard.report.style import GREY, INK, PALE, marks, panels, save, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def section(contents: Contents) -> Section | None:
    """The section of the report; None without evidence `split_beside`."""
    from markupsafe import Markup

    document = read_evidence(contents.folder, "split_beside")
    if document is None or not document["arms"]:
        return None
    arms = {arm: document["arms"][arm] for arm in contents.arms if arm in document["arms"]}
    shown = [m for m in document["metrics"] if any(m in found for found in arms.values())]
    figure = split_figure(arms, shown, unit=document["unit"], patient=document["patient"])
    drawing = Markup(save(figure, contents.folder / "figures", "split_beside"))
    figure.clear()
    return Section(
        anchor="split-beside",
        title=f"Split by {document['unit']} beside split by {document['patient']}",
        lead=document["sentence"],
        html=fill(
            "split_beside.html",
            drawing=drawing,
            unit=document["unit"],
            units=plural(document["unit"]),
            patient=document["patient"],
            patients=plural(document["patient"]),
            columns=[metric_name(metric) for metric in shown],
            rows=[
                {"arm": arm, "cells": [_cells(found.get(metric)) for metric in shown]}
                for arm, found in arms.items()
            ],
        ),
    )


def _cells(pair: Mapping[str, Any] | None) -> dict[str, Any]:
    if pair is None:
        return {"by_patient": cell(None), "by_unit": cell(None), "difference": number(real(None))}
    return {
        "by_patient": cell(pair["by_patient"]),
        "by_unit": cell(pair["by_unit"]),
        "difference": number(real(pair["difference"]), signed=True),
    }


@styled
def split_figure(
    arms: Mapping[str, Mapping[str, Any]], metrics: Sequence[str], *, unit: str, patient: str
) -> Figure:
    """One panel per metric, one line per arm: filled by patient, hollow by unit."""
    look = marks(list(arms))
    height = 1.0 + 0.34 * len(arms)
    figure, axes = panels(len(metrics), columns=2, height=height, header=0.35)
    for axis, metric in zip(axes, metrics, strict=True):
        for i, (arm, found) in enumerate(arms.items()):
            if metric in found:
                _dumbbell(axis, i, found[metric], look[arm].colour)
        _furnish(axis, list(arms), metric_name(metric))
    _legend(figure, unit, patient)
    return figure


def _dumbbell(axis: Axes, i: int, pair: Mapping[str, Any], colour: str) -> None:
    honest, flattered = (real(pair[side]["value"]) for side in ("by_patient", "by_unit"))
    low, high = (real(pair["by_patient"][limit]) for limit in ("ci_low", "ci_high"))
    if isfinite(low) and isfinite(high):
        axis.plot([low, high], [i + 0.2, i + 0.2], color=colour, lw=1.0, alpha=0.6)
    axis.plot([honest, flattered], [i, i], color=PALE, lw=4.0, solid_capstyle="butt", zorder=1)
    axis.plot([flattered], [i], "o", mfc="white", mec=colour, mew=1.6, ms=7.5, zorder=2)
    axis.plot([honest], [i], "o", color=colour, ms=7.5, zorder=3)
    if isfinite(honest) and isfinite(flattered):
        axis.annotate(
            number(flattered - honest, digits=2, signed=True), (1.0, i), va="center", fontsize=8.5,
            xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
        )  # fmt: skip


def _furnish(axis: Axes, arms: Sequence[str], title: str) -> None:
    axis.set_yticks(range(len(arms)), [short(arm, 22) for arm in arms])
    axis.set_ylim(len(arms) - 0.4, -0.6)
    axis.grid(visible=True, axis="x")
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.1)
    axis.set_title(title)


def _legend(figure: Figure, unit: str, patient: str) -> None:
    from matplotlib.lines import Line2D

    dot: dict[str, Any] = {"ls": "none", "marker": "o", "ms": 7.5}
    handles = [
        Line2D([], [], color=INK, label=f"split by {patient}, with its interval", **dot),
        Line2D([], [], mfc="white", mec=INK, mew=1.6, label=f"split by {unit}: optimistic", **dot),
        Line2D([], [], color=GREY, ls="none", label="number: by how much it is higher"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, frameon=False)
