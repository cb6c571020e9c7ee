"""Time to the event: curves by risk group, calibration at a horizon, and AUROC over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.number_format import number, p_value
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import cell, percent, percent_cell, real, reals
from tumorboard.report.style import COLOURS, DASHES, GREY, marks, new_figure, save, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_YEAR = 365.25


def section(contents: RunContents) -> Section | None:
    """The section of a survival study; None for all others."""
    return survival_section(contents.folder, contents.arms)


def survival_section(run: Path, arms: Sequence[str]) -> Section | None:
    """The section from the run folder's evidence; the first arm leads."""
    document = read_evidence(run, "survival")
    arms = [arm for arm in arms if document and arm in document["arms"]]
    if document is None or not arms:
        return None
    found: Mapping[str, Any] = document["arms"]
    drawn = save(survival_figure(document, arms), run / "figures", "survival")
    grouped = [arm for arm in arms if found[arm]["groups"]]
    names = max((found[arm]["groups"]["names"] for arm in grouped), key=len, default=[])
    html = fill(
        "survival.html",
        svg=Markup(drawn),
        first=arms[0],
        horizon=_horizon(document),
        names=names,
        groups=[_groups(arm, found[arm]["groups"], names) for arm in grouped],
        calibration=[row for arm in arms for row in _calibration(arm, found[arm]["calibration"])],
    )
    return Section("survival", "Survival", _lead(document, arms[0]), html)


def _horizon(document: Mapping[str, Any]) -> int:
    """The horizon in the middle: early ones have few events, late ones few patients."""
    days = document["horizons"]
    return int(days[len(days) // 2]) if days else 0


def _lead(document: Mapping[str, Any], arm: str) -> str:
    follow_up, groups = document["follow_up"], document["arms"][arm]["groups"]
    median = real(follow_up["median_days"])
    followed = "" if np.isnan(median) else f"; the median follow-up is {median:.0f} days"
    first = (
        f"{follow_up['n_events']} of {follow_up['n_patients']} test patients had the event"
        f"{followed} (reverse Kaplan-Meier)."
    )
    if groups is None:
        return f"{first} Without validation patients there are no risk groups."
    p = real(groups["log_rank"]["p_value"])
    verdict = "differ" if p < 0.05 else "cannot be told apart"
    return (
        f"{first} The {len(groups['names'])} risk groups of {arm} {verdict} in survival "
        f"(log-rank p {p_value(p)})."
    )


def _groups(arm: str, found: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    by_name = dict(zip(found["names"], found["groups"], strict=True))
    empty = {"count": number(np.nan), "median": ""}
    return {
        "arm": arm,
        "p": p_value(real(found["log_rank"]["p_value"])),
        "cells": [
            {
                "count": f"{by_name[name]['n_patients']} / {by_name[name]['n_events']}",
                "median": number(real(by_name[name]["median_days"]), digits=0),
            }
            if name in by_name
            else empty
            for name in names
        ],
    }


def _calibration(arm: str, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "arm": arm,
            "days": entry["days"],
            "predicted": percent(entry["overall"]["predicted"]),
            "observed": percent_cell({**entry["overall"], "value": entry["overall"]["observed"]}),
            "ratio": cell(entry["ratio"], digits=2),
            "slope": cell(entry["slope"], digits=2),
            "n_patients": entry["overall"]["n_patients"],
        }
        for entry in found
    ]


@styled
def survival_figure(document: Mapping[str, Any], arms: Sequence[str]) -> Figure:
    """Curves of the first arm's risk groups; calibration and AUROC over time of all arms."""
    figure = new_figure(7.6)
    # the empty row keeps the counts below the curves from the titles of the panels below
    grid = figure.add_gridspec(3, 2, height_ratios=[1.15, 0.02, 1.0])
    _curves(figure.add_subplot(grid[0, :]), document["arms"][arms[0]]["groups"], arms[0])
    _calibration_panel(figure.add_subplot(grid[2, 0]), document, arms)
    _auroc_panel(figure.add_subplot(grid[2, 1]), document, arms)
    return figure


def _curves(axis: Axes, groups: Mapping[str, Any] | None, arm: str) -> None:
    axis.set_title(f"{short(arm)}: without event, by risk group")
    if groups is None:
        axis.text(0.5, 0.5, "no validation patients", ha="center", transform=axis.transAxes)
        return
    for k, (name, found) in enumerate(zip(groups["names"], groups["groups"], strict=True)):
        if not found["time"]:
            continue
        years = np.r_[0.0, reals(found["time"])] / _YEAR
        colour, label = COLOURS[k], f"{name} ({found['n_patients']})"
        axis.step(years, 100 * np.r_[1.0, reals(found["survival"])], where="post", color=colour,
                  ls=DASHES[k], lw=1.7, label=label)  # fmt: skip
        low, high = (100 * np.r_[np.nan, reals(found[end])] for end in ("ci_low", "ci_high"))
        axis.fill_between(years, low, high, step="post", color=colour, alpha=0.13, lw=0)
    days = reals(groups["at_risk_days"]) / _YEAR
    for k, (name, found) in enumerate(zip(groups["names"], groups["groups"], strict=True)):
        below = -0.2 - 0.075 * k
        axis.text(-0.025, below, name, color=COLOURS[k], fontsize=8, ha="right", va="center",
                  transform=axis.transAxes)  # fmt: skip
        for x, n in zip(days, found["at_risk"], strict=True):
            axis.text(x, below, str(n), color=COLOURS[k], fontsize=8, ha="center", va="center",
                      transform=axis.get_xaxis_transform())  # fmt: skip
    p = p_value(real(groups["log_rank"]["p_value"]))
    axis.set(ylim=(0, 102), xlabel="years; patients still followed", ylabel="without event (%)")
    axis.set_xlim(0, max(float(days[-1]), 1e-3) * 1.02)
    axis.set_xticks(days, [f"{day:.3g}" for day in days])
    axis.grid(visible=True)
    axis.legend(loc="upper right", title=f"log-rank p {p}")


def _calibration_panel(axis: Axes, document: Mapping[str, Any], arms: Sequence[str]) -> None:
    horizon, look = _horizon(document), marks(list(arms))
    largest = 10.0
    for arm in reversed(arms):
        entries = [e for e in document["arms"][arm]["calibration"] if e["days"] == horizon]
        for entry in entries:
            rows = entry["groups"] or [entry["overall"]]
            predicted, observed, low, high = (
                100 * reals([row[name] for row in rows])
                for name in ("predicted", "observed", "ci_low", "ci_high")
            )
            largest = max(largest, float(np.nanmax(np.r_[predicted, observed, high, 0.0])))
            axis.vlines(predicted, low, high, color=look[arm].colour, lw=1.0, alpha=0.7)
            axis.plot(predicted, observed, color=look[arm].colour, ls=look[arm].dash,
                      marker=look[arm].marker, ms=5, lw=1.2, label=short(arm, 20))  # fmt: skip
    top = min(102.0, 1.05 * largest)
    axis.plot([0, top], [0, top], color=GREY, lw=0.9, ls=":", zorder=1)
    axis.set(xlim=(0, top), ylim=(0, top), xlabel="predicted risk (%)", ylabel="observed risk (%)")
    axis.set_title(f"Calibration at {horizon:,} days")
    axis.grid(visible=True)
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(handles[::-1], labels[::-1], loc="best")


def _auroc_panel(axis: Axes, document: Mapping[str, Any], arms: Sequence[str]) -> None:
    look = marks(list(arms))
    for k, arm in enumerate(arms):
        found = document["arms"][arm]["auroc_over_time"]
        years, mark = reals(found["days"]) / _YEAR, look[arm]
        axis.plot(years, reals(found["value"]), color=mark.colour, ls=mark.dash, lw=1.7,
                  marker=mark.marker, ms=3.5, label=short(arm, 20))  # fmt: skip
        if k == 0:  # bands of all arms would hide each other
            axis.fill_between(years, reals(found["ci_low"]), reals(found["ci_high"]),
                              color=mark.colour, alpha=0.15, lw=0)  # fmt: skip
    axis.axhline(0.5, color=GREY, lw=0.9, ls=":")
    values = [reals(document["arms"][arm]["auroc_over_time"]["value"]) for arm in arms]
    lowest = min((float(v) for v in np.concatenate(values) if np.isfinite(v)), default=1.0)
    axis.set(ylim=(min(0.3, lowest - 0.02), 1.0), xlabel="years", ylabel="AUROC")
    axis.set_title("Time-dependent AUROC")
    axis.grid(visible=True)
