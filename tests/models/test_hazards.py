"""Partial likelihood, baseline hazard and intervals against statsmodels and hand counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from statsmodels.duration.hazard_regression import PHReg

from tumorboard.models.hazards import RiskSets, breslow, cut_points, interval_states, steps_at


def made(n: int = 120, *, tied: bool = True):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, 3))
    time, left = rng.exponential(np.exp(-x[:, 0])), rng.exponential(2.0, n)
    event, time = time <= left, np.minimum(time, left)
    return x, np.ceil(time * 8) if tied else time, event


@pytest.mark.parametrize("tied", [False, True])
def test_loss_and_gradient_as_statsmodels(tied: bool) -> None:
    x, time, event = made(tied=tied)
    model: Any = PHReg(time, x, event.astype(int), ties="efron")
    risk_sets = RiskSets.of(time, event, np.ones(len(time)))
    for beta in np.random.default_rng(0).normal(scale=0.5, size=(3, 3)):
        loss, slope = risk_sets.loss(x @ beta)
        assert loss == pytest.approx(-model.loglike(beta), abs=1e-9)
        np.testing.assert_allclose(slope @ x, -model.score(beta), atol=1e-9)


def test_without_ties_a_weight_of_two_is_two_halves_at_the_same_time() -> None:
    x, time, event = made(tied=False)
    weight = np.random.default_rng(1).uniform(0.2, 2.0, len(time))
    eta = x[:, 0]
    loss, _ = RiskSets.of(time, event, weight).loss(eta)
    at_risk = np.asarray([(weight * np.exp(eta))[time >= t].sum() for t in time])
    expected = (weight * (np.log(at_risk) - eta))[event].sum()
    assert loss == pytest.approx(expected)


def test_gradient_of_tied_weighted_deaths_is_that_of_the_loss() -> None:
    x, time, event = made()
    weight = np.random.default_rng(1).uniform(0.2, 2.0, len(time))
    risk_sets, eta = RiskSets.of(time, event, weight), x[:, 0].copy()
    _, slope = risk_sets.loss(eta)
    for row in range(0, len(time), 17):
        step = np.zeros(len(time))
        step[row] = 1e-5
        numeric = (risk_sets.loss(eta + step)[0] - risk_sets.loss(eta - step)[0]) / 2e-5
        assert slope[row] == pytest.approx(numeric, abs=1e-7)


def test_very_large_log_hazards_stay_numbers() -> None:
    x, time, event = made()
    loss, slope = RiskSets.of(time, event, np.ones(len(time))).loss(1000 * x[:, 0])
    assert np.isfinite(loss)
    assert np.isfinite(slope).all()


def test_baseline_hazard_as_statsmodels() -> None:
    x, time, event = made()
    model: Any = PHReg(time, x, event.astype(int), ties="breslow").fit()
    times, hazard = breslow(x @ model.params, time, event, np.ones(len(time)))
    theirs_time, theirs, _ = model.baseline_cumulative_hazard[0]
    # it gives the value just before each time
    np.testing.assert_allclose(steps_at(times, hazard, theirs_time - 1e-9), theirs, atol=1e-9)


def test_baseline_hazard_by_hand() -> None:
    times, hazard = breslow(
        np.log([1.0, 2.0, 3.0]), np.asarray([1.0, 2.0, 3.0]), np.asarray([True, False, True]),
        np.asarray([1.0, 1.0, 0.5]),
    )  # fmt: skip
    assert times.tolist() == [1.0, 3.0]
    np.testing.assert_allclose(hazard, [1 / 4.5, 1 / 4.5 + 0.5 / 1.5])
    found = steps_at(times, hazard, np.asarray([0.5, 1.0, 2.9, 99.0]))
    np.testing.assert_allclose(found, [0, hazard[0], hazard[0], hazard[1]])


def test_cuts_are_quantiles_of_the_events() -> None:
    time = np.arange(1.0, 21.0)
    event = time % 2 == 0
    ones = np.ones(20)
    assert cut_points(time, event, ones, 5).tolist() == [4.0, 8.0, 12.0, 16.0, 20.0]
    assert cut_points(time[:4], event[:4], ones[:4], 5).tolist() == [2.0, 4.0]


def test_intervals_survived_by_hand() -> None:
    cuts = np.asarray([10.0, 20.0])
    time = np.asarray([4.0, 6.0, 10.0, 12.0, 20.0, 25.0, 25.0, 10.0])
    event = np.asarray([0, 0, 1, 1, 1, 1, 0, 0])
    survived, died = interval_states(time, event, cuts)
    assert survived.tolist() == [0, 1, 0, 1, 1, 2, 2, 1]
    assert died.tolist() == [-1, -1, 0, 1, 1, -1, -1, -1]
