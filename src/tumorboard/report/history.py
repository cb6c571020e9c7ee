"""Training curves: every fold thin, their mean thick, training against validation patients."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorboard.errors import InputError
from tumorboard.records import Floats
from tumorboard.report.number_format import metric_name
from tumorboard.report.style import GREY, Mark, marks, panels, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class History:
    """What one fit wrote per epoch: column name -> one number per epoch."""

    arm: str
    fold: str
    columns: Mapping[str, Floats]


def read_histories(models: Path) -> list[History]:
    """Every models/ARM/REPEAT-FOLD/history.csv; baselines have none.

    Raises:
        InputError: A cell that is not a number.
    """
    return [
        History(path.parent.parent.name, path.parent.name, _columns(path))
        for path in sorted(models.glob("*/*/history.csv"))
        if not path.parent.name.startswith(".")  # a fit that was interrupted
    ]


def _columns(path: Path) -> dict[str, Floats]:
    with path.open(encoding="utf-8", newline="") as handle:
        header, *rows = [row for row in csv.reader(handle) if row] or [[]]
    columns: dict[str, Floats] = {}
    for index, name in enumerate(header):
        values: list[float] = []
        for line, row in enumerate(rows, start=2):
            cell = row[index] if index < len(row) else ""
            try:
                values.append(float(cell) if cell else np.nan)
            except ValueError:
                raise InputError(
                    f"{path}: row {line}, column {name}: found {cell!r}, expected a number. "
                    "The file is damaged: run the study again with --fresh."
                ) from None
        columns[name] = np.asarray(values, dtype=np.float64)
    return columns


@styled
def history_figure(histories: Sequence[History], *, arms: Sequence[str]) -> Figure:
    """Two panels per network arm: loss, and the metric watched on validation patients.

    Args:
        arms: All arms of the study, in the order that gives them their colours.
    """
    look = marks(arms)
    by_arm = {arm: [h for h in histories if h.arm == arm] for arm in arms}
    by_arm = {arm: found for arm, found in by_arm.items() if found}
    figure, axes = panels(2 * len(by_arm), columns=4 if len(by_arm) > 1 else 2, height=2.45)
    for index, (arm, found) in enumerate(by_arm.items()):
        _loss(axes[2 * index], found, look[arm])
        axes[2 * index].set_title(f"{short(arm, 18)}: loss")
        _metric(axes[2 * index + 1], found, look[arm])
    axes[0].legend(loc="best", handlelength=1.8)
    return figure


def _loss(axis: Axes, histories: Sequence[History], mark: Mark) -> None:
    lines = (
        ("train_loss", GREY, "--", "training"),
        ("validation_loss", mark.colour, "-", "validation"),
    )
    for column, colour, dash, label in lines:
        _lines(axis, histories, column, colour=colour, dash=dash, label=label)
    _epochs(axis)


def _epochs(axis: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _metric(axis: Axes, histories: Sequence[History], mark: Mark) -> None:
    names = [
        name
        for name in histories[0].columns
        if name.startswith("validation_") and name != "validation_loss"
    ]
    if not names:
        axis.remove()
        return
    _lines(axis, histories, names[0], colour=mark.colour, dash="-", label="validation")
    axis.set_title(
        f"{short(histories[0].arm, 18)}: {metric_name(names[0].removeprefix('validation_'))}"
    )
    _epochs(axis)


def _lines(
    axis: Axes, histories: Sequence[History], column: str, *, colour: str, dash: str, label: str
) -> None:
    curves = [h.columns[column] for h in histories if column in h.columns]
    for curve in curves:
        axis.plot(np.arange(1, len(curve) + 1), curve, color=colour, lw=0.6, alpha=0.35, ls=dash)
    mean = mean_while_training(curves)
    axis.plot(np.arange(1, len(mean) + 1), mean, color=colour, lw=2.2, ls=dash, label=label)
    axis.grid(visible=True, axis="y")


def mean_while_training(curves: Sequence[Floats]) -> Floats:
    """Mean per epoch over the folds still training, as long as at least half of them are."""
    if not curves:
        return np.empty(0)
    lengths = sorted((len(curve) for curve in curves), reverse=True)
    n_epochs = lengths[(len(curves) + 1) // 2 - 1]
    means: list[float] = []
    for epoch in range(n_epochs):
        present = [c[epoch] for c in curves if len(c) > epoch and np.isfinite(c[epoch])]
        means.append(float(np.mean(present)) if present else float("nan"))
    return np.asarray(means)
