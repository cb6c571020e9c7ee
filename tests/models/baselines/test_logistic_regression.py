"""Logistic regression against scikit-learn, and imputation by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Sklearn

from tumorboard.errors import StudyError
from tumorboard.models.baselines.logistic_regression import LogisticRegression


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_same_probabilities_as_scikit_learn(n_classes: int) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 5))
    target = np.arange(120) % n_classes
    weight = rng.uniform(0.2, 1.0, size=120)
    own = LogisticRegression(C=0.7)
    own.fit(x, target, weight=weight, n_classes=n_classes, seed=0)
    reference = Sklearn(C=0.7, max_iter=1000, tol=1e-6).fit(x, target, sample_weight=weight)
    new = rng.normal(size=(40, 5), scale=5.0)
    np.testing.assert_allclose(own.predict(new), reference.predict_proba(new), atol=1e-9, rtol=0)


def test_absent_values_become_the_weighted_mean_and_an_indicator() -> None:
    """Column 0 mean by weight: (1 x 1 + 3 x 5) / 4 = 4. Column 2 has no value: no coefficient."""
    nan = np.nan
    x = np.array([[1.0, 2.0, nan], [5.0, 0.0, nan], [nan, 1.0, nan], [nan, 3.0, nan]])
    target = np.array([0, 1, 0, 1])
    weight = np.array([1.0, 3.0, 1.0, 1.0])
    own = LogisticRegression()
    own.fit(x, target, weight=weight, n_classes=2, seed=0)
    design = np.array([[1.0, 2.0, 0], [5.0, 0.0, 0], [4.0, 1.0, 1], [4.0, 3.0, 1]])
    reference = Sklearn(max_iter=1000, tol=1e-6).fit(design, target, sample_weight=weight)
    np.testing.assert_allclose(own.predict(x), reference.predict_proba(design), atol=1e-9, rtol=0)
    # Column 1 was complete in training: absent later, it is the mean (2 + 0 + 1 + 3) / 6 = 1.
    later = own.predict(np.array([[4.0, nan, 8.0]]))
    expected = reference.predict_proba(np.array([[4.0, 1.0, 0.0]]))
    np.testing.assert_allclose(later, expected, atol=1e-9, rtol=0)


def test_a_fit_that_does_not_converge_is_refused() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 3)) * np.array([1.0, 1e5, 1e-5])
    with pytest.raises(
        StudyError, match=r"not converged in 2 steps. Raise max_iterations, lower C"
    ):
        LogisticRegression(max_iterations=2).fit(
            x, np.arange(60) % 2, weight=np.ones(60), n_classes=2, seed=0
        )
