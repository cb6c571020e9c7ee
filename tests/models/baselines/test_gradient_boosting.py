"""Gradient boosting against XGBoost called directly, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost

from tumorboard.errors import InputError, StudyError
from tumorboard.models.baselines.gradient_boosting import GradientBoosting
from tumorboard.records import FittedState


def test_same_probabilities_as_xgboosts_classifier() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    x[rng.random(x.shape) < 0.2] = np.nan
    weight = rng.uniform(0.2, 1.0, size=200)
    for n_classes in (2, 3):
        target = np.arange(200) % n_classes
        own = GradientBoosting(rounds=15)
        own.fit(x, target, weight=weight, n_classes=n_classes, seed=5)
        reference = xgboost.XGBClassifier(
            n_estimators=15, learning_rate=0.05, max_depth=3, subsample=0.8, colsample_bytree=0.8,
            tree_method="hist", random_state=5, n_jobs=1,
        )  # fmt: skip
        reference.fit(x, target, sample_weight=weight)
        np.testing.assert_allclose(own.predict(x), reference.predict_proba(x), atol=1e-6)


def test_a_damaged_state_is_refused() -> None:
    own = GradientBoosting()
    own.restore(FittedState(values={"model": '{"learner": 3}', "n_classes": 2}))
    with pytest.raises(InputError, match=r"the fitted trees cannot be used: .*Fit the model again"):
        own.predict(np.zeros((1, 2)))


def test_settings_that_xgboost_refuses_name_it() -> None:
    with pytest.raises(StudyError, match="baseline: XGBoost refused its settings: "):
        GradientBoosting(learning_rate=-1.0).fit(
            np.zeros((4, 1)), np.arange(4) % 2, weight=np.ones(4), n_classes=2, seed=0
        )
