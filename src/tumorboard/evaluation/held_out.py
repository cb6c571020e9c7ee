"""Patients that no fold has seen: metrics of each model and of their ensemble, and the comparison.

For the locked test set and for external cohorts alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tumorboard.evaluation.any_table import AnyTable
from tumorboard.evaluation.classification import evaluate_arm, score
from tumorboard.evaluation.comparison import compare_arms
from tumorboard.evaluation.fold_models import fold_models_document
from tumorboard.evaluation.outcome_comparison import compare_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.scores import evaluate_outcomes, score_units
from tumorboard.evaluation.statistic import Thresholds
from tumorboard.records import Estimate
from tumorboard.study_keys import Primary
from tumorboard.study_words import METRICS_OF

#: What is shown of the single models, beside the ensemble.
MODEL_METRICS = ("auroc", "auprc", "balanced_accuracy", "sensitivity", "specificity", "brier")
#: Of a segmentation, with the unit that the run has.
_OF_MASKS = ("dice", "iou", "nsd", "hd95_mm", "hd95_px")


def held_out_document(
    each: AnyTable, ensemble: AnyTable, *, thresholds: Thresholds,
    ensemble_thresholds: Thresholds, primary: Primary, n_bootstrap: int, rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    """Metrics on patients that took no part in any fold.

    Args:
        each: Predictions by each fold's model, part `test`.
        ensemble: Mean prediction of the models of an arm, as repeat 1, fold 1.
        thresholds: Of each model, by (arm, repeat, fold).
        ensemble_thresholds: Of the ensembles, by (arm, 1, 1).
        primary: The study's pre-declared comparison.
        n_bootstrap: Resamples of the patients.
        rng: Source of the resamples.

    Returns:
        `n_patients`, `n_units`, `outcome` {class: units}, `arms` {arm: {"ensemble": {metric:
        estimate}, "models": {metric: [one value per model]}}}, `comparison` (of the ensembles;
        None where an arm predicted nobody) and `fold_models` (see `fold_models_document`).
    """
    if isinstance(each, OutcomeTable) and isinstance(ensemble, OutcomeTable):
        return _of_numbers(each, ensemble, primary, n_bootstrap, rng)
    if not (isinstance(each, PredictionTable) and isinstance(ensemble, PredictionTable)):
        raise TypeError("the models and their ensemble predict different tasks")
    seed = int(rng.integers(2**63))
    arms: dict[str, Any] = {}
    for arm in ensemble.arms:
        estimates = evaluate_arm(
            ensemble.of_arm(arm),
            thresholds=ensemble_thresholds,
            n_bootstrap=n_bootstrap,
            rng=np.random.default_rng(seed),
        )
        arms[arm] = {
            "ensemble": {name: asdict(estimate) for name, estimate in estimates.items()},
            "models": _models(each.of_arm(arm), thresholds),
        }
    _, first = np.unique(ensemble.unit_id, return_index=True)
    outcome = ensemble.outcome[first]
    return {
        "n_patients": len(np.unique(ensemble.patient_id)),
        "n_units": len(first),
        "outcome": {name: int((outcome == k).sum()) for k, name in enumerate(ensemble.classes)},
        "arms": arms,
        "comparison": _comparison(ensemble, ensemble_thresholds, primary, n_bootstrap, seed),
        "fold_models": fold_models_document(each, thresholds),
    }


def _models(table: PredictionTable, thresholds: Thresholds) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in MODEL_METRICS}
    keys = sorted(set(zip(table.repeat.tolist(), table.fold.tolist(), strict=True)))
    for repeat, fold in keys:
        own = table.take((table.repeat == repeat) & (table.fold == fold) & (table.outcome >= 0))
        threshold = thresholds.get((table.arms[0], repeat, fold), 0.5)
        weight = np.ones(own.n_rows)
        for name in MODEL_METRICS:
            found[name].append(
                score(
                    name, target=own.outcome, probabilities=own.probabilities, weight=weight,
                    threshold=threshold,
                )
            )  # fmt: skip
    return found


def _of_numbers(
    each: OutcomeTable, ensemble: OutcomeTable, primary: Primary, n_bootstrap: int,
    rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    """The same of survival times and of other numbers."""
    kind, seed = ensemble.kind, int(rng.integers(2**63))
    estimates = evaluate_outcomes(
        kind, ensemble, n_bootstrap=n_bootstrap, rng=np.random.default_rng(seed)
    )
    arms: dict[str, Any] = {}
    for arm, found in estimates.items():
        own = each.of_arm(arm)
        own = own.take(own.known)
        arms[arm] = {
            "ensemble": {name: asdict(estimate) for name, estimate in found.items()},
            "models": {name: _each_model(own, name) for name in METRICS_OF[kind]},
        }
    _, first = np.unique(ensemble.unit_id, return_index=True)
    known = ensemble.take(first).outcome[ensemble.take(first).known]
    counts = {"known": len(known)}
    if kind == "survival":
        n_events = int(known[:, 1].sum())
        counts = {"event": n_events, "censored": len(known) - n_events}
    comparison = None
    if primary.arm != primary.reference and {primary.arm, primary.reference} <= set(ensemble.arms):
        compared = compare_outcomes(
            kind, ensemble, primary, n_bootstrap=n_bootstrap, rng=np.random.default_rng(seed)
        )
        comparison = asdict(compared[0])
    return {
        "n_patients": len(np.unique(ensemble.patient_id)), "n_units": len(first),
        "outcome": counts, "arms": arms, "comparison": comparison,
        "fold_models": fold_models_document(each, {}),
    }  # fmt: skip


def _each_model(table: OutcomeTable, metric: str) -> list[float]:
    """A metric of each fold's model."""
    models = sorted(set(zip(table.repeat.tolist(), table.fold.tolist(), strict=True)))
    own = [table.take((table.repeat == r) & (table.fold == f)) for r, f in models]
    return [score_units(t.kind, metric, t.outcome, t.predictions, t.prediction_names) for t in own]


def _comparison(
    table: PredictionTable, thresholds: Thresholds, primary: Primary, n_bootstrap: int, seed: int
) -> dict[str, Any] | None:
    if primary.arm == primary.reference or not {primary.arm, primary.reference} <= set(table.arms):
        return None
    compared = compare_arms(
        table, primary.arm, primary.reference, primary.metric, thresholds=thresholds,
        n_bootstrap=n_bootstrap, rng=np.random.default_rng(seed),
    )  # fmt: skip
    return asdict(compared)


def short_metrics(estimates: Mapping[str, Any]) -> dict[str, Any]:
    """Value and interval of the leading metrics, for a ledger; NaN becomes None."""
    found: dict[str, Any] = {}
    for name in (
        *MODEL_METRICS,
        *METRICS_OF["survival"],
        *METRICS_OF["regression"],
        *_OF_MASKS,
    ):
        if name in estimates:
            entry = estimates[name]
            entry = asdict(entry) if isinstance(entry, Estimate) else entry
            numbers = {
                key: None if np.isnan(entry[key]) else float(entry[key])
                for key in ("value", "ci_low", "ci_high")
            }
            found[name] = {**entry, **numbers}
    return found
