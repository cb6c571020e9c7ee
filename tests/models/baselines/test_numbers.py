"""Trees for survival and for numbers against XGBoost called directly."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
import pytest
import xgboost

from tumorboard.errors import StudyError
from tumorboard.evaluation.survival_scores import score_survival
from tumorboard.models.baselines import Baseline
from tumorboard.models.baselines.gradient_boosting import GradientBoosting
from tumorboard.models.baselines.random_forest import RandomForest
from tumorboard.records import FittedState, Floats

SETTINGS: dict[str, Any] = {"eta": 0.05, "max_depth": 3, "subsample": 0.8, "colsample_bytree": 0.8,
            "nthread": 1, "verbosity": 0, "tree_method": "hist", "seed": 5}  # fmt: skip


def patients(n: int = 240) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 4))
    died, left = rng.exponential(900 * np.exp(-x[:, 0])), rng.exponential(1500, n)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x, np.stack([np.minimum(died, left) + 1, died <= left], axis=1).astype(np.float64)


def again(baseline: Baseline, empty: Baseline) -> Baseline:
    state = baseline.state()
    empty.restore(FittedState(json.loads(json.dumps(dict(state.values))), dict(state.arrays)))
    return empty


def test_log_hazards_of_the_cox_objective_are_those_of_xgboost() -> None:
    x, target = patients()
    own = GradientBoosting(rounds=20)
    own.fit(x, target, weight=np.ones(240), n_classes=1, seed=5, task="survival")
    label = np.where(target[:, 1] > 0, target[:, 0], -target[:, 0])
    booster = xgboost.train(
        {**SETTINGS, "objective": "survival:cox"}, xgboost.DMatrix(x, label), 20
    )
    expected = booster.predict(xgboost.DMatrix(x), output_margin=True)
    np.testing.assert_allclose(own.predict(x)[:, 0], expected, atol=1e-5)
    restored = again(own, GradientBoosting(rounds=20))
    np.testing.assert_array_equal(restored.predict(x), own.predict(x))


@pytest.mark.parametrize("objective", ["cox", "aft"])
def test_a_higher_score_is_an_earlier_event(objective: Literal["cox", "aft"]) -> None:
    x, target = patients()
    own = GradientBoosting(rounds=60, objective=objective, stop_after=10)
    own.fit(
        x[:160], target[:160], weight=np.ones(160), n_classes=1, seed=5, task="survival",
        validation=(x[160:], target[160:], np.ones(80)),
    )  # fmt: skip
    found = score_survival(
        "c_index", target=target[160:], predictions=own.predict(x[160:]), names=("risk_score",)
    )
    assert found > 0.65


def test_weibull_times_give_their_log_hazard_ratio() -> None:
    # two groups of Weibull times of shape 2, the medians apart by a factor 2: hazards by 2^2
    rng = np.random.default_rng(0)
    x = np.repeat([[0.0], [1.0]], 2000, axis=0)
    time = 500 * rng.weibull(2.0, 4000) * np.where(x[:, 0] > 0, 0.5, 1.0)
    target = np.stack([time, np.ones(4000)], axis=1)
    own = GradientBoosting(
        rounds=200, learning_rate=0.2, row_share=1.0, feature_share=1.0, objective="aft",
        aft_scale=0.5,
    )  # fmt: skip
    own.fit(x, target, weight=np.ones(4000), n_classes=1, seed=5, task="survival")
    low, high = own.predict(np.asarray([[0.0], [1.0]]))[:, 0]
    assert high - low == pytest.approx(np.log(4.0), abs=0.1)


@pytest.mark.parametrize("n_targets", [1, 2])
def test_numbers_of_both_kinds_of_trees(n_targets: int) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 4))
    target = np.stack([50 + 5 * x[:, 0], 0.01 * x[:, 1]], axis=1)[:, :n_targets]
    for make in (lambda: GradientBoosting(rounds=100), lambda: RandomForest(trees=60)):
        own = make()
        own.fit(
            x[:200], target[:200], weight=np.ones(200), n_classes=n_targets, seed=1,
            task="regression",
        )  # fmt: skip
        found = own.predict(x[200:])
        assert found.shape == (100, n_targets)
        explained = 1 - ((found - target[200:]) ** 2).mean(axis=0) / target[200:].var(axis=0)
        assert (explained > 0.7).all()
        np.testing.assert_array_equal(again(own, make()).predict(x[200:]), found)


def test_settings_of_another_task_are_refused() -> None:
    x, target = patients()
    for own, task, line in (
        (GradientBoosting(class_weights="balanced"), "survival", "class_weights: the task is surv"),
        (GradientBoosting(objective="cox"), "regression", "objective: the task is regression"),
    ):
        with pytest.raises(StudyError, match=line):
            own.fit(x, target, weight=np.ones(240), n_classes=1, seed=1, task=task)
