"""Survival metrics against torchsurv, hand counts and properties of weights."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from survival_units import HORIZONS, made_units

from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.survival_curves import FollowUp, at
from tumorboard.evaluation.survival_statistic import (
    N_GRID,
    SurvivalStatistic,
    along,
    horizons_of,
    survival_names,
)
from tumorboard.records import Floats

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # torchsurv scripts a function on import
    from torchsurv.metrics.auc import Auc
    from torchsurv.metrics.brier_score import BrierScore
    from torchsurv.metrics.cindex import ConcordanceIndex

DAYS = np.asarray(HORIZONS, dtype=np.float64)


def values(units: OutcomeUnits, weights: Floats | None = None) -> dict[str, float]:
    statistic = SurvivalStatistic(units)
    given = np.ones(len(units.patients)) if weights is None else weights
    return dict(zip(statistic.names, statistic(given[None])[0].tolist(), strict=True))


def small(time: list[float], event: list[int], risk: list[float]) -> OutcomeUnits:
    """Patients of one model without predicted survival."""
    n, ones = len(time), np.ones(len(time), dtype=np.int64)
    return OutcomeUnits(
        patients=tuple(map(str, range(n))), patient=np.arange(n), repeat=ones, fold=ones,
        outcome=np.stack([time, event], axis=1).astype(np.float64),
        predictions=np.asarray(risk, dtype=np.float64)[:, None],
        outcome_names=("time_days", "event"), names=("risk_score",),
    )  # fmt: skip


@pytest.mark.parametrize("tied", [False, True])
def test_as_torchsurv_given_the_same_weights(tied: bool) -> None:
    units = made_units(150, tied=tied)
    found = values(units)
    time, event = units.outcome[:, 0], units.outcome[:, 1] > 0
    follow_up = FollowUp(time, event)
    censoring = follow_up.censoring(np.ones((1, 150)))
    inverse = 1 / torch.tensor(at(follow_up.times, censoring, time, before=True)[0])
    grid = np.unique(np.r_[np.linspace(0, DAYS[-1], N_GRID + 1), DAYS])
    t, e, risk, survival = (
        torch.tensor(a) for a in (time, event, units.predictions[:, 0], units.predictions[:, 1:])
    )
    harrell = ConcordanceIndex()(risk, e, t)
    uno = ConcordanceIndex()(risk, e, t, weight=inverse, tmax=torch.tensor(DAYS[-1]))
    of_days, of_grid = (
        1 / torch.tensor(at(follow_up.times, censoring, asked)[0]) for asked in (DAYS, grid)
    )
    about: dict[str, Any] = {
        "new_time": torch.tensor(DAYS),
        "weight": inverse,
        "weight_new_time": of_days,
    }
    aurocs, scores = Auc()(1 - survival, e, t, **about), BrierScore()(survival, e, t, **about)
    brier = BrierScore()
    brier(
        torch.tensor(along(DAYS, units.predictions[:, 1:], grid)), e, t,
        new_time=torch.tensor(grid), weight=inverse, weight_new_time=of_grid,
    )  # fmt: skip
    expected = {"c_index": harrell, "uno_c_index": uno, "integrated_brier": brier.integral()}
    for k, days in enumerate(HORIZONS):
        expected |= {f"auroc_{days}": aurocs[k], f"brier_{days}": scores[k]}
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), abs=2e-8), (
            name
        )  # torchsurv counts in 32 bits


def test_pairs_counted_by_hand() -> None:
    # comparable: (1,2) (1,3) (1,4) and (3,4); at time 5 the death comes before the censoring
    units = small([2, 4, 5, 5], [1, 0, 1, 0], [3.0, 1.0, 3.0, 4.0])
    # right: (1,2); (1,3) is tied; (1,4) and (3,4) are wrong
    assert values(units)["c_index"] == pytest.approx(1.5 / 4)
    # censored at 4: half of those at risk then leave, so G(5-) is 2/3 and its pair weighs 9/4
    assert values(units)["uno_c_index"] == pytest.approx(1.5 / (3 + 9 / 4))


def test_two_deaths_at_one_time_are_not_compared() -> None:
    found = values(small([3, 3], [1, 1], [1.0, 2.0]))
    assert np.isnan(found["c_index"])


def test_without_censoring_brier_and_auroc_are_those_of_a_classification() -> None:
    from sklearn.metrics import brier_score_loss, roc_auc_score

    units = made_units(80)
    units.outcome[:, 1] = 1.0
    found = values(units)
    for k, days in enumerate(HORIZONS):
        died, survival = units.outcome[:, 0] <= days, units.predictions[:, 1 + k]
        assert found[f"auroc_{days}"] == pytest.approx(roc_auc_score(died, -survival))
        assert found[f"brier_{days}"] == pytest.approx(brier_score_loss(~died, survival))


@pytest.mark.parametrize("tied", [False, True])
def test_a_weight_of_two_is_the_patient_twice(tied: bool) -> None:
    units = made_units(60, tied=tied)
    times = np.random.default_rng(3).integers(0, 3, size=60)
    again = np.repeat(np.arange(60), times)
    twice = OutcomeUnits(
        patients=tuple(map(str, range(len(again)))), patient=np.arange(len(again)),
        repeat=units.repeat[again], fold=units.fold[again], outcome=units.outcome[again],
        predictions=units.predictions[again], outcome_names=units.outcome_names, names=units.names,
    )  # fmt: skip
    weighted, written_out = values(units, times.astype(np.float64)), values(twice)
    for name, value in weighted.items():
        # copies of one patient are no pair: they die together
        assert value == pytest.approx(written_out[name], abs=1e-12), name


def test_ranks_are_compared_within_the_models_of_the_folds() -> None:
    units = made_units(120, folds=3, repeats=2)
    before = values(units)
    units.predictions[units.fold == 2, 0] += 100.0
    after = values(units)
    assert after["c_index"] == pytest.approx(before["c_index"])
    each = [values(units.take(units.of_model(*model)))["c_index"] for model in units.models]
    assert after["c_index"] == pytest.approx(np.mean(each))


def test_the_kaplan_meier_curve_itself_is_worth_nothing() -> None:
    units = made_units(100)
    follow_up = FollowUp(units.outcome[:, 0], units.outcome[:, 1] > 0)
    curve = at(follow_up.times, follow_up.events(np.ones((1, 100))), DAYS)[0]
    units.predictions[:, 1:] = curve
    found = values(units)
    assert found["scaled_integrated_brier"] == pytest.approx(0.0, abs=1e-12)
    assert found["auroc_365"] == pytest.approx(0.5)
    assert values(made_units(100))["scaled_integrated_brier"] > 0.1


def test_a_horizon_that_nobody_reaches_is_undefined() -> None:
    units = made_units(40)
    units.outcome[:, 0] = np.minimum(units.outcome[:, 0], 1000.0)
    units.outcome[units.outcome[:, 0] == 1000.0, 1] = 0
    found = values(units)
    assert np.isfinite(found["brier_365"])
    assert np.isnan([found["auroc_1826"], found["brier_1826"], found["integrated_brier"]]).all()
    assert np.isfinite(found["c_index"])


def test_survival_that_no_model_predicted_is_undefined_not_zero() -> None:
    units = made_units(40)
    units.predictions[:, 1:] = np.nan
    found = values(units)
    assert np.isnan([v for name, v in found.items() if not name.endswith("c_index")]).all()
    assert 0.5 < found["c_index"] < 1


def test_hazards_are_constant_between_horizons() -> None:
    found = along(np.asarray([100.0, 300.0]), np.asarray([[0.5, 0.125]]), np.arange(0, 301, 50.0))
    np.testing.assert_allclose(-np.log2(found[0]), [0, 0.5, 1, 1.5, 2, 2.5, 3], atol=1e-12)


def test_names_follow_the_horizons_of_the_table() -> None:
    assert horizons_of(("risk_score", "survival_1095", "survival_365")) == (365, 1095)
    assert survival_names((365,)) == (
        "c_index", "uno_c_index", "auroc_365", "integrated_brier", "scaled_integrated_brier",
        "brier_365",
    )  # fmt: skip
    assert survival_names(()) == ("c_index", "uno_c_index")
