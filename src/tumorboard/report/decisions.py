"""Whether decisions by the model are worth it: net benefit, and the reader's own prevalence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.contents import Contents
from tumorboard.report.number_format import number
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import cell, percent, percent_cell, real, reals
from tumorboard.report.style import GREY, INK, Mark, marks, panels, save, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Thresholds that the table lists.
_LISTED = (0.05, 0.10, 0.20, 0.30, 0.50)
#: Ranges of thresholds that a sentence lists.
_MAX_RANGES = 3
#: Over treating all of the arm's own patients, where the arms have few patients in common.
_GAIN = ("gain", "gain_low", "gain_high")


def section(contents: Contents) -> Section | None:
    """Decision curves and operating points; None where the run has no such evidence."""
    document = read_evidence(contents.folder, "decisions")
    if document is None or not document["classes"]:
        return None
    folder = contents.folder / "figures"
    figures: list[dict[str, Any]] = []
    for index, name in enumerate(document["classes"]):
        label = "decisions" if len(document["classes"]) == 1 else f"decisions_{index + 1}"
        drawn = save(decision_figure(document, name, contents.arms), folder, label)
        figures.append({"class": name, "id": label, "svg": Markup(drawn)})
    last = list(document["classes"])[-1]
    arms = [arm for arm in contents.arms if arm in document["classes"][last]["arms"]]
    points = {arm: document["points"][arm] for arm in arms if arm in document["points"]}
    html = fill(
        "decisions.html",
        figures=figures,
        is_binary=len(document["classes"]) == 1,
        positive=last,
        difference=document["classes"][last]["difference"],
        n_common=document["patients"]["n"],
        is_common=document["patients"]["is_common"],
        n_differs=len({document["classes"][last]["arms"][a]["n_patients"] for a in arms}) > 1,
        listed=[_listed(document, last, t, arms) for t in _LISTED],
        arms=arms,
        points=[_point(arm, point) for arm, point in points.items()],
        at=_at(points),
        prevalence=round(100 * next(iter(points.values()))["prevalence"], 1) if points else 0,
        rule=_rule(document["rule"]),
    )
    return Section("decisions", "Decisions", _lead(document, last, arms), html)


def _lead(document: Mapping[str, Any], name: str, arms: Sequence[str]) -> str:
    """Over which thresholds the first arm is better than treating all and none."""
    curve = document["classes"][name]["arms"][arms[0]]
    at = reals(document["thresholds"])
    is_better = np.minimum(reals(curve["net_benefit"]), reals(curve["gain"])) > 1e-12
    is_certain = np.minimum(reals(curve["ci_low"]), reals(curve["gain_low"])) > 1e-12
    if not is_better.any():
        return (
            f"At no threshold are decisions by {arms[0]} worth more than treating everybody or "
            f"nobody for {name}."
        )
    certain = (
        f"; the 95 % intervals of both gains exclude 0 at {_ranges(at, is_certain)}"
        if is_certain.any()
        else "; at none of them do the 95 % intervals of both gains exclude 0"
    )
    return (
        f"Deciding about {name} by {arms[0]} is worth more than treating everybody or nobody at "
        f"threshold probabilities of {_ranges(at, is_better)}{certain}."
    )


def _ranges(at: Sequence[float] | Any, chosen: Any) -> str:
    """`0.05 to 0.60`, `0.39 and 0.45 to 0.50`; of more than three, the longest and how many."""
    rows = np.flatnonzero(chosen)
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    shown = runs if len(runs) <= _MAX_RANGES else [max(runs, key=len)]
    texts = [
        f"{at[run[0]]:.2f}" if len(run) == 1 else f"{at[run[0]]:.2f} to {at[run[-1]]:.2f}"
        for run in shown
    ]
    more = len(runs) - len(shown)
    return " and ".join([*texts, f"{more} shorter ranges"] if more else texts)


def _listed(
    document: Mapping[str, Any], name: str, threshold: float, arms: Sequence[str]
) -> dict[str, Any]:
    k = int(np.argmin(np.abs(reals(document["thresholds"]) - threshold)))
    curves = document["classes"][name]["arms"]
    difference = document["classes"][name]["difference"]
    is_common = document["patients"]["is_common"]
    names = ("net_benefit", "ci_low", "ci_high") if is_common else _GAIN
    picked = list(zip(("value", "ci_low", "ci_high"), names, strict=True))
    return {
        "threshold": f"{threshold:.2f}",
        "all": number(real(curves[arms[0]]["treat_all"][k]) if is_common else 0.0),
        "arms": [
            cell({to: curves[arm][key][k] for to, key in picked}, signed=not is_common)
            for arm in arms
        ],
        "avoided": number(real(curves[arms[0]]["avoided"][k]), digits=0),
        "difference": None
        if difference is None
        else cell(
            {
                "value": difference["difference"][k],
                "ci_low": difference["ci_low"][k],
                "ci_high": difference["ci_high"][k],
            },
            signed=True,
        ),
    }


def _point(arm: str, point: Mapping[str, Any]) -> dict[str, Any]:
    threshold, costs = point["threshold"], point["per_1000"]
    spread = (
        f"{number(threshold['low'])} to {number(threshold['high'])}"
        if threshold["n_models"] > 1
        else ""
    )
    rates = {
        f"{rate}_{end}": real(point[rate][end])
        for rate in ("sensitivity", "specificity")
        for end in ("value", "ci_low", "ci_high")
    }
    return {
        "arm": arm,
        "threshold": number(threshold["mean"]),
        "spread": spread,
        "sensitivity": percent_cell(point["sensitivity"]),
        "specificity": percent_cell(point["specificity"]),
        "counts": [
            cell(costs[name], digits=0)
            for name in ("true_positive", "false_negative", "false_positive", "true_negative")
        ],
        "rates": {name: "" if value != value else f"{value:.6f}" for name, value in rates.items()},
    }


def _at(points: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the prevalences that the study declares."""
    rows: list[dict[str, Any]] = []
    for arm, point in points.items():
        for at in point["at"]:
            rows.append(
                {
                    "prevalence": percent(at["prevalence"]),
                    "arm": arm,
                    "cells": [
                        percent_cell(at["ppv"]), percent_cell(at["npv"]), cell(at["f1"]),
                        cell(at["true_positive"], digits=0), cell(at["false_negative"], digits=0),
                        cell(at["false_positive"], digits=0), cell(at["true_negative"], digits=0),
                    ],
                }
            )  # fmt: skip
    return sorted(rows, key=lambda row: float(str(row["prevalence"]).split()[0]))


def _rule(rule: Mapping[str, Any]) -> str:
    meaning = {
        "youden": "the largest sensitivity + specificity − 1 (Youden)",  # noqa: RUF001 - a minus
        "sensitivity": f"a sensitivity of at least {rule['at_least']:g}",
        "precision": f"a PPV of at least {rule['at_least']:g}",
        "cost": f"the lowest cost, a missed case counting {rule['false_negative_cost']:g} and a "
        f"false alarm {rule['false_positive_cost']:g}",
        "fixed": f"fixed at {rule['at']:g}",
    }
    return meaning[str(rule["rule"])]


@styled
def decision_figure(document: Mapping[str, Any], name: str, arms: Sequence[str]) -> Figure:
    """Net benefit of every arm, and the difference of the primary comparison beside it."""
    curves = document["classes"][name]["arms"]
    shown = [arm for arm in arms if arm in curves]
    difference = document["classes"][name]["difference"]
    look = marks(shown)
    figure, axes = panels(1 if difference is None else 2, columns=2, height=4.1)
    _net_benefit(axes[0], document, curves, shown, look)
    if difference is not None:
        _difference(axes[1], document, difference, look)
    for axis in axes:
        axis.set_xlim(0, 1)
        axis.grid(visible=True)
        axis.set_xlabel(f"threshold probability of {short(name, 20)}")
    return figure


def _net_benefit(
    axis: Axes, document: Mapping[str, Any], curves: Mapping[str, Any], arms: Sequence[str],
    look: Mapping[str, Mark],
) -> None:  # fmt: skip
    at, first = reals(document["thresholds"]), curves[arms[0]]
    is_common = document["patients"]["is_common"]
    value, low, high = ("net_benefit", "ci_low", "ci_high") if is_common else _GAIN
    treat_all = reals(first["treat_all"]) if is_common else np.zeros(len(at))
    treat_none = np.zeros(len(at)) if is_common else -reals(first["treat_all"])
    axis.plot(at, treat_all, color=INK, lw=1.1, ls=(0, (1, 1)), label="treat all")
    axis.plot(at, treat_none, color=GREY, lw=1.1, label="treat none")
    axis.fill_between(
        at, reals(first[low]), reals(first[high]), color=look[arms[0]].colour,
        alpha=0.16, lw=0,
    )  # fmt: skip
    for arm in reversed(arms):
        mark = look[arm]
        axis.plot(
            at, reals(curves[arm][value]), color=mark.colour, ls=mark.dash, lw=1.7,
            label=short(arm, 20),
        )  # fmt: skip
    prevalence = max(real(curve["prevalence"]) for curve in curves.values())
    lowest = 0.12 if is_common else 1.08
    axis.set_ylim(-lowest * max(prevalence, 0.05), 1.08 * max(prevalence, 0.05))
    axis.set_ylabel("net benefit" if is_common else "net benefit over treating all")
    axis.set_title("Net benefit" if is_common else "Gain over treating all")
    handles, labels = axis.get_legend_handles_labels()
    order = [*reversed(range(2, len(handles))), 0, 1]
    axis.legend([handles[i] for i in order], [labels[i] for i in order], loc="upper right")


def _difference(
    axis: Axes, document: Mapping[str, Any], difference: Mapping[str, Any], look: Mapping[str, Mark]
) -> None:
    at = reals(document["thresholds"])
    low, high = reals(difference["ci_low"]), reals(difference["ci_high"])
    value = reals(difference["difference"])
    colour = look[difference["arm"]].colour if difference["arm"] in look else INK
    axis.fill_between(at, low, high, color=colour, alpha=0.16, lw=0)
    axis.plot(at, value, color=colour, lw=1.7)
    axis.axhline(0, color=GREY, lw=1.1)
    middle = at <= 0.9  # beyond, the odds of the threshold blow chance up
    reach = np.nanmax(np.abs(np.r_[value[middle], low[middle], high[middle], 0.01]))
    axis.set_ylim(-1.15 * reach, 1.15 * reach)
    axis.set_ylabel("difference of net benefit")
    axis.set_title(f"{short(difference['arm'], 18)} against {short(difference['reference'], 18)}")
