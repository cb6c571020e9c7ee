"""Drawings of a segmentation: arms patient by patient, controls, tests, guesses, volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.records import Floats
from tumorboard.report.number_format import metric_name
from tumorboard.report.shown import real, reals
from tumorboard.report.style import (
    COLOURS,
    GREY,
    HALF_WIDTH,
    INK,
    PAGE_WIDTH,
    PALE,
    marks,
    new_figure,
    panels,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: P-values below this are drawn at it.
_SMALLEST_P = 1e-4


@styled
def paired_figure(
    values: Mapping[str, Mapping[str, float | None]], *, metric: str, every: Sequence[str]
) -> Figure:
    """Every patient's value in every arm, joined by a line; boxes of the quartiles.

    Args:
        values: Arm -> patient -> value.
        metric: Name on the axis.
        every: Every arm of the run in the page's order, for its mark.
    """
    arms = list(values)
    patients = sorted({patient for own in values.values() for patient in own})
    table = np.asarray([reals([values[a].get(p) for p in patients]) for a in arms])
    figure = new_figure(3.6, width=min(PAGE_WIDTH, 2.4 + 1.5 * len(arms)))
    axis: Axes = figure.subplots()
    axis.plot(np.arange(len(arms)), table, color=PALE, lw=0.7, zorder=1)
    look = marks(every)
    for k, arm in enumerate(arms):
        known = table[k][~np.isnan(table[k])]
        colour = look[arm].colour
        axis.scatter(np.full(len(known), k), known, s=9, color=colour, alpha=0.45, lw=0, zorder=2)
        if len(known):
            low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
            axis.bar(k, high - low, 0.34, bottom=low, facecolor="none", edgecolor=colour, lw=1.4,
                     zorder=3)  # fmt: skip
            axis.plot([k - 0.17, k + 0.17], [middle, middle], color=colour, lw=2.2, zorder=3)
    axis.set_xticks(np.arange(len(arms)), [short(arm, 20) for arm in arms])
    axis.set(ylabel=metric, xlim=(-0.5, len(arms) - 0.5))
    axis.grid(visible=True, axis="y")
    return figure


@styled
def controls_figure(rows: Sequence[tuple[str, Mapping[str, Any]]], *, metric: str) -> Figure:
    """Difference from the reference with the own note, and with other notes in its place.

    Args:
        rows: (words, comparison) from top to bottom.
        metric: Name on the axis.
    """
    figure = new_figure(0.8 + 0.36 * len(rows))
    axis: Axes = figure.subplots()
    axis.axvline(0, color=INK, lw=1.0, zorder=1)
    for i, (_, found) in enumerate(rows):
        value, low, high = (real(found[name]) for name in ("difference", "ci_low", "ci_high"))
        colour = COLOURS[0] if i == 0 else COLOURS[1]
        if isfinite(low):
            axis.plot([low, high], [i, i], color=colour, lw=2.0)
        axis.plot(value, i, marker="o" if i == 0 else "s", color=colour, ms=7)
    axis.set_yticks(np.arange(len(rows)), [words for words, _ in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    reach = max(HALF_WIDTH, *(abs(x) for x in axis.get_xlim()))
    axis.set(xlim=(-reach, reach), xlabel=f"difference in {metric} from the reference arm")
    axis.grid(visible=True, axis="x")
    return figure


@styled
def p_value_figure(rows: Sequence[Mapping[str, Any]], *, arms: Sequence[str]) -> Figure:
    """P-values of the paired t-tests, adjusted over the arms: a line per metric.

    Args:
        rows: The tests.
        arms: Every arm of the run in the page's order, for its mark.
    """
    metrics = list(dict.fromkeys(str(row["metric"]) for row in rows))
    look = marks(arms)
    arms = [arm for arm in arms if any(row["arm"] == arm for row in rows)]
    figure = new_figure(1.2 + 0.3 * len(metrics), width=8.2)
    axis: Axes = figure.subplots()
    step = 0.5 / max(1, len(arms))
    for k, arm in enumerate(arms):
        own = {str(row["metric"]): real(row["t_p_holm"]) for row in rows if row["arm"] == arm}
        p = np.asarray([own.get(metric, np.nan) for metric in metrics])
        place = np.arange(len(metrics)) + (k - (len(arms) - 1) / 2) * step
        axis.scatter(np.maximum(p, _SMALLEST_P), place, marker=look[arm].marker, s=30,
                     color=look[arm].colour, label=short(arm, 24), zorder=3)  # fmt: skip
    axis.axvline(0.05, color=GREY, lw=1.0, ls="--", zorder=1)
    axis.set_xscale("log")
    ticks = [_SMALLEST_P, 0.001, 0.01, 0.05, 0.2, 1.0]
    axis.set_xticks(ticks, ["≤ 0.0001", "0.001", "0.01", "0.05", "0.2", "1"])
    axis.minorticks_off()
    axis.set_yticks(np.arange(len(metrics)), [metric_name(metric) for metric in metrics])
    axis.set(ylim=(len(metrics) - 0.5, -0.5), xlim=(_SMALLEST_P * 0.7, 1.4))
    axis.set_xlabel("p of the paired t-test, Holm over the arms")
    axis.grid(visible=True, axis="x")
    figure.legend(loc="outside right upper")
    return figure


@styled
def guess_figure(arm: str, found: Mapping[str, Any]) -> Figure:
    """Predicted against reached Dice of one arm, and the Dice of those who are kept."""
    figure, axes = panels(2, columns=2, height=3.6)
    points = np.asarray([reals(point) for point in found["points"]])
    left, right = axes
    low = max(0.0, float(points.min()) - 0.05)
    left.plot([low, 1], [low, 1], color=GREY, lw=0.9, ls=":")
    left.scatter(points[:, 0], points[:, 1], s=14, color=COLOURS[0], alpha=0.45, lw=0)
    bins = found["bins"]
    left.plot([b["predicted"] for b in bins], [b["reached"] for b in bins], marker="o",
              color=COLOURS[1], ms=6, lw=1.4, markeredgecolor="white")  # fmt: skip
    left.set(xlim=(low, 1.0), ylim=(low, 1.0), xlabel="predicted Dice", ylabel="reached Dice")
    left.set_title(f"{short(arm, 24)}: one mark per patient")
    kept = found["kept"]
    share = 100 * reals(kept["coverage"])
    right.plot(share, reals(kept["dice"]), color=COLOURS[0], lw=1.8, label="by predicted Dice")
    right.plot(share, reals(kept["best"]), color=GREY, lw=1.2, ls="--", label="best order")
    right.axhline(real(kept["dice"][-1]), color=GREY, lw=0.9, ls=":", label="all patients")
    right.set(xlabel="patients kept, %", ylabel="mean Dice of those kept", xlim=(0, 100))
    right.set_title("Leaving the least certain to a human")
    right.legend(loc="best")
    for axis in axes:
        axis.grid(visible=True)
    return figure


@styled
def volume_figure(drawn: Sequence[tuple[str, Mapping[str, Any]]], *, unit: str) -> Figure:
    """Bland and Altman's plot, a panel per arm and label.

    Args:
        drawn: (title, agreement).
        unit: Of the volumes.
    """
    figure, axes = panels(len(drawn), columns=2, height=3.0)
    for axis, (title, found) in zip(axes, drawn, strict=True):
        points: Floats = np.asarray([reals(p) for p in found["points"]]).reshape(-1, 2)
        axis.axhline(0, color=INK, lw=0.9)
        axis.scatter(points[:, 0], points[:, 1], s=14, color=COLOURS[0], alpha=0.5, lw=0)
        axis.axhline(real(found["bias"]["value"]), color=COLOURS[1], lw=1.6)
        for name in ("low", "high"):
            axis.axhline(real(found[name]), color=COLOURS[1], lw=1.2, ls="--")
        axis.set(xlabel=f"mean of both volumes, {unit}", ylabel=f"predicted − reference, {unit}")  # noqa: RUF001
        axis.set_title(title)
        axis.grid(visible=True)
    return figure
