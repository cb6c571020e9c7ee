"""Nested cross-validation: who sees what, what was chosen on each split, and what it was worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.performance import metric_name, number
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.style import (
    COLOURS,
    GREY,
    INK,
    PALE,
    new_figure,
    panels,
    save,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Panels of the plot of trials: the first keys of the first arms.
MAX_PANELS = 9


def section(contents: RunContents) -> Section | None:
    """The section of the report; None without evidence `tuning`."""
    from markupsafe import Markup

    document = read_evidence(contents.folder, "tuning")
    if document is None or not document["arms"]:
        return None
    arms = {arm: document["arms"][arm] for arm in contents.arms if arm in document["arms"]}
    drawings: dict[str, Markup] = {}
    for name, figure in (
        ("nested", nested_figure(contents.n_splits[1])),
        ("tuning_choices", choices_figure(arms)),
        ("tuning_trials", trials_figure(arms, document["metric"])),
    ):
        drawings[name] = Markup(save(figure, contents.folder / "figures", name))
        figure.clear()
    return Section(
        anchor="tuning",
        title="Nested cross-validation",
        lead=_lead(document, arms),
        html=fill(
            "tuning.html",
            drawings=drawings,
            metric=metric_name(document["metric"]),
            budget=document["budget"],
            folds=document.get("folds", 0),
            space={key: _range(bounds) for key, bounds in document["space"].items()},
            arms={arm: _rows(found) for arm, found in arms.items()},
        ),
    )


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _lead(document: Mapping[str, Any], arms: Mapping[str, Any]) -> str:
    name = metric_name(document["metric"])
    parts = [
        f"{arm} {number(_float(found['inner']))} and {number(_float(found['outer']))}"
        for arm, found in arms.items()
    ]
    return (
        f"Mean {name} of the chosen settings on the patients that chose them, and on "
        f"the test patients that did not: {'; '.join(parts)}. Only the second counts."
    )


def _range(bounds: Mapping[str, Any]) -> str:
    if bounds.get("choices"):
        return "one of " + ", ".join(str(choice) for choice in bounds["choices"])
    tail = ", on a logarithmic scale" if bounds.get("log") else ""
    return f"{bounds.get('low')} to {bounds.get('high')}{tail}"


def _rows(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "keys": found["keys"],
        "rows": [
            {
                "split": f"{fit['repeat']}-{fit['fold']}",
                "chosen": [_shown(fit["chosen"][key]) for key in found["keys"]],
                "inner": number(_float(fit["inner"])),
                "outer": number(_float(fit["outer"])),
                "trials": f"{fit['n_trials']}"
                + (f", {fit['n_failed']} failed" if fit["n_failed"] else ""),
            }
            for fit in found["fits"]
        ],
        "inner": number(_float(found["inner"])),
        "outer": number(_float(found["outer"])),
        "optimism": number(_float(found["optimism"]), signed=True),
    }


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@styled
def nested_figure(n_folds: int) -> Figure:
    """Who sees what: training patients fit, validation patients choose, test patients report."""
    folds = max(2, min(n_folds, 5)) if n_folds > 1 else 1
    figure = new_figure(0.72 + 0.42 * folds, fitted=False)
    axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axis.set(xlim=(0, 10), ylim=(-0.1, folds + 1.4))
    axis.axis("off")
    parts = {"train": (COLOURS[5], "fits weights, scaling, imputation"),
             "validation": (COLOURS[4], "stops training, chooses settings and threshold"),
             "test": (INK, "scored once, by the finished model")}  # fmt: skip
    width = 6.6 / max(folds, 3)
    for row in range(folds):
        y = folds - 1 - row
        axis.text(0.1, y + 0.42, f"fold {row + 1}" if folds > 1 else "the split", va="center")
        cells = max(folds, 3)
        for column in range(cells):
            part = "test" if column == row else "validation" if column == (row + 1) % cells else ""
            colour = parts[part or "train"][0]
            _box(axis, 0.9 + column * width, y + 0.1, width - 0.06, 0.64, colour)
        axis.text(7.75, y + 0.42, "settings chosen anew", va="center", color=GREY, fontsize=8.5)
    for line, (name, (colour, text)) in enumerate(parts.items()):
        y = folds + 0.95 - 0.44 * line
        _box(axis, 0.9, y, 0.22, 0.3, colour)
        axis.text(1.22, y + 0.15, f"{name}: {text}", va="center", fontsize=8.5)
    return figure


def _box(axis: Axes, x: float, y: float, width: float, height: float, colour: str) -> None:
    from matplotlib.patches import Rectangle

    axis.add_patch(Rectangle((x, y), width, height, facecolor=colour, lw=0))


@styled
def choices_figure(arms: Mapping[str, Any]) -> Figure:
    """Heat map: one column per split; chosen values, coloured by rank, and scores below."""
    rows = sum(len(found["keys"]) + 2 for found in arms.values())
    splits = max(len(found["fits"]) for found in arms.values())
    figure = new_figure(0.9 + 0.3 * rows + 0.35 * len(arms))
    heights = [len(found["keys"]) + 2 for found in arms.values()]
    axes = figure.subplots(len(arms), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (arm, found) in zip(axes, arms.items(), strict=True):
        _choices(axis, arm, found, small=splits > 12)
    return figure


def _choices(axis: Axes, arm: str, found: Mapping[str, Any], *, small: bool) -> None:
    fits, keys = found["fits"], found["keys"]
    values = [[fit["chosen"][key] for fit in fits] for key in keys]
    scores = [[_float(fit["inner"]) for fit in fits], [_float(fit["outer"]) for fit in fits]]
    shades = np.vstack([*(_ranks(row) for row in values), np.full((2, len(fits)), np.nan)])
    axis.imshow(shades, aspect="auto", cmap="Blues", vmin=-0.15, vmax=1.6)
    size = 6.0 if small else 8.0
    for i, row in enumerate([*values, *scores]):
        for j, value in enumerate(row):
            shown = _shown(value) if i < len(keys) else f"{value:.3f}"
            axis.text(j, i, short(shown, 9), ha="center", va="center", fontsize=size)
    axis.axhline(len(keys) - 0.5, color=GREY, lw=1.0)
    labels = [*(short(key.split(".", 1)[-1], 30) for key in keys), "validation", "test"]
    axis.set_yticks(range(len(labels)), labels)
    axis.set_xticks(range(len(fits)), [f"{f['repeat']}-{f['fold']}" for f in fits])
    axis.tick_params(length=0)
    axis.set_title(f"{short(arm)}: chosen on each split (repeat-fold)")
    axis.spines[:].set_visible(False)


def _ranks(row: Sequence[Any]) -> np.ndarray:
    """0 for the smallest or first value, 1 for the largest or last; 0.5 where all are equal."""
    known = sorted(set(row), key=lambda value: (isinstance(value, str), value))
    if len(known) == 1:
        return np.full(len(row), 0.5)
    return np.asarray([known.index(value) / (len(known) - 1) for value in row])


@styled
def trials_figure(arms: Mapping[str, Any], metric: str) -> Figure:
    """Validation score of every trial against the value of each key."""
    wanted = [(arm, key) for arm, found in arms.items() for key in found["keys"]][:MAX_PANELS]
    figure, axes = panels(len(wanted), columns=3, height=2.7)
    for axis, (arm, key) in zip(axes, wanted, strict=True):
        fits = arms[arm]["fits"]
        trials = [(t["values"][key], t["score"]) for fit in fits for t in fit["trials"]]
        best = [(fit["chosen"][key], fit["inner"]) for fit in fits]
        levels = sorted({value for value, _ in trials}, key=lambda v: (isinstance(v, str), v))
        as_words = any(isinstance(value, str) for value in levels)
        at = {value: i for i, value in enumerate(levels)}
        drawn = ((trials, PALE, GREY, 4.0), (best, COLOURS[0], "white", 6.0))
        for points, colour, edge, size in drawn:
            x = [float(at[v]) if as_words else float(v) for v, _ in points]
            axis.plot(
                x, [s for _, s in points], ls="none", marker="o", color=colour, mec=edge, ms=size,
                mew=0.5,
            )  # fmt: skip
        if as_words:
            axis.set_xticks(range(len(levels)), [short(str(v), 12) for v in levels])
            axis.set_xlim(-0.5, len(levels) - 0.5)
        elif min(levels) > 0 and max(levels) / min(levels) >= 50:
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter("")
        axis.set_title(short(f"{arm}: {key.split('.')[-1]}", 32))
        axis.set_ylabel(f"validation {metric_name(metric)}")
        axis.grid(visible=True)
    return figure
