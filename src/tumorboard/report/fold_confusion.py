"""Confusion matrices of the single models of an arm: one small panel per repeat and fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.records import Floats
from tumorboard.report.confusion import DARKEST
from tumorboard.report.number_format import metric_name, number
from tumorboard.report.shown import real
from tumorboard.report.style import INK, panels, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Models of one figure; those of further repeats stand in the evidence alone.
MAX_MODELS = 15


@styled
def fold_confusion_figure(
    models: Sequence[Mapping[str, Any]], classes: Sequence[str], *, metric: str
) -> Figure:
    """Units of every true and called class, by the model of each fold; grey is the row's share.

    Args:
        models: Entries of the evidence `fold_models` of one arm.
        classes: In the order of the matrices.
        metric: Score that stands above each panel.
    """
    shown = models[:MAX_MODELS]
    per_row = 5 if len(classes) <= 4 else 3
    columns = min(per_row, len(shown))
    height = 1.0 + (1.8 if columns == per_row else 2.0) * (1.25 if len(classes) > 4 else 1.0)
    figure, axes = panels(len(shown), columns=columns, height=height)
    repeats = {model["repeat"] for model in models}
    for index, (axis, model) in enumerate(zip(axes, shown, strict=True)):
        _panel(axis, np.asarray(model["confusion"], dtype=np.float64), classes)
        where = f"{model['repeat']}-{model['fold']}" if len(repeats) > 1 else str(model["fold"])
        score = number(real(model["scores"][metric]), digits=2)
        axis.set_title(f"fold {where}\n{metric_name(metric)} {score}", fontsize=9)
        axis.set_xlabel("called")
        if index % columns == 0:
            axis.set_ylabel("true")
        else:
            axis.set_yticklabels([])
    return figure


def _panel(axis: Axes, counts: Floats, classes: Sequence[str]) -> None:
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    edges = np.arange(len(classes) + 1) - 0.5
    axis.pcolormesh(edges, edges, share, cmap="Greys", vmin=0, vmax=DARKEST, ec="white", lw=1.5)
    axis.invert_yaxis()
    size = 9.0 if len(classes) <= 4 else 7.0
    for i, j in np.ndindex(*counts.shape):
        weight = "bold" if i == j else "normal"
        axis.text(
            j, i, f"{counts[i, j]:.0f}", ha="center", va="center", color=INK, fontsize=size,
            fontweight=weight,
        )  # fmt: skip
    names = [short(name, 10) for name in classes]
    steep = max(map(len, names)) > 4 and len(classes) > 1
    axis.set_xticks(
        range(len(names)), names, rotation=40 if steep else 0, ha="right" if steep else "center",
        fontsize=8,
    )  # fmt: skip
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_aspect("equal")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
