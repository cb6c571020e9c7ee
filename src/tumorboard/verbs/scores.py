"""metrics.json and comparison.json of a run, from its predictions alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tumorboard.evaluation.any_table import AnyTable
from tumorboard.evaluation.classification import evaluate_arms
from tumorboard.evaluation.comparison import compare_all
from tumorboard.evaluation.outcome_comparison import compare_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.results import write_comparison, write_metrics
from tumorboard.evaluation.scores import evaluate_outcomes
from tumorboard.records import Estimate, Split
from tumorboard.study import Study
from tumorboard.training.batches import derive_seed
from tumorboard.verbs.gather import part_sizes


def write_scores(
    folder: Path, study: Study, table: AnyTable, splits: Sequence[Split]
) -> Mapping[str, Mapping[str, Estimate]]:
    """metrics.json and comparison.json from the predictions alone."""
    keys = study.keys.evaluation
    if isinstance(table, OutcomeTable):
        return _of_numbers(folder, study, table, splits)
    metrics = evaluate_arms(
        table,
        threshold=keys.threshold,
        n_bootstrap=keys.bootstrap,
        rng=np.random.default_rng(derive_seed(study.seed, "bootstrap")),
    )
    write_metrics(folder / "metrics.json", metrics)
    compared = compare_all(
        table,
        study.primary,
        threshold=keys.threshold,
        n_bootstrap=keys.bootstrap,
        rng=np.random.default_rng(derive_seed(study.seed, "comparison")),
        sizes=part_sizes(splits),
    )
    write_comparison(folder / "comparison.json", compared)
    return metrics


def _of_numbers(
    folder: Path, study: Study, table: OutcomeTable, splits: Sequence[Split]
) -> Mapping[str, Mapping[str, Estimate]]:
    """The same of survival times and of other numbers."""
    kind, n_bootstrap = study.keys.task.kind, study.keys.evaluation.bootstrap
    metrics = evaluate_outcomes(
        kind, table, n_bootstrap=n_bootstrap,
        rng=np.random.default_rng(derive_seed(study.seed, "bootstrap")),
    )  # fmt: skip
    write_metrics(folder / "metrics.json", metrics)
    compared = compare_outcomes(
        kind, table, study.primary, n_bootstrap=n_bootstrap,
        rng=np.random.default_rng(derive_seed(study.seed, "comparison")), sizes=part_sizes(splits),
    )  # fmt: skip
    write_comparison(folder / "comparison.json", compared)
    return metrics
