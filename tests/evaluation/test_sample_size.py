from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.sample_size import (
    largest_r2,
    minimum_patients,
    predictor_parameters,
    r2_of_auroc,
    sample_size_document,
)
from tumorboard.records import Estimate

STUDY: dict[str, Any] = {
    "modalities": {
        "image": {"kind": "image"},
        "record": {"kind": "table", "numeric": ["age"], "categorical": ["stage", "sex"]},
    },
    "arms": {"record": {"modalities": ["record"]}, "fused": {"modalities": ["image", "record"]}},
    "evaluation": {"folds": 5, "validation": 0.25},
}
TABLE_ONE = {"categorical": [{"column": "stage", "levels": [{}] * 4}, {"column": "sex", "levels": [{}] * 2}]}  # fmt: skip  # noqa: E501


def test_published_example_of_pmsampsize() -> None:
    """Riley et al. 2019 and the documentation of pmsampsize: 24 parameters need 662 patients."""
    least = minimum_patients(r2=0.288, parameters=24, prevalence=0.174)
    assert max(least.overall_risk, least.shrinkage, least.optimism) == 662


def test_published_example_of_the_four_criteria() -> None:
    """Riley et al., BMJ 2020, pre-eclampsia: prevalence 0.05, 30 parameters, R2 0.05."""
    least = minimum_patients(r2=0.05, parameters=30, prevalence=0.05)
    assert least.overall_risk == 73
    assert least.absolute_error == 544
    assert least.shrinkage == least.required == 5249
    assert largest_r2(0.05) == pytest.approx(0.33, abs=0.005)


def test_rule_for_the_error_ends_at_30_parameters() -> None:
    least = minimum_patients(r2=0.2, parameters=31, prevalence=0.3)
    assert least.absolute_error is None


def test_r2_of_auroc() -> None:
    """pmsampsize 1.1.3 simulates 0.158 for an AUROC of 0.78 at a prevalence of 0.2."""
    assert r2_of_auroc(0.78, 0.2) == pytest.approx(0.158, abs=0.002)
    assert r2_of_auroc(0.5, 0.2) == pytest.approx(0.0, abs=1e-6)
    assert r2_of_auroc(0.6, 0.2) < r2_of_auroc(0.9, 0.2) < largest_r2(0.2)


def test_r2_of_auroc_equals_simulation() -> None:
    rng = np.random.default_rng(1)
    event = rng.random(400_000) < 0.3
    apart = np.sqrt(2) * 0.8416212335729143  # AUROC 0.8
    score = rng.normal(size=event.size) + apart * event
    risk = 1 / (1 + np.exp(-(apart * score - apart**2 / 2 + np.log(0.3 / 0.7))))
    model = np.mean(np.log(np.where(event, risk, 1 - risk)))
    null = 0.3 * np.log(0.3) + 0.7 * np.log(0.7)
    assert r2_of_auroc(0.8, 0.3) == pytest.approx(1 - np.exp(-2 * (model - null)), abs=0.004)


def test_parameters_count_levels_less_one_and_only_tables() -> None:
    assert predictor_parameters(STUDY, TABLE_ONE) == {"record": 1 + 3 + 1}


def _table(n: int, n_events: int) -> PredictionTable:
    ids = np.asarray([f"p{i}" for i in range(n)])
    ones = np.ones(n, dtype=np.int64)
    return PredictionTable(
        patient_id=ids, unit_id=ids, arm=np.full(n, "record"), repeat=ones, fold=ones,
        part=np.full(n, "test"), modalities=np.full(n, "record"),
        outcome=(np.arange(n) < n_events).astype(np.int64), outcome_name="y", classes=("a", "b"),
        probabilities=np.full((n, 2), 0.5),
    )  # fmt: skip


def test_document_counts_events_of_one_fit() -> None:
    metrics = {"record": {"auroc": Estimate(0.8, 0.7, 0.9, 100, 30)}}
    document = sample_size_document(STUDY, TABLE_ONE, _table(100, 30), metrics)
    assert document["training_share"] == pytest.approx(0.6)
    record = document["arms"]["record"]
    assert record["events_per_parameter"] == pytest.approx(30 * 0.6 / 5)
    assert record["assumed"]["r2"] == pytest.approx(0.15 * largest_r2(0.3))
    assert record["reached"]["required"] < record["assumed"]["required"]


def test_folds_of_institutions_are_counted_in_the_predictions() -> None:
    table = _table(100, 30)
    table = replace(table, fold=1 + np.arange(table.n_rows, dtype=np.int64) % 2)
    by_institution = {**STUDY, "evaluation": {"folds_by": "institution", "validation": 0.25}}
    metrics = {"record": {"auroc": Estimate(0.8, 0.7, 0.9, 100, 30)}}
    document = sample_size_document(by_institution, TABLE_ONE, table, metrics)
    assert document["training_share"] == pytest.approx(0.375)
