"""Training curves of several arms on the same axes: who learns faster, who stops earlier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tumorboard.records import Floats
from tumorboard.report.history import History, mean_while_training
from tumorboard.report.style import Mark, marks, new_figure, short, styled
from tumorboard.study_keys import LOWER_IS_BETTER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Most arms on one pair of axes; the first of the report's order are drawn.
MAX_ARMS = 4


def overlaid_arms(
    histories: Sequence[History], arms: Sequence[str], *, at_most: int = MAX_ARMS
) -> tuple[str, ...]:
    """Arms that were trained by epochs and are drawn, in the report's order."""
    trained = {history.arm for history in histories}
    return tuple(arm for arm in arms if arm in trained)[:at_most]


@styled
def overlay_figure(histories: Sequence[History], *, arms: Sequence[str]) -> Figure:
    """Losses, and the watched metric on validation patients; a mark where each fit was best.

    Args:
        arms: All arms of the study, in the order that gives them their colours.
    """
    look = marks(arms)
    drawn = overlaid_arms(histories, arms)
    shown = [history for history in histories if history.arm in drawn]
    columns = ["train_loss", "validation_loss", *_watched(shown)]
    figure = new_figure(3.3)
    axes: list[Axes] = list(figure.subplots(1, len(columns), squeeze=False)[0])
    for axis, column in zip(axes, columns, strict=True):
        for arm in drawn:
            _arm(axis, [h for h in shown if h.arm == arm], column, look[arm])
        _furnish(axis, column)
    axes[0].legend(loc="best", handlelength=2.6)
    return figure


def _watched(histories: Sequence[History]) -> list[str]:
    """The metric that training watched, as its column; none where only the loss was."""
    names = [
        name
        for history in histories
        for name in history.columns
        if name.startswith("validation_") and name != "validation_loss"
    ]
    return list(dict.fromkeys(names))[:1]


def _arm(axis: Axes, histories: Sequence[History], column: str, mark: Mark) -> None:
    curves = [h.columns[column] for h in histories if column in h.columns]
    for curve in curves:
        epochs = np.arange(1, len(curve) + 1)
        axis.plot(epochs, curve, color=mark.colour, lw=0.6, alpha=0.3, ls=mark.dash)
        best = None if column == "train_loss" else best_epoch(curve, column)
        if best is not None:
            axis.plot(
                [best + 1], [curve[best]], marker=mark.marker, ms=5, mec="white", mew=0.5,
                color=mark.colour, alpha=0.75, ls="none",
            )  # fmt: skip
    mean = mean_while_training(curves)
    name = short(histories[0].arm, 22)
    axis.plot(
        np.arange(1, len(mean) + 1), mean, color=mark.colour, lw=2.2, ls=mark.dash, label=name
    )


def best_epoch(curve: Floats, column: str) -> int | None:
    """Index of the best epoch of one fit; None where the curve has no number."""
    if not np.isfinite(curve).any():
        return None
    falls = column == "validation_loss" or column.removeprefix("validation_") in LOWER_IS_BETTER
    return int(np.nanargmin(curve) if falls else np.nanargmax(curve))


def _furnish(axis: Axes, column: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_title(column.replace("train_", "training_").replace("_", " "))
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axis.grid(visible=True, axis="y")
