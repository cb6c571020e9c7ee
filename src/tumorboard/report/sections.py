"""Which sections of the page are made from the evidence of a run, in their order."""

from __future__ import annotations

from collections.abc import Callable

from tumorboard.report import (
    abstention,
    calibration,
    checklists,
    cohorts,
    comparison,
    decisions,
    degradation,
    enrichment,
    errors,
    explanations,
    fold_models,
    input_quality,
    missing_data,
    rare_class,
    split_beside,
    subgroups,
    subsets,
    tuning,
    two_arms,
)
from tumorboard.report.contents import Contents
from tumorboard.report.held_out import external_section, locked_section
from tumorboard.report.section import Section

#: None where the run has no such evidence.
SECTIONS: tuple[Callable[[Contents], Section | None], ...] = (
    split_beside.section,
    rare_class.section,
    fold_models.section,
    comparison.section,
    locked_section,
    external_section,
    cohorts.section,
    missing_data.section,
    calibration.section,
    decisions.section,
    abstention.section,
    subsets.section,
    degradation.section,
    input_quality.section,
    subgroups.section,
    errors.section,
    explanations.section,
    enrichment.section,
    two_arms.section,
    tuning.section,
    checklists.section,
)
