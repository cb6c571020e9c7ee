"""Numbers that were predicted: observed against predicted, and what pictures alone tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.modalities import picture_modalities
from tumorboard.records import Estimate
from tumorboard.report.number_format import Cell, interval, number
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import real, reals
from tumorboard.report.style import COLOURS, GREY, INK, new_figure, save, short, styled
from tumorboard.study_tasks import GENE_SET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Arms that are drawn: the primary one and its reference.
_DRAWN = 2
#: Targets that are drawn; all are in the table.
_MOST_TARGETS = 6
#: Features of pictures, which are no pictures themselves.
_FROM_PICTURES = frozenset({"radiomics"})


def section(contents: NumbersContents) -> Section | None:
    """The section of a regression; None for all others."""
    document = read_evidence(contents.folder, "regression")
    arms = [arm for arm in contents.arms if document and arm in document["arms"]]
    if document is None or not arms:
        return None
    targets = [str(target) for target in document["targets"]]
    drawn = [target for target in targets if _is_drawn(document, arms, target)][:_MOST_TARGETS]
    svg = ""
    if drawn:
        figure = regression_figure(document, arms[:_DRAWN], drawn)
        svg = save(figure, contents.folder / "figures", "regression")
    carried = carried_sentences(contents, arms, targets)
    html = fill(
        "regression.html",
        svg=Markup(svg),
        drawn=drawn,
        n_hidden=len(targets) - len(drawn),
        targets=[{"name": t, "rows": _rows(contents, document, arms, t)} for t in targets],
        carried=carried,
    )
    lead = carried[0] if carried else _lead(contents, document, arms[0], targets[0])
    return Section("regression", "Observed and predicted", lead, html)


def carried_sentences(
    contents: NumbersContents, arms: Sequence[str], targets: Sequence[str]
) -> list[str]:
    """How much of each gene set an arm that sees only pictures tells; empty for other targets."""
    named = np.atleast_1d(np.asarray(contents.study["task"]["target"]))
    if not str(named[0]).startswith(GENE_SET):
        return []
    tables: Mapping[str, Any] = contents.study["modalities"]
    pictures = {*picture_modalities(tables)}
    pictures |= {name for name, table in tables.items() if table["kind"] in _FROM_PICTURES}
    members = {arm: set(contents.study["arms"][arm]["modalities"]) for arm in arms}
    sentences = [
        _carried(target, arm, _estimate(contents, arm, "r2", target))
        for arm in arms
        if members[arm] <= pictures
        for target in targets
    ]
    with_more = [arm for arm in arms if not members[arm] <= pictures]
    return sentences + _shown_alone(contents, with_more, targets, pictures)


def _carried(target: str, arm: str, r2: Estimate | None) -> str:
    start = f"How much of {target} the image carries"
    if r2 is None or np.isnan(r2.value):
        return f"{start}: R² of {arm} is undefined."
    if np.isnan(r2.ci_low):
        return (
            f"{start}: R² of {arm} is {number(r2.value)}, of {r2.n_patients} patients: too few for "
            "an interval, so nothing can be said."
        )
    said = f"{number(r2.value)} ({interval(r2.ci_low, r2.ci_high)})"
    if r2.value <= 0 or r2.ci_low <= 0:
        return f"{start}: R² of {arm} is {said}: no evidence that it carries any."
    return f"{start}: R² of {arm} is {said}: {100 * r2.value:.0f} % of its variance."


def _shown_alone(
    contents: NumbersContents, arms: Sequence[str], targets: Sequence[str], pictures: set[str]
) -> list[str]:
    """What arms that were trained with more tell of each target from pictures alone."""
    document = read_evidence(contents.folder, "subsets") or {"arms": {}}
    sentences: list[str] = []
    for arm in arms:
        for subset in document["arms"].get(arm, {"shown": []})["shown"]:
            names = str(subset["modalities"]).split("+")
            if set(names) <= pictures and subset.get("is_learned") is not False:
                what = f"{arm}, trained with more and shown {' + '.join(names)} alone"
                said = (_of_subset(subset["metrics"], target) for target in targets)
                sentences += [f"{what}: {one}" for one in said if one]
    return sentences


def _of_subset(metrics: Mapping[str, Any], target: str) -> str:
    """R2 of one target and what it means; nothing where there is no interval."""
    found = metrics.get(f"r2_{target}", metrics.get("r2"))
    if found is None:
        return ""
    value, low, high = (real(found[key]) for key in ("value", "ci_low", "ci_high"))
    if np.isnan(low):
        return ""
    verdict = "no evidence" if min(value, low) <= 0 else f"{100 * value:.0f} % of variance"
    return f"R² of {target} is {number(value)} ({interval(low, high)}): {verdict}."


def _lead(contents: NumbersContents, document: Mapping[str, Any], arm: str, target: str) -> str:
    r2 = _cell(_estimate(contents, arm, "r2", target))
    slope = real(document["arms"][arm][target]["slope"])
    first = f"R² of {arm} in {target} is {r2.value}" + (f" ({r2.interval})" if r2.interval else "")
    if np.isnan(slope):
        return f"{first}."
    return f"{first}; observed values rise by {number(slope, digits=2)} for 1 that is predicted."


def _estimate(contents: NumbersContents, arm: str, metric: str, target: str) -> Estimate | None:
    """The metric of one target: it has the metric's own name where there is one target only."""
    found = contents.metrics[arm]
    return found.get(f"{metric}_{target}", found.get(metric))


def _cell(estimate: Estimate | None) -> Cell:
    if estimate is None:
        return Cell(number(np.nan))
    return Cell(number(estimate.value), interval(estimate.ci_low, estimate.ci_high))


def _rows(
    contents: NumbersContents, document: Mapping[str, Any], arms: Sequence[str], target: str
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for arm in arms:
        found = document["arms"][arm][target]
        estimates = [_estimate(contents, arm, m, target) for m in ("mae", "r2", "spearman")]
        rows.append(
            {
                "arm": arm,
                "cells": [_cell(estimate) for estimate in estimates],
                "slope": number(real(found["slope"]), digits=2),
                "intercept": number(real(found["intercept"]), digits=2),
                "n_patients": estimates[0].n_patients if estimates[0] else 0,
            }
        )
    return rows


def _is_drawn(document: Mapping[str, Any], arms: Sequence[str], target: str) -> bool:
    return any(document["arms"][arm][target]["points"] for arm in arms[:_DRAWN])


@styled
def regression_figure(
    document: Mapping[str, Any], arms: Sequence[str], targets: Sequence[str]
) -> Figure:
    """A row of panels per target, a panel per arm: observed against predicted, on one scale."""
    figure = new_figure(3.1 * len(targets))
    axes = figure.subplots(len(targets), len(arms), squeeze=False)
    for row, target in zip(axes, targets, strict=True):
        found = [document["arms"][arm][target] for arm in arms]
        low, high = _limits([each["points"] for each in found])
        for k, (axis, arm, each) in enumerate(zip(row, arms, found, strict=True)):
            _panel(axis, each, COLOURS[k % len(COLOURS)], low, high)
            axis.set(title=f"{short(target, 24)}, {short(arm, 18)}", xlabel="predicted")
        row[0].set_ylabel("observed")
    return figure


def _limits(points: Sequence[Sequence[Sequence[float]]]) -> tuple[float, float]:
    """Ends of what is observed or predicted in any panel of a target, and some room."""
    every = np.concatenate([reals(p) for pairs in points for p in pairs])
    low, high = float(every.min()), float(every.max())
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _panel(axis: Axes, found: Mapping[str, Any], colour: str, low: float, high: float) -> None:
    axis.plot([low, high], [low, high], color=GREY, lw=0.9, ls=":", zorder=1)
    points = np.asarray(found["points"], dtype=np.float64).reshape(-1, 2)
    axis.scatter(points[:, 0], points[:, 1], s=12, color=colour, alpha=0.35, lw=0)
    slope, intercept = real(found["slope"]), real(found["intercept"])
    if np.isfinite(slope) and len(points):
        ends = np.asarray([points[:, 0].min(), points[:, 0].max()])
        axis.plot(ends, intercept + slope * ends, color=INK, lw=1.3, ls="--")
    groups = found["groups"]
    if len(groups) > 1:
        x, y, sd, n = (
            reals([g[key] for g in groups]) for key in ("predicted", "observed", "sd", "n")
        )
        axis.errorbar(x, y, yerr=2 * sd / np.sqrt(n), fmt="o", color=colour, ms=6, lw=1.4,
                      markeredgecolor="white", zorder=4)  # fmt: skip
    axis.set(xlim=(low, high), ylim=(low, high))
    axis.grid(visible=True)
