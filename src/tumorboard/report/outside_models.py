"""Each fold's model on the patients of other cohorts: carried over or not, and its confusions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.carry_over import CarryOver, carried, carry_over_figure
from tumorboard.report.fold_models import confusion_drawings
from tumorboard.report.number_format import metric_name
from tumorboard.report.run_contents import RunContents
from tumorboard.report.style import save
from tumorboard.study_words import LOWER_IS_BETTER


@dataclass(frozen=True)
class OutsideModels:
    """What the page shows of single models on other cohorts.

    Args:
        lead: One sentence with the numbers.
        drawing: Score at home against score outside.
        rows: The same as a table.
        confusions: Cohort -> one drawing per arm; none of a task of numbers.
        n_units: Cohort -> its units.
        has_losses: Whether a metric of the drawing is better when smaller.
    """

    lead: str
    drawing: str
    rows: list[dict[str, str]]
    confusions: Mapping[str, list[dict[str, Any]]]
    n_units: Mapping[str, int]
    has_losses: bool


def outside_models(contents: RunContents, cohorts: Mapping[str, Any]) -> OutsideModels | None:
    """Single models inside and outside; None of a run that kept no scores of single models.

    Args:
        contents: The run folder, read.
        cohorts: `cohorts` of the evidence `external`.
    """
    from markupsafe import Markup

    inside = read_evidence(contents.folder, "fold_models")
    found = {name: doc["fold_models"] for name, doc in cohorts.items() if "fold_models" in doc}
    if inside is None or not found:
        return None
    metrics = [contents.primary_metric]
    if inside["classes"]:
        metrics = list(dict.fromkeys([*metrics, "macro_f1"]))
    outside = {name: document["arms"] for name, document in found.items()}
    pairs = carried(inside["arms"], outside, arms=contents.arms, metrics=metrics)
    if not pairs:
        return None
    figure = carry_over_figure(pairs, arms=contents.arms)
    drawing = Markup(save(figure, contents.folder / "figures", "carry_over"))
    figure.clear()
    return OutsideModels(
        lead=_lead(pairs[0]),
        drawing=drawing,
        rows=[pair.row() for pair in pairs],
        confusions={
            name: confusion_drawings(
                contents, document["arms"], document["classes"], metric="macro_f1",
                name=f"confusion_{_file_word(name)}",
            )
            for name, document in found.items()
        },
        n_units={name: int(cohorts[name]["n_units"]) for name in found},
        has_losses=any(metric in LOWER_IS_BETTER for metric in metrics),
    )  # fmt: skip


def _lead(pair: CarryOver) -> str:
    worse = f"{pair.n_worse} score" if pair.n_worse != 1 else "one scores"
    worse = worse if pair.n_worse else "none scores"
    return (
        f"Of the {len(pair.inside)} models of {pair.arm}, {worse} worse on the cohort "
        f"{pair.cohort} than on the test patients of their own fold ({metric_name(pair.metric)})."
    )


def _file_word(cohort: str) -> str:
    """A cohort's name as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", cohort)
