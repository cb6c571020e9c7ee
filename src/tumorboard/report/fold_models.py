"""What each fold's model scored on its own test patients, and whom it took for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.carry_over import spread
from tumorboard.report.contents import Contents
from tumorboard.report.fold_confusion import MAX_MODELS, fold_confusion_figure
from tumorboard.report.number_format import metric_name, number
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import reals
from tumorboard.report.style import save

#: Metrics of the table, where the run has them.
SHOWN = ("macro_f1", "balanced_accuracy", "auroc", "accuracy", "brier")


def section(contents: Contents) -> Section | None:
    """The section of the report; None without evidence `fold_models`, and of a single split."""
    document = read_evidence(contents.folder, "fold_models")
    if document is None:
        return None
    arms = {arm: document["arms"][arm] for arm in contents.arms if document["arms"].get(arm)}
    if not any(len(models) > 1 for models in arms.values()):
        return None
    metric = contents.primary_metric
    return Section(
        anchor="fold-models",
        title="Every fold's model",
        lead=_lead(arms, metric),
        html=fill(
            "fold_models.html",
            heads=[metric_name(name) for name in SHOWN],
            rows=[_row(arm, models) for arm, models in arms.items()],
            drawings=confusion_drawings(
                contents, arms, document["classes"], metric="macro_f1", name="confusion_folds"
            ),
            unit=contents.unit,
            most=MAX_MODELS,
        ),
    )


def _lead(arms: Mapping[str, Sequence[Mapping[str, Any]]], metric: str) -> str:
    arm, models = next(iter(arms.items()))
    values = reals([model["scores"].get(metric) for model in models])
    known = values[values == values]
    if not len(known):
        return f"{metric_name(metric)} is undefined in every fold of {arm}."
    return (
        f"{metric_name(metric)} of {arm}, each of its {len(known)} models on its own test "
        f"patients: {number(float(known.min()))} to {number(float(known.max()))}, mean "
        f"{number(float(known.mean()))}, standard deviation {number(spread(known))}."
    )


def _row(arm: str, models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    cells: list[str] = []
    for name in SHOWN:
        values = reals([model["scores"].get(name) for model in models])
        known = values[values == values]
        mean = float(known.mean()) if len(known) else float("nan")
        missing = f" ({len(known)} models)" if len(known) < len(values) else ""
        cells.append(f"{number(mean)} ± {number(spread(known))}{missing}")
    return {"arm": arm, "cells": cells, "n": len(models)}


def confusion_drawings(
    contents: RunContents, arms: Mapping[str, Sequence[Mapping[str, Any]]],
    classes: Sequence[str], *, metric: str, name: str,
) -> list[dict[str, Any]]:  # fmt: skip
    """One drawing per arm whose models have matrices, written as `figures/NAME_ARM.svg`.

    Args:
        contents: The run folder, read; its order of arms is that of the page.
        arms: Arm -> entries of the evidence `fold_models`.
        classes: In the order of the matrices.
        metric: Score above each panel.
        name: Begins the names of the files.
    """
    from markupsafe import Markup

    drawn: list[dict[str, Any]] = []
    for arm in contents.arms:
        models = [model for model in arms.get(arm, ()) if "confusion" in model]
        if not models:
            continue
        figure = fold_confusion_figure(models, classes, metric=metric)
        svg = save(figure, contents.folder / "figures", f"{name}_{arm}")
        figure.clear()
        drawn.append({"arm": arm, "svg": Markup(svg), "n_more": max(0, len(models) - MAX_MODELS)})
    return drawn
