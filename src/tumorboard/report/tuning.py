"""Nested cross-validation: who sees what, what was chosen on each split, and what it was worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.number_format import metric_name, number
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import real
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
from tumorboard.report.tuning_choices import choices_figure, is_word, key_name, shown

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
    folds = int(document.get("folds", 0))
    inner = "inner folds" if folds else "validation"
    drawings: dict[str, Markup] = {}
    for name, figure in (
        ("nested", nested_figure(contents.n_splits[1], folds)),
        ("tuning_choices", choices_figure(arms, document["space"], inner=inner)),
        ("tuning_trials", trials_figure(arms, document["metric"], document["space"], inner=inner)),
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
            folds=folds,
            inner=inner,
            space={key: _range(bounds) for key, bounds in document["space"].items()},
            arms={arm: _rows(found, folds) for arm, found in arms.items()},
        ),
    )


def _lead(document: Mapping[str, Any], arms: Mapping[str, Any]) -> str:
    name = metric_name(document["metric"])
    parts = [
        f"{arm} {number(real(found['inner']))} and {number(real(found['outer']))}"
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


def _rows(found: Mapping[str, Any], folds: int) -> dict[str, Any]:
    return {
        "keys": [key_name(key) for key in found["keys"]],
        "n_fits": sum(fit["n_trials"] for fit in found["fits"]) * max(folds, 1),
        "words": [is_word(found["fits"], key) for key in found["keys"]],
        "rows": [
            {
                "split": f"{fit['repeat']}-{fit['fold']}",
                "chosen": [shown(fit["chosen"][key]) for key in found["keys"]],
                "inner": number(real(fit["inner"])),
                "outer": number(real(fit["outer"])),
                "trials": f"{fit['n_trials']}"
                + (f", {fit['n_failed']} failed" if fit["n_failed"] else ""),
            }
            for fit in found["fits"]
        ],
        "inner": number(real(found["inner"])),
        "outer": number(real(found["outer"])),
        "flattered": _flattered(real(found["optimism"])),
    }


def _flattered(optimism: float) -> str:
    """How the score that chose compares with that of the test patients."""
    if not np.isfinite(optimism):
        return "no test score to set beside the search"
    word = "better" if optimism >= 0 else "worse"
    return f"the search looked {number(abs(optimism))} {word} than the test"


@styled
def nested_figure(n_folds: int, inner_folds: int = 0) -> Figure:
    """Who sees what: training patients fit, validation patients choose, test patients report.

    Args:
        n_folds: Folds of the study.
        inner_folds: Folds that training and validation patients are dealt into for the search; 0
            where the validation patients of the split score a trial.
    """
    folds = max(2, min(n_folds, 5)) if n_folds > 1 else 1
    figure = new_figure(0.72 + 0.42 * folds, fitted=False)
    axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axis.set(xlim=(0, 10), ylim=(-0.1, folds + 1.4))
    axis.axis("off")
    chooses = "stops training, chooses settings and threshold"
    anew = "settings chosen anew"
    if inner_folds:
        chooses = "stops training, chooses the threshold"
        anew = f"settings chosen anew: train +\nvalidation in {inner_folds} inner folds"
    parts = {"train": (COLOURS[5], "fits weights, scaling, imputation"),
             "validation": (COLOURS[4], chooses),
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
        axis.text(7.75, y + 0.42, anew, va="center", color=GREY, fontsize=8.5)
    for line, (name, (colour, text)) in enumerate(parts.items()):
        y = folds + 0.95 - 0.44 * line
        _box(axis, 0.9, y, 0.22, 0.3, colour)
        axis.text(1.22, y + 0.15, f"{name}: {text}", va="center", fontsize=8.5)
    return figure


def _box(axis: Axes, x: float, y: float, width: float, height: float, colour: str) -> None:
    from matplotlib.patches import Rectangle

    axis.add_patch(Rectangle((x, y), width, height, facecolor=colour, lw=0))


@styled
def trials_figure(
    arms: Mapping[str, Any], metric: str, space: Mapping[str, Mapping[str, Any]], *, inner: str
) -> Figure:
    """Score of every trial against the value of each key.

    Args:
        arms: `arms` of the evidence `tuning`.
        metric: What judged a trial.
        space: Where each key was searched.
        inner: Who scored a trial.
    """
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
        elif space.get(key, {}).get("log") and min(levels) > 0:
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter("")
        axis.set_title(short(f"{short(arm, 13)}: {key_name(key)}", 36), fontsize=8.5)
        axis.set_ylabel(f"{metric_name(metric)}, {inner}")
        axis.grid(visible=True)
    return figure
