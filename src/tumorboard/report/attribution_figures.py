"""What moved the answers, drawn by shap: one patient's waterfall, all patients' swarm and bars."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.evaluation.joined_importance import SHARES
from tumorboard.explain import Attributions, Importance
from tumorboard.prediction.shap_library import global_draws, shap_library
from tumorboard.records import Floats
from tumorboard.report.number_format import metric_name
from tumorboard.report.style import GREY, INK, MINUS, PAGE_WIDTH, short, styled, svg_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colours of what raises and of what lowers the output: told apart with any colour blindness.
RAISES, LOWERS = "#D55E00", "#0072B2"
_WIDTH = 0.8 * PAGE_WIDTH
#: Height of one feature's line and of everything around the lines, inches.
_LINE, _AROUND = 0.34, 1.1
_FONT = 9.5
#: (modality, feature) -> what to call it.
Labels = Mapping[tuple[str, str], str]
NO_LABELS: Labels = MappingProxyType({})


def waterfall_svg(
    attributions: Attributions,
    row: int,
    *,
    name: str,
    outcome: str,
    labels: Labels = NO_LABELS,
    n_shown: int = 10,
    is_log_odds: bool = True,
) -> str:
    """One patient's answer, from where it starts to where the patient's own values bring it.

    Args:
        attributions: What an explainer found.
        row: Which of its rows.
        name: Name of the figure; its ids begin with it.
        outcome: What is predicted, such as "malignant".
        labels: Names for the reader; the features' own where left out.
        n_shown: Most lines; the smallest attributions are joined in the last.
        is_log_odds: Whether the logit scale is of log-odds, so that a probability stands beside.
    """
    return svg_text(
        _waterfall(attributions, row, outcome, labels, n_shown, is_log_odds), name, tight=True
    )


def beeswarm_svg(
    attributions: Attributions,
    *,
    name: str,
    outcome: str,
    labels: Labels = NO_LABELS,
    n_shown: int = 12,
) -> str:
    """One point per patient and feature: how far it moved the output, coloured by its value.

    Patients without one of the features are left out of the figure, and counted in it.
    """
    return svg_text(_beeswarm(attributions, outcome, labels, n_shown), name, tight=True)


def bar_svg(
    found: Attributions | Importance,
    *,
    name: str,
    outcome: str = "",
    labels: Labels = NO_LABELS,
    n_shown: int = 15,
) -> str:
    """Mean size of each feature's attributions, or the fall of the metric with its interval."""
    if isinstance(found, Importance):
        return svg_text(_importance_bars(found, labels, n_shown), name, tight=True)
    return svg_text(_attribution_bars(found, outcome, labels, n_shown), name, tight=True)


def feature_labels(found: Attributions | Importance, labels: Labels) -> list[str]:
    """What each feature is called: the caller's word, else its name, its modality where needed."""
    pairs = list(zip(found.modalities, found.features, strict=True))
    return [
        labels.get(
            (modality, feature),
            f"{feature} ({modality})"
            if found.features.count(feature) > 1 and feature != modality
            else feature,
        )
        for modality, feature in pairs
    ]


@contextmanager
def _shap_figure() -> Generator[Figure]:
    """A figure for shap, which draws with pyplot; nothing global is left changed."""
    import matplotlib
    import matplotlib.pyplot as plt

    # Not among the names of shap.plots itself.
    style_context = shap_library().plots._style.style_context
    backend = matplotlib.get_backend()
    if backend.lower() != "agg":
        plt.switch_backend("agg")
    try:
        with (
            plt.ioff(),
            global_draws(0),  # a swarm's places are drawn: the same figure for the same numbers
            style_context(primary_color_positive=RAISES, primary_color_negative=LOWERS),
        ):
            figure = plt.figure(facecolor="white")
            try:
                yield figure
            finally:
                plt.close(figure)
    finally:
        if backend.lower() != "agg":
            plt.switch_backend(backend)


@styled
def _waterfall(
    attributions: Attributions,
    row: int,
    outcome: str,
    labels: Labels,
    n_shown: int,
    is_log_odds: bool,
) -> Figure:
    shap = shap_library()
    values = attributions.values[row]
    kept = np.flatnonzero(np.isfinite(values))
    words = feature_labels(attributions, labels)
    lines = [_line(words[i], attributions, row, int(i)) for i in kept]
    base = float(attributions.base[row])
    explanation = shap.Explanation(
        values=values[kept], base_values=base, data=None, feature_names=lines
    )
    with _shap_figure() as figure:
        shap.plots.waterfall(explanation, max_display=n_shown, show=False)
        main, start, end = figure.axes
        for text in main.texts:
            if not any(digit in text.get_text() for digit in "123456789"):
                text.set_text(f"{text.get_text()[0]}0.00")  # a move too small for two decimals
        n_lines = min(n_shown, len(kept))
        order = np.argsort(-np.abs(values[kept]))
        shown = [lines[i] for i in order[:n_lines]]
        if n_lines < len(kept):
            shown[-1] = f"{len(kept) - n_lines + 1} others together"
        main.set_yticks(range(n_lines), [short(line, 60) for line in reversed(shown)])
        final = base + float(values[kept].sum())
        as_probability = attributions.scale == "logit" and is_log_odds
        _mark(start, base, f"\n\nstart {_number(base, as_probability)}")
        _mark(end, final, f"this patient {_number(final, as_probability)}")
        end.tick_params(axis="x", length=0)
        start.tick_params(axis="x", length=0)
        main.set_xlabel(scale_words(attributions.scale, outcome, is_log_odds), labelpad=24)
        _dress(figure, n_lines)
    return figure


@styled
def _beeswarm(attributions: Attributions, outcome: str, labels: Labels, n_shown: int) -> Figure:
    shap = shap_library()
    values = attributions.values
    kept = np.flatnonzero(np.isfinite(values).any(axis=0))
    rows = np.flatnonzero(np.isfinite(values[:, kept]).all(axis=1))
    words = feature_labels(attributions, labels)
    data = np.asarray(
        [[_as_number(attributions.shown[r][i]) for i in kept] for r in rows], dtype=np.float64
    )
    explanation = shap.Explanation(
        values=values[np.ix_(rows, kept)],
        base_values=attributions.base[rows],
        data=data,
        feature_names=[short(words[i], 40) for i in kept],
    )
    with _shap_figure() as figure, warnings.catch_warnings():
        # A column of text has no number to colour by; shap takes percentiles of nothing.
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        shap.plots.beeswarm(
            explanation, max_display=n_shown, show=False, color_bar=bool(np.isfinite(data).any()),
            color_bar_label="value (grey: text, missing)",
        )  # fmt: skip
        main = figure.axes[0]
        for bar in figure.axes[1:]:
            bar.set_yticks(bar.get_yticks(), ["low", "high"])
            bar.yaxis.labelpad = 6
        main.set_xlabel(f"moves the {scale_words(attributions.scale, outcome)} by")
        if len(rows) < len(values):
            main.set_title(f"{len(rows)} of {len(values)}: those with every feature")
        _dress(figure, min(n_shown, len(kept)))
    return figure


@styled
def _attribution_bars(
    attributions: Attributions, outcome: str, labels: Labels, n_shown: int
) -> Figure:
    kept = np.flatnonzero(np.isfinite(attributions.values).any(axis=0))
    size = np.nanmean(np.abs(attributions.values[:, kept]), axis=0)
    words = feature_labels(attributions, labels)
    scale = scale_words(attributions.scale, outcome)
    with _shap_figure() as figure:
        main = _bars(size, [words[i] for i in kept], n_shown)
        main.set_xlabel(f"mean size of the move of the {scale}")
        for text in main.texts:
            text.set_text(text.get_text().removeprefix("+"))
        _dress(figure, min(n_shown, len(kept)))
    return figure


@styled
def _importance_bars(importance: Importance, labels: Labels, n_shown: int) -> Figure:
    order = np.argsort(-importance.drop, kind="stable")
    kept = order[np.isfinite(importance.drop[order])][:n_shown]
    drop = importance.drop[kept]
    words = feature_labels(importance, labels)
    with _shap_figure() as figure:
        main = _bars(drop, [words[i] for i in kept], len(kept), by_size=False)
        for text in list(main.texts):
            text.remove()
        places = np.arange(len(kept), 0, -1)
        low, high = importance.ci_low[kept], importance.ci_high[kept]
        for place, value, left, right in zip(places, drop, low, high, strict=True):
            end = value
            if np.isfinite(left) and np.isfinite(right):
                main.plot([left, right], [place, place], color=INK, linewidth=1.2)
                end = max(value, right)
            main.annotate(
                _plain(value), (max(end, 0.0), place), xytext=(5, 0), textcoords="offset points",
                va="center", color=INK,
            )  # fmt: skip
        fall = f"fall of {metric_name(importance.metric)} when shuffled (line: 95 % interval)"
        main.set_xlabel(SHARES.get(importance.metric, fall))
        main.margins(x=0.12)
        main.autoscale(axis="x")
        _dress(figure, len(kept))
    return figure


def _bars(values: Floats, words: Sequence[str], n_shown: int, *, by_size: bool = True) -> Axes:
    shap = shap_library()
    explanation = shap.Explanation(values=values, feature_names=list(words))
    # In the given order where they are ranked already: shap ranks by size, a fall has a sign.
    order: dict[str, Any] = {} if by_size else {"order": np.arange(len(values))}
    main = shap.plots.bar(explanation, max_display=n_shown, show=False, **order)
    n = len(main.get_yticks()) // 2
    ticks = [label.get_text() for label in main.get_yticklabels()[:n]]
    main.set_yticks(main.get_yticks()[:n], [short(tick, 48) for tick in ticks])
    return main


def _dress(figure: Figure, n_lines: int) -> None:
    """Sizes and colours of the page instead of shap's."""
    figure.set_size_inches(_WIDTH, n_lines * _LINE + _AROUND)
    for axes in figure.axes:
        axes.xaxis.label.set(fontsize=_FONT, color=INK)
        axes.yaxis.label.set(fontsize=_FONT, color=INK)
        for text in (*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels()):
            text.set_fontsize(_FONT)
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_color(INK)
        axes.tick_params(axis="both", color=GREY)


def _mark(axes: Axes, place: float, text: str) -> None:
    axes.set_xticks([place], [text])
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("center")


def _line(word: str, attributions: Attributions, row: int, i: int) -> str:
    shown = attributions.shown[row][i]
    return f"{word}: {short(shown, 30)}" if shown else word


def scale_words(scale: str, outcome: str, is_log_odds: bool = True) -> str:
    """The scale in words, such as "log-odds of malignant"."""
    of = f" of {outcome}" if outcome else ""
    if scale == "logit":
        return f"log-odds{of}" if is_log_odds else f"score{of}"
    return f"{scale}{of}"


def _number(value: float, as_probability: bool) -> str:
    if not as_probability:
        return _plain(value)
    return f"{_plain(value)} (probability {1 / (1 + np.exp(-value)):.2f})"


def _plain(value: float) -> str:
    text = f"{value:.2f}" if abs(value) >= 0.01 or value == 0 else f"{value:.1g}"
    return text.replace("-", MINUS)


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
