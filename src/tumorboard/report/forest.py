"""The key figure: every difference around zero, and every arm's metric, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from tumorboard.evaluation.comparison import Comparison
from tumorboard.records import Estimate
from tumorboard.report.number_format import both
from tumorboard.report.style import (
    GREY,
    HALF_WIDTH,
    INK,
    MINUS,
    Mark,
    marks,
    new_figure,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def forest_figure(
    estimates: Mapping[str, Estimate], differences: Sequence[Comparison], *, metric: str,
    smaller_is_better: bool = False,
    means: Mapping[tuple[str, str], tuple[float, float]] | None = None,
) -> Figure:  # fmt: skip
    """Differences above (the primary first, in bold), arms below.

    Args:
        estimates: Arm -> its value of the primary metric.
        differences: Rows for the same metric, the primary one first.
        metric: The name to write on the axes.
        means: (arm, metric) -> the two values that a difference is made of.
    """
    rows = [len(differences)] if differences else []
    rows.append(len(estimates))
    figure = new_figure(0.9 * len(rows) + 0.34 * sum(rows))
    heights = [n + 2 for n in rows]
    axes = list(figure.subplots(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0])
    look = marks(list(estimates))
    if differences:
        _differences(axes[0], differences, look, metric, means or {}, smaller_is_better)
    _arms(axes[-1], estimates, look, metric)
    return figure


def _differences(
    axis: Axes, rows: Sequence[Comparison], look: Mapping[str, Mark], metric: str,
    means: Mapping[tuple[str, str], tuple[float, float]], smaller_is_better: bool,
) -> None:  # fmt: skip
    axis.axvline(0, color=INK, lw=1.0, zorder=1)
    for i, row in enumerate(rows):
        _row(axis, i, (row.difference, row.ci_low, row.ci_high), look.get(row.arm), bold=i == 0)
        label = f"{row.difference:+.3f}"
        if isfinite(row.ci_low):
            label += f"  ({row.ci_low:+.3f} to {row.ci_high:+.3f})"
        _beside(axis, i, label.replace("-", MINUS), bold=i == 0)
    names = [_pair(row, means) for row in rows]
    _furnish(axis, names, f"Difference in {metric}: the primary comparison first")
    if rows:
        axis.get_yticklabels()[0].set_fontweight("bold")
    reach = max(HALF_WIDTH, *(abs(x) for x in axis.get_xlim()))
    axis.set_xlim(-reach, reach)
    worse, better = ("better", "worse") if smaller_is_better else ("worse", "better")
    axis.set_xlabel(f"← first arm {worse}      difference in {metric}      first arm {better} →")


def _pair(row: Comparison, means: Mapping[tuple[str, str], tuple[float, float]]) -> str:
    """`fused - record`, and below it the two values that the difference is made of."""
    name = f"{short(row.arm)} {MINUS} {short(row.reference)}"
    values = both(*means[row.arm, row.metric]) if (row.arm, row.metric) in means else ""
    return f"{name}\n{values}" if values else name


def _arms(
    axis: Axes, estimates: Mapping[str, Estimate], look: Mapping[str, Mark], metric: str
) -> None:
    for i, (arm, estimate) in enumerate(estimates.items()):
        _row(axis, i, (estimate.value, estimate.ci_low, estimate.ci_high), look[arm], bold=False)
        label = f"{estimate.value:.3f}"
        if isfinite(estimate.ci_low):
            label += f"  ({estimate.ci_low:.3f} to {estimate.ci_high:.3f})"
        _beside(axis, i, label, bold=False)
    _furnish(axis, [short(arm) for arm in estimates], f"{metric} of each arm")
    has_intervals = any(isfinite(estimate.ci_low) for estimate in estimates.values())
    axis.set_xlabel(f"{metric} with 95 % interval" if has_intervals else metric)
    low, high = axis.get_xlim()
    more = max(0.0, HALF_WIDTH - (high - low) / 2)
    axis.set_xlim(low - more, high + more)


def _row(
    axis: Axes, i: int, values: tuple[float, float, float], mark: Mark | None, *, bold: bool
) -> None:
    value, low, high = values
    colour, marker = (mark.colour, mark.marker) if mark else (GREY, "o")
    if isfinite(low) and isfinite(high):
        axis.plot([low, high], [i, i], color=colour, lw=3.0 if bold else 1.8, solid_capstyle="butt")
    if isfinite(value):
        size = 9 if bold else 6.5
        axis.plot([value], [i], marker=marker, color=colour, ms=size, mec="white", mew=0.6)


def _beside(axis: Axes, i: int, label: str, *, bold: bool) -> None:
    axis.annotate(
        label, (1.0, i), xycoords=("axes fraction", "data"), xytext=(8, 0), va="center",
        textcoords="offset points", fontweight="bold" if bold else "normal", fontsize=9,
    )  # fmt: skip


def _furnish(axis: Axes, names: Sequence[str], title: str) -> None:
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.grid(visible=True, axis="x")
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.08)
    axis.set_title(title)
