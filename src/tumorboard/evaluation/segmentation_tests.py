"""Ordinary paired tests of segmentation metrics, patient by patient, adjusted over the arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.difference import holm
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.mask_columns import WORDS, MaskColumns
from tumorboard.evaluation.outcome_comparison import pair_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.segmentation_statistic import patient_values, where_both
from tumorboard.records import Floats


def paired_tests(table: OutcomeTable, arms: Sequence[str], reference: str) -> list[dict[str, Any]]:
    """One entry per metric and arm: mean difference, paired t-test and Wilcoxon's test.

    A patient's cases are averaged first, so that one patient is one pair. The tests take the
    fitted models as given: that folds share training patients is in the corrected t-test of the
    primary comparison, and not here. Holm goes over the arms of one metric.

    Layout: `metric`, `arm`, `n`, `difference`, `t_p`, `t_p_holm`, `wilcoxon_p`,
    `wilcoxon_p_holm`; p-values are NaN under 10 pairs and where no pair differs.
    """
    columns = MaskColumns.of(table.prediction_names)
    metrics = columns.metrics[: sum(1 for word in WORDS if _is_there(columns, word))]
    pairs = {arm: _values(table, arm, reference, metrics) for arm in arms if arm != reference}
    rows: list[dict[str, Any]] = []
    for k, metric in enumerate(metrics):
        found = [_tested(metric, arm, values[:, k]) for arm, values in pairs.items()]
        for name in ("t_p", "wilcoxon_p"):
            for row, p in zip(found, holm([row[name] for row in found]), strict=True):
                row[f"{name}_holm"] = p
        rows += found
    return rows


def _is_there(columns: MaskColumns, word: str) -> bool:
    return all(columns.column(word, label) in columns.names for label in columns.labels)


def _values(table: OutcomeTable, arm: str, reference: str, metrics: Sequence[str]) -> Floats:
    """(patients, metrics) arm minus reference."""
    sides = [OutcomeUnits.of(side) for side in pair_outcomes(table, arm, reference)]
    first, second = (patient_values(side, metrics) for side in where_both(*sides))
    return first - second


def _tested(metric: str, arm: str, differences: Floats) -> dict[str, Any]:
    from scipy.stats import ttest_1samp, wilcoxon

    known = differences[~np.isnan(differences)]
    row: dict[str, Any] = {
        "metric": metric, "arm": arm, "n": len(known),
        "difference": float(known.mean()) if len(known) else NAN, "t_p": NAN, "wilcoxon_p": NAN,
    }  # fmt: skip
    if len(known) >= MIN_PATIENTS and np.ptp(known) > 1e-12:
        t_test: Any = ttest_1samp(known, 0.0)
        signed_ranks: Any = wilcoxon(known)
        row |= {"t_p": float(t_test.pvalue), "wilcoxon_p": float(signed_ranks.pvalue)}
    return row
