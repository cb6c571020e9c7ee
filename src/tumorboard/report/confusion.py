"""Confusion matrices: patients and row percentages, one panel per arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tumorboard.records import Floats
from tumorboard.report.style import INK, panels, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Classes beyond which the numbers no longer fit into three panels a row.
MANY_CLASSES = 4
#: Half of the grey scale, so that dark text stays readable on every cell.
DARKEST = 2.0


@styled
def confusion_figure(matrices: Mapping[str, Floats], classes: Sequence[str]) -> Figure:
    """Rows are the truth, columns the prediction; a cell shows its count and its share of the row.

    Args:
        matrices: Arm -> (true, predicted) counts; means over repeats need not be whole numbers.
    """
    many = len(classes) > MANY_CLASSES
    height = 1.4 + (0.55 if many else 0.75) * len(classes)
    figure, axes = panels(len(matrices), columns=2 if many else 3, height=height)
    for axis, (arm, counts) in zip(axes, matrices.items(), strict=True):
        _matrix(axis, counts, [short(name, 14) for name in classes])
        axis.set_title(short(arm))
    return figure


def _matrix(axis: Axes, counts: Floats, classes: list[str]) -> None:
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    edges = np.arange(len(classes) + 1) - 0.5
    axis.pcolormesh(edges, edges, share, cmap="Greys", vmin=0, vmax=DARKEST, ec="white", lw=2)
    axis.invert_yaxis()
    size = 9.5 if len(classes) <= MANY_CLASSES else 7.0
    for i in range(len(classes)):
        for j in range(len(classes)):
            axis.text(
                j,
                i,
                f"{_count(counts[i, j])}\n{100 * share[i, j]:.0f} %",
                ha="center",
                va="center",
                color=INK,
                fontsize=size,
                fontweight="bold" if i == j else "normal",
            )
    steep = 35 if max(map(len, classes)) * len(classes) > 26 else 0
    beside = "right" if steep else "center"
    axis.set_xticks(range(len(classes)), classes, rotation=steep, ha=beside)
    upright = 90 if len(classes) < 4 else 0
    axis.set_yticks(range(len(classes)), classes, rotation=upright, va="center")
    axis.set(xlabel="predicted", ylabel="true")
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _count(value: float) -> str:
    return f"{value:.0f}" if abs(value - round(value)) < 1e-6 else f"{value:.1f}"
