"""Whether probabilities mean what they say: reliability curves and the numbers behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.contents import Contents
from tumorboard.report.model_remarks import calibration_notes
from tumorboard.report.number_format import number
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import cell, real, reals
from tumorboard.report.style import (
    GREY,
    INK,
    PALE,
    Mark,
    marks,
    new_figure,
    panels,
    save,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches of a row of panels.
_ROW = 3.7


def section(contents: Contents) -> Section | None:
    """Reliability of every arm; None where the run has no such evidence."""
    document = read_evidence(contents.folder, "calibration")
    if document is None or not document["arms"]:
        return None
    folder = contents.folder / "figures"
    arms = [arm for arm in contents.arms if arm in document["arms"]]
    figures: list[dict[str, Any]] = []
    for index, name in enumerate(document["classes"]):
        drawn = save(
            reliability_figure(document, name, arms), folder, _figure_name(document, index)
        )
        figures.append({"class": name, "svg": Markup(drawn), "id": _figure_name(document, index)})
    html = fill(
        "calibration.html",
        figures=figures,
        tables=[_table(document, name, arms) for name in document["classes"]],
        changes=_changes(document, arms),
        top_label=_top_label(document, arms),
        n_bins=document["n_bins"],
        notes=calibration_notes(contents.folder, arms),
        method=contents.study.get("evaluation", {}).get("calibration", "none"),
        is_binary=len(document["classes"]) == 1,
    )
    return Section("calibration", "Calibration", _lead(document, arms), html)


def _figure_name(document: Mapping[str, Any], index: int) -> str:
    return "calibration" if len(document["classes"]) == 1 else f"calibration_{index + 1}"


def _lead(document: Mapping[str, Any], arms: Sequence[str]) -> str:
    arm, name = arms[0], document["classes"][-1]
    found = document["arms"][arm]["classes"][name]
    slope, ratio = found["slope"], found["observed_expected"]
    words = (
        f"{arm} gives {name} a mean probability of {found['mean_probability']:.3f} where "
        f"its share is {found['prevalence']:.3f}"
    )
    if real(slope["value"]) != real(slope["value"]):
        return f"{words}; a calibration slope cannot be computed."
    shown = cell(slope, digits=2)
    between = f" ({shown.interval})" if shown.interval else ""
    return (
        f"{words} (observed / expected {number(real(ratio['value']), digits=2)}); its calibration "
        f"slope is {shown.value}{between}: {_verdict(slope)}."
    )


def _verdict(slope: Mapping[str, float | None]) -> str:
    low, high = real(slope["ci_low"]), real(slope["ci_high"])
    if high < 1 and low <= 0:
        return "higher probabilities are not shown to mean more of them"
    if high < 1:
        return "probabilities are too extreme"
    if low > 1:
        return "probabilities are too cautious"
    if low <= 0 and high >= 1:
        return "too wide an interval to judge the spread by"
    if low <= 1 <= high:
        return "compatible with 1, the right spread"
    return "without an interval"


def _table(document: Mapping[str, Any], name: str, arms: Sequence[str]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for arm in arms:
        found = document["arms"][arm]["classes"][name]
        brier = found["brier"]
        rows.append(
            {
                "arm": arm,
                "estimates": [
                    cell(found["intercept"], digits=2, signed=True),
                    cell(found["slope"], digits=2),
                    cell(found["observed_expected"], digits=2),
                ],
                "brier": [
                    number(round(real(brier[part]), 3) + 0.0)  # + 0.0: no negative zero
                    for part in (
                        "value", "reliability", "resolution", "uncertainty", "within_bins",
                        "scaled",
                    )
                ],
                "ece": number(real(found["ece"])),
                "n_clipped": found["n_clipped"],
                "n_patients": document["arms"][arm]["n_patients"],
            }
        )  # fmt: skip
    return {"class": name, "rows": rows}


def _changes(document: Mapping[str, Any], arms: Sequence[str]) -> list[dict[str, Any]]:
    """Before and after the fitted calibration, of every arm and class."""
    rows: list[dict[str, Any]] = []
    for arm in arms:
        after: Any = document["arms"][arm]
        before: Any = after["before"]
        for name in document["classes"] if before else ():
            pair: list[Any] = [side["classes"][name] for side in (before, after)]
            rows.append(
                {
                    "arm": arm,
                    "class": name,
                    "slope": [cell(side["slope"], digits=2) for side in pair],
                    "intercept": [cell(side["intercept"], digits=2, signed=True) for side in pair],
                    "ece": [number(real(side["ece"])) for side in pair],
                    "brier": [number(real(side["brier"]["value"])) for side in pair],
                }
            )
    return rows


def _top_label(document: Mapping[str, Any], arms: Sequence[str]) -> str:
    if len(document["classes"]) == 1:
        return ""
    each = [f"{arm} {number(real(document['arms'][arm]['top_label_ece']))}" for arm in arms]
    return ", ".join(each)


@styled
def reliability_figure(document: Mapping[str, Any], name: str, arms: Sequence[str]) -> Figure:
    """One panel per arm: bins with intervals, the smooth curve and the histogram below."""
    look = marks(arms)
    columns = min(3, len(arms))
    if len(arms) == 1:  # a panel of its own, not squeezed into half a page
        figure = new_figure(4.2, width=5.0)
        axes: list[Axes] = [figure.subplots()]
    else:
        figure, axes = panels(len(arms), columns=columns, height=_ROW)
    for axis, arm in zip(axes, arms, strict=True):
        found = document["arms"][arm]
        _panel(axis, found["classes"][name], look[arm])
        if found["before"] is not None:
            _before(axis, found["before"]["classes"][name])
            if axis.get_legend_handles_labels()[0]:  # too few patients have no smooth curve
                axis.legend(loc="upper left", handlelength=2.2)
        axis.set_title(short(arm))
        axis.set_xlabel(f"predicted probability of {short(name, 16)}")
        axis.set_ylabel(f"observed share of {short(name, 16)}")
    return figure


def _panel(axis: Axes, found: Mapping[str, Any], mark: Mark) -> None:
    axis.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=":", zorder=1)
    smooth = found["smooth"]
    if smooth is not None:
        at = reals(smooth["probability"])
        low, high = reals(smooth["ci_low"]), reals(smooth["ci_high"])
        axis.fill_between(at, low, high, color=mark.colour, alpha=0.16, lw=0, zorder=2)
        axis.plot(at, reals(smooth["observed"]), color=mark.colour, lw=1.8, zorder=3)
    bins = found["bins"]
    x, y, low, high = (
        reals([each[key] for each in bins])
        for key in ("predicted", "observed", "ci_low", "ci_high")
    )
    axis.vlines(x, low, high, color=INK, lw=0.9, zorder=4)
    axis.plot(
        x, y, ls="", marker=mark.marker, ms=4.5, color=mark.colour, mec=INK, mew=0.6, zorder=5
    )
    _histogram(axis, found["histogram"])
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.26, 1.02))
    axis.grid(visible=True)


def _before(axis: Axes, found: Mapping[str, Any]) -> None:
    """The smooth curve of the probabilities before the fitted calibration."""
    if found["smooth"] is not None:
        axis.plot(
            reals(found["smooth"]["probability"]), reals(found["smooth"]["observed"]),
            color=INK, lw=1.2, ls=(0, (4, 2)), zorder=3, label="before calibration",
        )  # fmt: skip


def _histogram(axis: Axes, histogram: Mapping[str, Sequence[int]]) -> None:
    """Where the patients are: with the class upwards, without it downwards, below the curve."""
    up = np.asarray(histogram["of_class"], dtype=np.float64)
    down = np.asarray(histogram["of_others"], dtype=np.float64)
    tallest = max(up.max(), down.max(), 1.0)
    middles = (np.arange(len(up)) + 0.5) / len(up)
    base, reach, width = -0.15, 0.09, 0.9 / len(up)
    axis.bar(middles, reach * up / tallest, width, bottom=base, color=INK, zorder=2)
    axis.bar(middles, -reach * down / tallest, width, bottom=base, color=PALE, zorder=2)
