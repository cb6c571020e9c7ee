"""Random forest against scikit-learn's, and leaves by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from tumorboard.models.baselines.random_forest import RandomForest


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_leaf_is_the_weighted_share_of_each_class(n_classes: int) -> None:
    """One tree: x < 0 holds classes 0, 0, 1 with weights 1, 1, 2, so that class 1 has 1/2."""
    x = np.array([[-1.0], [-1.0], [-1.0], [1.0], [1.0]])
    target = np.array([0, 0, 1, 1, 1])
    weight = np.array([1.0, 1.0, 2.0, 1.0, 1.0])
    forest = RandomForest(trees=1, row_share=1.0)
    forest.fit(x, target, weight=weight, n_classes=n_classes, seed=0)
    expected = np.zeros((2, n_classes))
    expected[:, :2] = [[0.5, 0.5], [0.0, 1.0]]
    np.testing.assert_allclose(forest.predict(np.array([[-2.0], [2.0]])), expected, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_close_to_scikit_learns_forest(n_classes: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 6))
    score = x[:, 0] + x[:, 1] + rng.normal(size=500)
    target = np.digitize(score, [0.0] if n_classes == 2 else [-1.0, 1.0])
    own = RandomForest(trees=300)
    own.fit(x[:300], target[:300], weight=np.ones(300), n_classes=n_classes, seed=0)
    reference = RandomForestClassifier(300, max_depth=8, random_state=0)
    reference.fit(x[:300], target[:300])
    difference = own.predict(x[300:]) - reference.predict_proba(x[300:])
    assert np.abs(difference).mean() < 0.05
    assert np.abs(difference).max() < 0.25
