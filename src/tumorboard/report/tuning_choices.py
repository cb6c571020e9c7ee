"""What the search chose on each split: a heat map of numbers and scores, a table of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.records import Floats
from tumorboard.report.shown import real
from tumorboard.report.style import GREY, new_figure, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Space = Mapping[str, Mapping[str, Any]]


@styled
def choices_figure(arms: Mapping[str, Any], space: Space, *, inner: str) -> Figure:
    """One block per arm, one column per split; each row is shaded on its own scale.

    Numbers come first, then words, which have no scale and no shade, and below the line the score
    on the patients that chose and on the test patients.

    Args:
        arms: `arms` of the evidence `tuning`.
        space: Where each key was searched; a key that is searched on a logarithmic scale is shaded
            on one.
        inner: Name of the row of the score that chose.
    """
    heights = [len(found["keys"]) + 2 for found in arms.values()]
    figure = new_figure(0.9 + 0.3 * sum(heights) + 0.35 * len(arms))
    axes = figure.subplots(len(arms), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (arm, found) in zip(axes, arms.items(), strict=True):
        _block(axis, arm, found, space, inner)
    return figure


def _block(axis: Axes, arm: str, found: Mapping[str, Any], space: Space, inner: str) -> None:
    fits = found["fits"]
    keys = sorted(found["keys"], key=lambda key: is_word(fits, key))  # numbers, then words
    rows = [[fit["chosen"][key] for fit in fits] for key in keys]
    shades = [
        np.full(len(fits), np.nan)
        if is_word(fits, key)
        else shade(row, is_log=bool(space.get(key, {}).get("log")))
        for key, row in zip(keys, rows, strict=True)
    ]
    scores = [[real(fit[part]) for fit in fits] for part in ("inner", "outer")]
    shades += [shade(row, is_log=False) for row in scores]
    axis.imshow(np.vstack(shades), aspect="auto", cmap="Blues", vmin=-0.1, vmax=1.9)
    size = 6.0 if len(fits) > 12 else 8.0
    texts = [[shown(value) for value in row] for row in rows]
    texts += [[f"{value:.3f}" if np.isfinite(value) else "" for value in row] for row in scores]
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            axis.text(j, i, short(text, 9), ha="center", va="center", fontsize=size)
    axis.axhline(len(keys) - 0.5, color=GREY, lw=1.0)
    labels = [*(short(key_name(key), 30) for key in keys), inner, "test"]
    axis.set_yticks(range(len(labels)), labels)
    axis.set_xticks(range(len(fits)), [f"{f['repeat']}-{f['fold']}" for f in fits])
    axis.tick_params(length=0)
    axis.set_title(f"{short(arm)}: chosen on each split (repeat-fold)")
    axis.spines[:].set_visible(False)


def is_word(fits: Sequence[Mapping[str, Any]], key: str) -> bool:
    """Whether a choice is categorical, in any split."""
    return any(isinstance(fit["chosen"][key], str) for fit in fits)


def shade(row: Sequence[float], *, is_log: bool) -> Floats:
    """0 for the smallest value of a row, 1 for the largest; 0.5 where all are equal."""
    values = np.asarray(row, dtype=np.float64)
    if is_log:
        values = np.log(values)
    known = values[np.isfinite(values)]
    if not len(known):
        return np.full(len(values), np.nan)
    low, high = float(known.min()), float(known.max())
    if high == low:
        return np.where(np.isfinite(values), 0.5, np.nan)
    return np.asarray((values - low) / (high - low), dtype=np.float64)


def key_name(key: str) -> str:
    """The last two words of a key: `optimizer.learning_rate`, `fusion.name`, `batch_size`."""
    parts = key.split(".")
    if len(parts) <= 2:
        return parts[-1]
    return ".".join(parts[-2:])


def shown(value: object) -> str:
    """A chosen value as the page shows it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
