"""report.html of a study of survival times, of masks or of other numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.cache import write_text
from tumorboard.evaluation.difference import lower_is_better
from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.records import Estimate, Floats
from tumorboard.report import (
    checklists,
    cohorts,
    degradation,
    enrichment,
    explanations,
    number_subsets,
    regression,
    segmentation,
    segmentation_checks,
    subgroups,
    survival,
    tuning,
)
from tumorboard.report.checklists import write_filled
from tumorboard.report.flow import empty_columns, flow_figure, missing_figure
from tumorboard.report.forest import forest_figure
from tumorboard.report.held_out import external_section, locked_section
from tumorboard.report.history import history_figure
from tumorboard.report.number_format import metric_name, number
from tumorboard.report.numbers_captions import numbers_captions, numbers_glossary
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.page import assembled, background_words, cohort_words, head_words
from tumorboard.report.patients import MAX_PATIENTS
from tumorboard.report.performance import describe_arms, difference_rows, outcome_tables
from tumorboard.report.run_card import write_cards
from tumorboard.report.section import Section
from tumorboard.report.style import labelled_figures, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: None where the run has no such evidence.
SECTIONS: tuple[Callable[[NumbersContents], Section | None], ...] = (
    survival.section,
    regression.section,
    segmentation_checks.controls_section,
    segmentation.fusions_section,
    segmentation.masks_section,
    segmentation_checks.tests_section,
    segmentation_checks.difficulty_section,
    segmentation_checks.guesses_section,
    segmentation_checks.volumes_section,
    segmentation.lesions_section,
    segmentation.cases_section,
    locked_section,
    external_section,
    cohorts.section,
    number_subsets.section,
    degradation.section,
    subgroups.section,
    explanations.section,
    enrichment.section,
    tuning.section,
    checklists.section,
)
#: Metrics of the arms table, in order.
LEADING = (
    "c_index", "uno_c_index", "integrated_brier", "scaled_integrated_brier", "r2", "spearman",
    "pearson", "mae", "rmse", "dice", "iou", "nsd", "hd95_mm", "hd95_px", "precision",
    "volume_error_ml", "volume_error_px", "lesion_f1",
)  # fmt: skip


def write_numbers(contents: NumbersContents) -> Path:
    """Write figures, report.html, checklists and cards of a run."""
    path = contents.folder / "report.html"
    with labelled_figures(contents.pairing):
        figures = _figures(contents)
        write_text(path, render(contents, figures))
    write_filled(contents)
    write_cards(contents)
    return path


def render(contents: NumbersContents, figures: Mapping[str, str]) -> str:
    """The page as HTML; every text of the run is escaped.

    Args:
        contents: The run folder, read.
        figures: Name -> SVG element.
    """
    sections = [section for make in SECTIONS if (section := make(contents)) is not None]
    n_events = contents.n_units.get("event", contents.n_patients)
    words = {
        **head_words(contents),
        **cohort_words(contents),
        **_numbers(contents),
        **_patients(contents),
        **background_words(contents, n_events=n_events),
        "how_little": "",
        "captions": numbers_captions(contents),
        "glossary": numbers_glossary(contents),
    }
    return assembled(words, contents, sections, figures)


def _figures(contents: NumbersContents) -> dict[str, str]:
    """Every figure that the run has numbers for: name -> SVG."""
    metric = contents.primary_metric
    drawn: dict[str, Figure] = {
        "answer": forest_figure(
            {arm: values[metric] for arm, values in contents.metrics.items() if metric in values},
            [row for row in contents.differences if row.metric == metric],
            metric=metric_name(metric),
            smaller_is_better=lower_is_better(metric),
            means=contents.fold_means,
        ),
        "flow": flow_figure(contents.flow()),
    }
    missing, n_rows = contents.cohort.get("missing", {}), int(contents.cohort["rows"])
    if len([n for n in missing.values() if n]) > len(empty_columns(missing, n_rows=n_rows)):
        drawn["missing"] = missing_figure(missing, n_rows=n_rows)
    if any(history.arm in contents.metrics for history in contents.histories):
        drawn["training"] = history_figure(contents.histories, arms=contents.arms)
    inline: dict[str, str] = {}
    for name, figure in drawn.items():
        inline[name] = save(figure, contents.folder / "figures", name)
        figure.clear()
    return inline


def _numbers(contents: NumbersContents) -> dict[str, Any]:
    arms = contents.arms
    main, further = outcome_tables(
        _shown_metrics(contents),
        arms=arms,
        leading=LEADING,
        describes=describe_arms(contents.study),
    )
    return {
        "arms": arms,
        "main_table": main,
        "further_table": further,
        "class_tables": [],
        "threshold_notes": [],
        "differences": difference_rows(contents.differences, contents.fold_means),
        "averaged": contents.averaged,
        "compared": contents.compared,
        "has_intervals": contents.has_intervals,
    }


def _shown_metrics(contents: NumbersContents) -> Mapping[str, Mapping[str, Estimate]]:
    """All metrics; of masks those over all labels: each label has a table of its own."""
    table = contents.predictions
    if table.kind != "segmentation":
        return contents.metrics
    columns = MaskColumns.of(table.prediction_names)
    own = columns.metrics[: len(columns.metrics) // (1 + len(columns.labels))]
    return {
        arm: {k: found[k] for k in own if k in found} for arm, found in contents.metrics.items()
    }


def _patients(contents: NumbersContents) -> dict[str, Any]:
    """The table of units: what happened, and the first prediction of every arm."""
    table = contents.predictions
    units, first, inverse = np.unique(table.unit_id, return_index=True, return_inverse=True)
    said = _shown_prediction(table)
    opinions: list[list[str]] = [[] for _ in units]
    for arm in contents.arms:
        own = table.arm == arm
        count = np.bincount(inverse[own], minlength=len(units))
        total = np.bincount(inverse[own], weights=said[own], minlength=len(units))
        for k, (n, value) in enumerate(zip(count.tolist(), total.tolist(), strict=True)):
            opinions[k].append(number(value / n) if n else "not predicted")
    rows = [
        {
            "unit_id": str(unit), "patient_id": str(table.patient_id[row]),
            "truth": _truth(contents, int(row)), "modalities": str(table.modalities[row]),
            "numbers": opinions[k],
        }
        for k, (unit, row) in enumerate(zip(units.tolist(), first.tolist(), strict=True))
    ]  # fmt: skip
    return {
        "unit": contents.unit,
        "has_units": contents.unit != "patient",
        "rows": rows[:MAX_PATIENTS],
        "n_hidden": max(0, len(rows) - MAX_PATIENTS),
        "mistakes": None,
        "n_more_mistakes": 0,
        "mistake_summary": "",
        "probability_heading": "",
    }


def _shown_prediction(table: OutcomeTable) -> Floats:
    """(rows,) what the table of units shows: survival at the first horizon, Dice, the number."""
    if table.kind == "segmentation":
        return MaskColumns.of(table.prediction_names).values(table.predictions, "dice")
    column = 1 if table.kind == "survival" and len(table.prediction_names) > 1 else 0
    return table.predictions[:, column]


def _truth(contents: NumbersContents, row: int) -> str:
    table = contents.predictions
    outcome = table.outcome[row].tolist()
    if table.kind == "segmentation":
        columns = MaskColumns.of(table.prediction_names)
        pairs = zip(columns.labels, outcome, strict=True)
        return ", ".join(
            f"{label} {number(value, digits=1)} {columns.volume}" for label, value in pairs
        )
    if table.kind == "survival":
        seen = "event at" if outcome[1] else "no event by"
        return f"{seen} {outcome[0]:,.0f} days"
    return ", ".join(number(value) for value in outcome)
