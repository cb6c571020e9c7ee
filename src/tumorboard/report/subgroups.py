"""Section on subgroups: every arm in every group, differences, and whom the primary arm helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.number_format import interval, metric_name, number, p_value
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.style import GREY, INK, Mark, marks, new_figure, save, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMES: Mapping[str, str] = {"observed_minus_expected": "observed − expected"}  # noqa: RUF001
#: Groups beyond which the figure would fill more than a page.
MAX_ROWS = 40


def section(contents: RunContents) -> Section | None:
    """Metrics by subgroup; None where the run has no such evidence."""
    document = read_evidence(contents.folder, "subgroups")
    if document is None or not document["columns"]:
        return None
    from markupsafe import Markup

    metric = _metric(document)
    arms = [arm for arm in contents.arms if _is_reported(document, arm)]
    drawing = ""
    if arms:
        figure = subgroup_figure(document, metric=metric, arms=contents.arms)
        drawing = Markup(save(figure, contents.folder / "figures", "subgroups"))
    html = fill(
        "subgroups.html",
        figure=drawing,
        metric=_name(metric),
        primary=document["primary"],
        min_patients=document["min_patients"],
        metrics=[_name(name) for name in document["metrics"]],
        columns=[_column(column, document, metric, arms) for column in document["columns"]],
        n_hidden=max(0, sum(len(c["groups"]) for c in document["columns"]) - MAX_ROWS),
    )
    return Section("subgroups", "Subgroups", _lead(document, metric), html)


def _f(value: float | None) -> float:
    return nan if value is None else value


def _name(metric: str) -> str:
    return _NAMES.get(metric, metric_name(metric))


def _metric(document: Mapping[str, Any]) -> str:
    """The primary metric, or AUROC where it has no value by subgroup."""
    asked = document["primary"]["metric"]
    return str(asked) if asked in document["metrics"] else "auroc"


def _is_reported(document: Mapping[str, Any], arm: str) -> bool:
    return any(arm in group["arms"] for column in document["columns"] for group in column["groups"])


def _lead(document: Mapping[str, Any], metric: str) -> str:
    primary = document["primary"]
    columns = document["columns"]
    groups = [group for column in columns for group in column["groups"]]
    refused = sum(group["refused"] for group in groups)
    rows = [
        row for column in columns for row in column["differences"]
        if (row["arm"], row["metric"]) == (primary["arm"], metric)
    ]  # fmt: skip
    gains = [r for column in columns for r in column["interactions"] if r["metric"] == metric]
    counted = f"{_name(metric)} of {primary['arm']} differs between groups in {_below(rows)}"
    helped = f"; its gain over {primary['reference']} in {_below(gains)}" if gains else ""
    small = (
        f" {refused} of {len(groups)} groups have fewer than {document['min_patients']} patients "
        "and are not reported."
        if refused
        else ""
    )
    return f"{counted}{helped} (p < 0.05 after Holm's correction).{small}"


def _below(rows: Sequence[Mapping[str, Any]]) -> str:
    tested = [row for row in rows if row["p_value_holm"] is not None]
    found = [row for row in tested if row["p_value_holm"] < 0.05]
    if not tested:
        return "no comparison that could be made"
    return f"{len(found)} of {len(tested)} comparisons"


def _column(
    column: Mapping[str, Any], document: Mapping[str, Any], metric: str, arms: Sequence[str]
) -> dict[str, Any]:
    primary = document["primary"]["arm"]
    differences = {
        row["group"]: row
        for row in column["differences"]
        if (row["arm"], row["metric"]) == (primary, metric)
    }
    interactions = {r["group"]: r for r in column["interactions"] if r["metric"] == metric}
    return {
        "name": column["column"],
        "note": column["note"],
        "n_differing": column["n_differing"],
        "largest": column["largest"],
        "groups": [
            {
                "name": group["group"],
                "refused": group["refused"],
                "n_patients": group["n_patients"],
                "n_events": group["n_events"],
                "cells": _cells(group, primary, document["metrics"]),
                "difference": _change(differences.get(group["group"])),
                "gain": _change(group["gain"].get(metric)),
                "interaction": _change(interactions.get(group["group"])),
            }
            for group in column["groups"]
        ],
        "others": [
            {
                "arm": arm,
                "groups": [
                    {
                        "name": group["group"],
                        "refused": group["refused"],
                        "cells": _cells(group, arm, document["metrics"]),
                    }
                    for group in column["groups"]
                ],
            }
            for arm in arms
            if arm != primary
        ],
    }


def _cells(group: Mapping[str, Any], arm: str, metrics: Sequence[str]) -> list[dict[str, str]]:
    found = group["arms"].get(arm, {})
    return [
        {
            "value": number(_f(found.get(name, {}).get("value"))),
            "interval": interval(
                _f(found.get(name, {}).get("ci_low")), _f(found.get(name, {}).get("ci_high"))
            ),
            "method": found.get(name, {}).get("method", ""),
        }
        for name in metrics
    ]


def _change(row: Mapping[str, Any] | None) -> dict[str, str]:
    """A difference with its interval and p-value; the adjusted one where there is one."""
    if row is None:
        return {"value": "", "interval": "", "p": ""}
    p_shown = _f(row["p_value_holm"] if "p_value_holm" in row else row["p_value"])
    return {
        "value": number(_f(row["difference"]), signed=True),
        "interval": interval(_f(row["ci_low"]), _f(row["ci_high"]), signed=True),
        "p": f"p {p_value(p_shown)}" if isfinite(p_shown) else "",
    }


@styled
def subgroup_figure(document: Mapping[str, Any], *, metric: str, arms: Sequence[str]) -> Figure:
    """Left: the metric of the primary arm and its reference by group. Right: the gain.

    Args:
        document: Evidence "subgroups".
        metric: Which metric.
        arms: All arms of the report, for their colours.
    """
    primary, look = document["primary"], marks(arms)
    rows = [(column["column"], group) for column in document["columns"] for group in
            column["groups"]][:MAX_ROWS]  # fmt: skip
    has_gain = any(metric in group["gain"] for _, group in rows)
    places, labels = _places([name for name, _ in rows])
    figure = new_figure(1.2 + 0.3 * (max(places, default=0) + 1))
    axes = list(figure.subplots(1, 2 if has_gain else 1, squeeze=False)[0])
    for y, (_, group) in zip(places, rows, strict=True):
        if group["refused"]:
            axes[0].annotate(
                f"{group['n_patients']} patients: not reported", (0.02, y), color=GREY, va="center",
                xycoords=("axes fraction", "data"), fontsize=8, style="italic",
            )  # fmt: skip
            continue
        for arm, shift in ((primary["reference"], 0.14), (primary["arm"], -0.14)):
            _point(axes[0], y + shift, group["arms"].get(arm, {}).get(metric), look.get(arm))
        if has_gain:
            _point(axes[1], y, group["gain"].get(metric), look.get(primary["arm"]))
    names = [f"{short(g['group'], 22)}  (n {g['n_patients']})" for _, g in rows]
    _furnish(axes, places, names, labels)
    _legend(axes[0], primary, look)
    axes[0].set_xlabel(_name(metric))
    if has_gain:
        axes[1].axvline(0, color=INK, lw=1.0, zorder=1)
        axes[1].set_xlabel(f"{short(primary['arm'], 14)} − {short(primary['reference'], 14)}")  # noqa: RUF001
        axes[1].set_title("Gain")
    return figure


def _places(columns: Sequence[str]) -> tuple[list[float], dict[float, str]]:
    """Height of every row, with room for the heading of its column above the first."""
    places: list[float] = []
    headings: dict[float, str] = {}
    y, last = -1.0, None
    for name in columns:
        if name != last:
            y += 1.0
            headings[y] = name
            last = name
        y += 1.0
        places.append(y)
    return places, headings


def _point(axis: Axes, y: float, item: Mapping[str, Any] | None, mark: Mark | None) -> None:
    if item is None:
        return
    value = _f(item.get("value", item.get("difference")))
    low, high = _f(item["ci_low"]), _f(item["ci_high"])
    colour, marker = (mark.colour, mark.marker) if mark else (GREY, "o")
    if isfinite(low) and isfinite(high):
        axis.plot([low, high], [y, y], color=colour, lw=1.8, solid_capstyle="butt")
    if isfinite(value):
        axis.plot([value], [y], marker=marker, color=colour, ms=6, mec="white", mew=0.6)


def _legend(axis: Axes, primary: Mapping[str, str], look: Mapping[str, Mark]) -> None:
    for arm in dict.fromkeys([primary["arm"], primary["reference"]]):
        mark = look.get(arm)
        colour, marker = (mark.colour, mark.marker) if mark else (GREY, "o")
        axis.plot([], [], marker=marker, color=colour, ls="none", label=short(arm, 18))
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, handletextpad=0.2, borderpad=0)


def _furnish(
    axes: Sequence[Axes], places: Sequence[float], names: Sequence[str], headings: dict[float, str]
) -> None:
    for axis in axes:
        axis.set_ylim(max(places, default=0) + 0.6, -0.6)
        axis.grid(visible=True, axis="x")
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.margins(x=0.05)
    ticks = sorted([*zip(places, names, strict=True), *headings.items()])
    axes[0].set_yticks([y for y, _ in ticks], [short(name, 40) for _, name in ticks])
    for (y, _), label in zip(ticks, axes[0].get_yticklabels(), strict=True):
        label.set_fontweight("bold" if y in headings else "normal")
    for axis in axes[1:]:
        axis.set_yticks([])
