"""Sections about patients that no fold has seen: the locked test set, and external cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.number_format import interval, metric_name, number, p_value
from tumorboard.report.outside_models import outside_models
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.style import GREY, marks, new_figure, save, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Metrics of the tables, in order; those that a run does not have are left out.
_SHOWN = (
    "auroc", "auprc", "brier", "dice", "iou", "nsd", "hd95_mm", "hd95_px", "sensitivity",
    "specificity", "precision", "volume_error_ml", "volume_error_px", "lesion_f1",
    "balanced_accuracy", "c_index", "uno_c_index", "integrated_brier", "r2", "spearman", "mae",
)  # fmt: skip


def locked_section(contents: RunContents) -> Section | None:
    """What the locked test set says, and how often it was looked at."""
    document = read_evidence(contents.folder, "locked_test")
    if document is None:
        return None
    times = document["n_looks"]
    looks = "once" if times == 1 else f"{times} times"
    lead = (
        f"The locked test set holds {document['n_patients']} patients that no fold has seen; every "
        f"model of this run was scored on it once. Its ledger ({document['ledger']}) records "
        f"{document['n_models']} scored models; an arm of this study was looked at {looks}."
    )
    if times > 1:
        lead += (
            " Choices made after an earlier look make the numbers below too good; a fresh set of "
            "patients would be needed to undo that."
        )
    html = fill(
        "held_out.html",
        cohorts={"locked test set": _tables(contents, document)},
        figure=_figure(contents, {"locked test": document}, "locked_test"),
        looks=[_look(look, contents.primary_metric) for look in document["looks"]],
        metric=metric_name(contents.primary_metric),
        from_ledger=document["from_ledger"],
        each_model=None,
        unit=contents.unit,
    )
    return Section("locked-test", "Locked test set", lead, html)


def external_section(contents: RunContents) -> Section | None:
    """What the study's models do on patients of other cohorts."""
    evidence = read_evidence(contents.folder, "external")
    if evidence is None:
        return None
    cohorts: Mapping[str, Any] = evidence["cohorts"]
    arm = contents.arms[0]
    metric = contents.primary_metric
    internal = contents.metrics[arm].get(metric)
    said = [
        f"{name} {_estimate(document['arms'][arm]['ensemble'].get(metric))} "
        f"({document['n_patients']} patients)"
        for name, document in cohorts.items()
        if arm in document["arms"]
    ]
    at_home = number(internal.value) if internal else "not known"
    lead = (
        f"{metric_name(metric)} of {arm}: {at_home} in cross-validation; by the ensemble of its "
        f"fold models on external patients: {'; '.join(said) or 'nobody could be predicted'}."
    )
    each_model = outside_models(contents, cohorts)
    if each_model is not None:
        lead = f"{lead} {each_model.lead}"
    html = fill(
        "held_out.html",
        cohorts={name: _tables(contents, document) for name, document in cohorts.items()},
        figure=_figure(contents, cohorts, "external"),
        looks=[],
        metric="",
        from_ledger=False,
        each_model=each_model,
        unit=contents.unit,
    )
    return Section("external", "External cohorts", lead, html)


def _tables(contents: RunContents, document: Mapping[str, Any]) -> dict[str, Any]:
    arms = [arm for arm in contents.arms if arm in document["arms"]]
    shown = [m for m in _SHOWN if any(m in document["arms"][a]["ensemble"] for a in arms)]
    return {
        "heads": [metric_name(name) for name in shown],
        "rows": [
            {
                "arm": arm,
                "cells": [_estimate(document["arms"][arm]["ensemble"].get(m)) for m in shown],
                "models": _models(document["arms"][arm].get("models", {}), contents.primary_metric),
            }
            for arm in arms
        ],
        "metric": metric_name(contents.primary_metric),
        "outcome": document.get("outcome", {}),
        "n_patients": document["n_patients"],
        "comparison": _comparison(document.get("comparison")),
        "rejected": document.get("rejected", []),
        "notes": document.get("notes", []),
        "n_shared": document.get("n_shared", 0),
    }


def _comparison(found: Mapping[str, Any] | None) -> str:
    if found is None or found["difference"] is None:
        return ""
    low, high = _real(found["ci_low"]), _real(found["ci_high"])
    parts = [
        f"{found['arm']} minus {found['reference']}, {metric_name(found['metric'])}: "
        f"{number(found['difference'], signed=True)}"
    ]
    if found["ci_low"] is not None:
        parts[0] += f" ({interval(low, high, signed=True)})"
    if found["p_value"] is not None:
        parts.append(f"p = {p_value(_real(found['p_value']))}")
    return ", ".join([*parts, f"{found['n_patients']} patients", found["test"]])


def _models(models: Mapping[str, Any], metric: str) -> str:
    values = [value for value in models.get(metric, []) if value is not None]
    if not values:
        return ""
    return f"{number(min(values))} to {number(max(values))} ({len(values)} models)"


def _estimate(entry: Mapping[str, Any] | None) -> str:
    if entry is None or entry["value"] is None:
        return "undefined"
    text = number(entry["value"])
    if entry["ci_low"] is None:
        return text
    return f"{text} ({interval(entry['ci_low'], entry['ci_high'])})"


def _look(look: Mapping[str, Any], metric: str) -> dict[str, Any]:
    estimate = _estimate(look["metrics"].get(metric))
    return {**look, "estimate": estimate, "short_hash": look["hash"][:12]}


def _real(value: float | None) -> float:
    return float("nan") if value is None else value


def _figure(contents: RunContents, documents: Mapping[str, Any], name: str) -> Markup:
    figure = draw_inside_and_outside(contents, documents)
    return Markup(save(figure, contents.folder / "figures", name))


@styled
def draw_inside_and_outside(contents: RunContents, documents: Mapping[str, Any]) -> Figure:
    """Each arm's primary metric inside the study, and below it outside, with intervals.

    Small ticks are the single fold models; the marker is their ensemble. Other notes are put
    in inside alone: those rows are left out.
    """
    metric = contents.primary_metric
    groups: list[tuple[str, Mapping[str, Any]]] = [("inside", {}), *documents.items()]
    given = contents.study.get("arms", {})
    arms = [arm for arm in contents.arms if arm in given or not given]
    n_rows = len(arms) * (len(groups) + 0.8)
    figure = new_figure(0.9 + 0.27 * n_rows)
    axis = figure.subplots()
    look = marks(list(contents.arms))  # each in the colour that it has on the whole page
    ticks: list[float] = []
    labels: list[str] = []
    y = 0.0
    for arm in arms:
        for cohort, document in groups:
            if cohort == "inside":
                own = contents.metrics[arm].get(metric)
                entry = vars(own) if own else None
                models: list[float | None] = []
            else:
                found = document["arms"].get(arm, {})
                entry = found.get("ensemble", {}).get(metric)
                models = found.get("models", {}).get(metric, [])
            _point(axis, y, entry, models, look[arm].colour, filled=cohort == "inside")
            ticks.append(y)
            where = "cross-validation" if cohort == "inside" else short(cohort, 20)
            labels.append(f"{short(arm, 20)} · {where}")
            y += 1
        y += 0.8
    axis.set_yticks(ticks, labels)
    axis.set_ylim(y - 0.8, -0.8)
    axis.grid(visible=True, axis="x")
    axis.set_xlabel(f"{metric_name(metric)} with 95 % interval")
    return figure


def _point(
    axis: Axes, y: float, entry: Mapping[str, Any] | None, models: list[float | None],
    colour: str, *, filled: bool,
) -> None:  # fmt: skip
    for value in models:
        if value is not None:
            axis.plot([value, value], [y - 0.22, y + 0.22], color=GREY, lw=0.9)
    if entry is None or entry["value"] is None:
        return
    low, high = entry["ci_low"], entry["ci_high"]
    if low is not None and low == low:
        axis.plot([low, high], [y, y], color=colour, lw=2.0, solid_capstyle="butt")
    face = colour if filled else "white"
    axis.plot([entry["value"]], [y], marker="o", ms=7, color=colour, mfc=face, mew=1.6)
