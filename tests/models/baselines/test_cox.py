"""Cox regression against statsmodels, on made and on real patients."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from statsmodels.duration.hazard_regression import PHReg

from tumorboard.errors import InputError, StudyError
from tumorboard.evaluation.survival_scores import score_survival
from tumorboard.models.baselines.cox import PENALTIES, Cox
from tumorboard.models.baselines.gradient_boosting import GradientBoosting
from tumorboard.records import FittedState, Floats
from tumorboard.study_keys import TaskTable
from tumorboard.tasks.survival import Survival

METABRIC = Path(os.environ.get("TUMORBOARD_DATA", "absent")) / "survival" / "metabric.csv"


def patients(n: int = 200) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(8)
    x = rng.normal(3.0, 2.0, size=(n, 4))
    died, left = rng.exponential(900 * np.exp(-0.4 * (x[:, 0] - 3))), rng.exponential(1500, n)
    return x, np.stack(
        [np.ceil(np.minimum(died, left) / 30) * 30, (died <= left).astype(np.float64)], axis=1
    )


def fitted(x: Floats, target: Floats, *, penalty: float = 1e-9, max_iterations: int = 1000) -> Cox:
    own = Cox(penalty=penalty, max_iterations=max_iterations)
    own.fit(x, target, weight=np.ones(len(x)), n_classes=1, seed=1)
    return own


def test_without_a_penalty_it_is_that_of_statsmodels() -> None:
    x, target = patients()
    own = fitted(x, target).predict(x)[:, 0]
    model: Any = PHReg(target[:, 0], x, target[:, 1].astype(int), ties="efron")
    expected = x @ model.fit().params
    np.testing.assert_allclose(own - own.mean(), expected - expected.mean(), atol=1e-4)


def test_with_a_penalty_the_slope_of_statsmodels_balances_it() -> None:
    x, target = patients()
    own = fitted(x, target, penalty=0.3).state().arrays["coefficients"]
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    model: Any = PHReg(target[:, 0], scaled, target[:, 1].astype(int), ties="efron")
    np.testing.assert_allclose(model.score(own) / 200, 0.3 * own, atol=1e-6)


def test_a_patient_without_weight_is_not_there() -> None:
    x, target = patients(80)
    target[:, 0] += np.arange(80) / 100  # no ties: tied deaths share their weight
    weight = np.r_[np.zeros(20), np.ones(60)]
    own = Cox(penalty=0.01)
    own.fit(x, target, weight=weight, n_classes=1, seed=1)
    without = fitted(x[20:], target[20:], penalty=0.01)
    np.testing.assert_allclose(own.predict(x), without.predict(x), atol=1e-5)


def test_the_penalty_is_chosen_on_validation_patients() -> None:
    x, target = patients()
    noise = np.random.default_rng(1).normal(size=(200, 150))
    wide = np.hstack([x, noise])
    own, held = Cox(), (wide[:60], target[:60], np.ones(60))
    own.fit(wide[60:], target[60:], weight=np.ones(140), n_classes=1, seed=1, validation=held)
    assert PENALTIES[0] > own.chosen_penalty > PENALTIES[-1]
    own_score, weak = (
        score_survival(
            "c_index", target=target[:60], predictions=b.predict(wide[:60]), names=("risk_score",)
        )
        for b in (own, fitted(wide[60:], target[60:], penalty=1e-4))
    )
    assert own_score > weak
    with pytest.raises(StudyError, match=r'cox.penalty: "auto" needs validation patients'):
        Cox().fit(x, target, weight=np.ones(200), n_classes=1, seed=1)


def test_absent_values_constants_and_one_patient_alone() -> None:
    x, target = patients()
    x = np.hstack([x, np.full((200, 1), 7.0), np.full((200, 1), np.nan)])
    x[::5, 1] = np.nan
    own = fitted(x, target, penalty=0.01)
    assert len(own.state().arrays["coefficients"]) == 5  # four features and an indicator
    alone = np.concatenate([own.predict(x[i : i + 1]) for i in range(6)])
    np.testing.assert_allclose(alone, own.predict(x)[:6], atol=1e-12)
    assert np.isfinite(own.predict(np.full((1, 6), np.nan))).all()
    assert own.predict(x[:0]).shape == (0, 1)


def test_state_is_plain_data_and_enough() -> None:
    x, target = patients()
    own, other = fitted(x, target, penalty=0.1), Cox()
    state = own.state()
    other.restore(FittedState(json.loads(json.dumps(dict(state.values))), dict(state.arrays)))
    np.testing.assert_array_equal(other.predict(x), own.predict(x))
    with pytest.raises(InputError, match=r"found 3 features, but it was fitted on 4"):
        other.predict(x[:, :3])


def test_a_fit_that_does_not_converge_is_refused() -> None:
    x, target = patients()
    with pytest.raises(StudyError, match=r"not converged in 1 steps at penalty 1e-05"):
        fitted(x, target, penalty=1e-5, max_iterations=1)


@pytest.mark.realdata
@pytest.mark.skipif(not METABRIC.is_file(), reason="TUMORBOARD_DATA holds no METABRIC")
def test_metabric_as_published() -> None:
    """Cox on METABRIC: c-index 0.63 to 0.64 (Katzman et al., BMC Med Res Methodol 2018)."""
    table = pl.read_csv(METABRIC).filter(pl.col("time") > 0)
    x = table.select([f"x{i}" for i in range(9)]).to_numpy()
    target = np.column_stack([30.4375 * table["time"].to_numpy(), table["event"].to_numpy()])
    is_train = (table["part"] == "train").to_numpy()
    is_held = is_train & (np.arange(len(x)) % 6 == 0)
    rows = is_train & ~is_held
    held = (x[is_held], target[is_held], np.ones(is_held.sum()))
    task = Survival(TaskTable(kind="survival"))
    task.prepare(target[rows], np.ones(rows.sum()), values={"horizons_days": "365,1095,1826"})
    scores: list[dict[str, float]] = []
    for baseline in (Cox(), GradientBoosting(objective="cox"), GradientBoosting(objective="aft")):
        baseline.fit(
            x[rows], target[rows], weight=np.ones(rows.sum()), n_classes=1, seed=1,
            validation=held, task="survival",
        )  # fmt: skip
        task.finish(baseline.predict(x[rows]), target[rows], np.ones(rows.sum()))
        predicted = task.predict_baseline(baseline.predict(x[~is_train]))
        scores.append(
            {
                metric: score_survival(
                    metric, target=target[~is_train], predictions=predicted, names=task.columns(())
                )
                for metric in ("c_index", "uno_c_index", "scaled_integrated_brier")
            }
        )
    for score in scores:
        assert 0.62 < score["c_index"] < 0.66
        assert 0.60 < score["uno_c_index"] < 0.66
        assert score["scaled_integrated_brier"] > 0
