"""metrics.json and comparison.json of a run, from its predictions alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tumorboard.evaluation.classification import evaluate_arms
from tumorboard.evaluation.comparison import compare_all
from tumorboard.evaluation.results import write_comparison, write_metrics
from tumorboard.evaluation.tables import PredictionTable
from tumorboard.records import Estimate, Split
from tumorboard.study import Study
from tumorboard.training.batches import derive_seed
from tumorboard.verbs.gather import part_sizes


def write_scores(
    folder: Path, study: Study, table: PredictionTable, splits: Sequence[Split]
) -> Mapping[str, Mapping[str, Estimate]]:
    """metrics.json and comparison.json from the predictions alone."""
    keys = study.keys.evaluation
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
