"""Gradient boosting against XGBoost called directly, and refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost

from tumorboard.errors import InputError, StudyError
from tumorboard.models.baselines.gradient_boosting import GradientBoosting
from tumorboard.records import FittedState, Floats, Ints


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


def make_rows(n: int, seed: int, *, share: float = 0.5) -> tuple[Floats, Ints, Floats]:
    """One feature that tells a little, seven of noise."""
    rng = np.random.default_rng(seed)
    target = (rng.random(n) < share).astype(np.int64)
    x = rng.normal(size=(n, 8))
    x[:, 0] += target
    return x, target, rng.uniform(0.2, 1.0, size=n)


def test_balanced_classes_scale_the_second_of_two() -> None:
    x, target, weight = make_rows(300, 0, share=0.1)
    own = GradientBoosting(rounds=15, class_weights="balanced")
    own.fit(x, target, weight=weight, n_classes=2, seed=5)
    ratio = weight[target == 0].sum() / weight[target == 1].sum()
    reference = xgboost.XGBClassifier(
        n_estimators=15, learning_rate=0.05, max_depth=3, subsample=0.8, colsample_bytree=0.8,
        tree_method="hist", random_state=5, n_jobs=1,
    )  # fmt: skip
    reference.fit(x, target, sample_weight=weight * np.where(target == 1, ratio, 1.0))
    np.testing.assert_allclose(own.predict(x), reference.predict_proba(x), atol=1e-6)


def test_balanced_classes_of_several_weigh_the_same() -> None:
    target = np.repeat([0, 1, 2], [90, 6, 4])
    own = GradientBoosting(rounds=10, class_weights="balanced")
    own.fit(np.zeros((100, 1)), target, weight=np.ones(100), n_classes=3, seed=0)
    np.testing.assert_allclose(own.predict(np.zeros((1, 1)))[0], 1 / 3, atol=0.03)


def test_boosting_stops_where_validation_patients_get_worse() -> None:
    x, target, weight = make_rows(200, 1)
    held = make_rows(200, 2)
    own = GradientBoosting(max_depth=6, learning_rate=0.3, rounds=300, stop_after=10)
    own.fit(x, target, weight=weight, n_classes=2, seed=5, validation=held)

    def loss(rounds: int) -> float:
        fixed = GradientBoosting(max_depth=6, learning_rate=0.3, rounds=rounds)
        fixed.fit(x, target, weight=weight, n_classes=2, seed=5, validation=held)
        p = fixed.predict(held[0])[np.arange(200), held[1]]
        return float(np.average(-np.log(p), weights=held[2]))

    n_trees = len(
        json.loads(str(own.state().values["model"]))
        ["learner"]["gradient_booster"]["model"]["trees"]
    )  # fmt: skip
    losses = [loss(rounds) for rounds in range(1, n_trees + 11)]
    assert int(np.argmin(losses)) + 1 == n_trees < 60
    fixed = GradientBoosting(max_depth=6, learning_rate=0.3, rounds=n_trees)
    fixed.fit(x, target, weight=weight, n_classes=2, seed=5)
    np.testing.assert_allclose(own.predict(x), fixed.predict(x), atol=1e-7)


def test_stopping_needs_validation_patients() -> None:
    x, target, weight = make_rows(50, 0)
    with pytest.raises(StudyError, match=r"gradient_boosting\.stop_after: needs validation"):
        GradientBoosting(stop_after=50).fit(x, target, weight=weight, n_classes=2, seed=0)


def test_models_of_earlier_versions_go_on_with_imputed_tables() -> None:
    x, target, weight = make_rows(50, 0)
    own = GradientBoosting(rounds=2)
    own.fit(x, target, weight=weight, n_classes=2, seed=0)
    state = own.state()
    again = GradientBoosting()
    again.restore(state)
    assert again.takes_missing
    again.restore(FittedState({k: v for k, v in state.values.items() if k != "takes_missing"}))
    assert not again.takes_missing
