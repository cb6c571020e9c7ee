"""Head-to-head bars: a few arms over five metrics, each bar with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from tumorboard.records import Estimate
from tumorboard.report.number_format import metric_name, number
from tumorboard.report.style import INK, Mark, marks, new_figure, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The five, with two classes and with more: all between 0 and 1, larger is better.
BINARY = ("auroc", "auprc", "sensitivity", "specificity", "f1")
SEVERAL = ("macro_f1", "balanced_accuracy", "auprc", "auroc", "accuracy")
#: Most arms side by side: the first of the report's order, the primary arm and its reference among.
MAX_ARMS = 4
#: Fills that tell bars apart in grey print.
_HATCHES = ("", "///", "...", "xxx")


def compared_metrics(metrics: Mapping[str, Mapping[str, Estimate]], n_classes: int) -> list[str]:
    """Metrics of the bars that at least two arms have."""
    wanted = BINARY if n_classes == 2 else SEVERAL
    return [name for name in wanted if sum(name in each for each in metrics.values()) > 1]


@styled
def bars_figure(metrics: Mapping[str, Mapping[str, Estimate]], *, n_classes: int) -> Figure:
    """Metrics from left to right, arms side by side.

    Args:
        metrics: Arm -> metric -> estimate, the primary arm and its reference first.
        n_classes: Number of classes.
    """
    look = marks(list(metrics))
    arms = list(metrics)[:MAX_ARMS]
    names = compared_metrics(metrics, n_classes)
    figure = new_figure(3.5)
    axis = figure.subplots()
    width = 0.8 / len(arms)
    for i, arm in enumerate(arms):
        x = np.arange(len(names)) - 0.4 + width * (i + 0.5)
        estimates = [metrics[arm].get(name) for name in names]
        _bars(axis, x.tolist(), estimates, width, look[arm], _HATCHES[i], short(arm, 24))
    axis.set_xticks(range(len(names)), [metric_name(name) for name in names])
    axis.tick_params(axis="x", length=0)
    axis.set_ylim(0, 1.06)
    axis.set_yticks(np.linspace(0, 1, 6).tolist())
    axis.grid(visible=True, axis="y")
    figure.legend(loc="outside upper left", ncols=len(arms), frameon=False)
    return figure


def _bars(
    axis: Axes, x: Sequence[float], estimates: Sequence[Estimate | None], width: float, mark: Mark,
    hatch: str, label: str,
) -> None:  # fmt: skip
    values = [estimate.value if estimate else float("nan") for estimate in estimates]
    axis.bar(
        x, values, width * 0.94, color=mark.colour, alpha=0.85, ec="white", hatch=hatch, lw=0,
        label=label,
    )  # fmt: skip
    for at, estimate in zip(x, estimates, strict=True):
        if estimate is None or not isfinite(estimate.value):
            axis.text(at, 0.01, number(float("nan")), ha="center", va="bottom", fontsize=8.5)
            continue
        top = estimate.value
        if isfinite(estimate.ci_low) and isfinite(estimate.ci_high):
            axis.plot([at, at], [estimate.ci_low, estimate.ci_high], color=INK, lw=1.2)
            top = max(top, estimate.ci_high)
        text = number(estimate.value, digits=2)
        axis.text(at, top + 0.012, text, ha="center", va="bottom", fontsize=8)
