"""Metrics of predicted numbers against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from tumorboard.errors import StudyError
from tumorboard.evaluation.regression_scores import score_regression


def test_metrics_equal_other_libraries() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(size=60)
    said = 0.6 * truth + rng.normal(size=60)
    expected = {
        "r2": r2_score(truth, said), "mae": mean_absolute_error(truth, said),
        "rmse": mean_squared_error(truth, said) ** 0.5, "pearson": pearsonr(truth, said).statistic,
        "spearman": spearmanr(truth, said).statistic,
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
