"""Metrics of predicted numbers against scikit-learn and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from tumorboard.errors import StudyError
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.regression_scores import evaluate_regression, score_regression


def test_metrics_equal_other_libraries() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(size=60)
    said = 0.6 * truth + rng.normal(size=60)
    linear: Any = pearsonr(truth, said)
    by_rank: Any = spearmanr(truth, said)
    expected = {
        "r2": r2_score(truth, said), "mae": mean_absolute_error(truth, said),
        "rmse": mean_squared_error(truth, said) ** 0.5, "pearson": linear.statistic,
        "spearman": by_rank.statistic,
    }  # fmt: skip
    for metric, value in expected.items():
        assert score_regression(metric, truth, said[:, None]) == pytest.approx(value, abs=1e-9)


def test_several_targets_are_averaged_and_constants_are_undefined() -> None:
    truth = np.asarray([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    assert score_regression("mae", truth, np.add(truth, [[1.0, 3.0]])) == pytest.approx(2.0)
    assert np.isnan(score_regression("r2", truth, truth))


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(StudyError, match="spearman"):
        score_regression("spaerman", np.zeros(3), np.zeros((3, 1)))


def made(n: int) -> OutcomeTable:
    rng = np.random.default_rng(3)
    ids, truth = np.asarray([f"P{i}" for i in range(n)]), rng.normal(size=n)
    said = truth + rng.normal(size=n)
    return OutcomeTable(
        patient_id=np.tile(ids, 2), unit_id=np.tile(ids, 2), arm=np.repeat(["a", "b"], n),
        repeat=np.ones(2 * n, dtype=np.int64), fold=np.ones(2 * n, dtype=np.int64),
        part=np.repeat(["test", "validation"], n), modalities=np.full(2 * n, "ct"),
        outcome=np.tile(truth[:, None], (2, 1)), outcome_names=("score",),
        predictions=np.tile(said[:, None], (2, 1)), prediction_names=("predicted_score",),
    )  # fmt: skip


def test_intervals_of_a_correlation_are_those_of_theory() -> None:
    """Fisher's z of 300 normal patients: half width 1.96 / sqrt(297) on the scale of atanh."""
    table = made(300)
    found = evaluate_regression(table, n_bootstrap=2000, rng=np.random.default_rng(1))
    assert list(found) == ["a"]  # b has no test patient
    own = found["a"]["pearson"]
    expected = np.tanh(np.arctanh(own.value) + np.asarray([-1, 1]) * 1.96 / np.sqrt(297))
    np.testing.assert_allclose([own.ci_low, own.ci_high], expected, atol=0.02)
    assert (own.n_patients, own.n_events) == (300, 0)
    assert own.method == "patient bootstrap, 2000 replicates"


def test_few_patients_have_no_interval() -> None:
    found = evaluate_regression(made(9), n_bootstrap=100, rng=np.random.default_rng(1))["a"]["mae"]
    assert np.isfinite(found.value)
    assert np.isnan([found.ci_low, found.ci_high]).all()
    assert found.n_patients == 9
