"""Curves of follow-up against statsmodels, scipy, and a hand count."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf
from scipy.stats import logrank as scipy_log_rank
from statsmodels.duration.survfunc import SurvfuncRight
from survival_units import made_units

from tumorboard.evaluation.survival_curves import (
    FollowUp,
    at,
    kaplan_meier,
    log_rank,
    median_follow_up,
)


def follow_up(n: int = 90, *, tied: bool = True):
    outcome = made_units(n, tied=tied).outcome
    return outcome[:, 0], outcome[:, 1] > 0


def test_the_curve_of_freireich_1963() -> None:
    # 6-mercaptopurine, weeks: the table of every text book (Collett, Modelling Survival Data, 2.1)
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    event = np.asarray([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    curve = kaplan_meier(np.asarray(weeks, dtype=np.float64), event)
    found = curve.survival_at(np.asarray([6.0, 7, 10, 13, 16, 22, 23]))
    expected = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    np.testing.assert_allclose(found, expected, atol=5e-4)
    assert curve.median == 23.0
    assert curve.n_at_risk(np.asarray([0.0, 10, 23, 36])).tolist() == [21, 15, 6, 0]
    assert np.isnan(curve.survival_at(np.asarray([36.0]))).all()


@pytest.mark.parametrize("tied", [False, True])
def test_curve_and_band_as_statsmodels_and_scipy(tied: bool) -> None:
    time, event = follow_up(tied=tied)
    curve = kaplan_meier(time, event)
    other: Any = SurvfuncRight(time, event.astype(int))
    np.testing.assert_allclose(curve.survival_at(other.surv_times), other.surv_prob, atol=1e-12)
    sample = CensoredData(uncensored=time[event], right=time[~event])
    np.testing.assert_allclose(curve.survival, ecdf(sample).sf.evaluate(curve.time), atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the curve is at 0
        low, high = ecdf(sample).sf.confidence_interval(method="log-log")
    inside = ~np.isnan(curve.ci_low)
    np.testing.assert_allclose(curve.ci_low[inside], low.probabilities[inside], atol=1e-5)
    np.testing.assert_allclose(curve.ci_high[inside], high.probabilities[inside], atol=1e-5)


def test_weighted_curves_are_those_of_patients_written_out() -> None:
    time, event = follow_up()
    times = np.random.default_rng(1).integers(0, 4, size=(3, len(time)))
    curves = FollowUp(time, event)
    found = at(curves.times, curves.events(times.astype(np.float64)), time)
    for row, weights in enumerate(times):
        again = kaplan_meier(np.repeat(time, weights), np.repeat(event, weights))
        expected = at(again.time, again.survival[None], time)[0]
        np.testing.assert_allclose(found[row], expected, atol=1e-12)


def test_censoring_comes_after_the_deaths_of_its_day() -> None:
    curves = FollowUp(np.asarray([1.0, 1.0, 2.0]), np.asarray([True, False, True]))
    # of the two who are left after the death on day 1, one is censored
    share = curves.censoring(np.ones((1, 3)))
    np.testing.assert_allclose(share, [[0.5, 0.5]])
    assert at(curves.times, share, np.asarray([1.0]), before=True)[0, 0] == 1.0
    assert at(curves.times, share, np.asarray([1.0]))[0, 0] == 0.5


def test_log_rank_as_scipy() -> None:
    time, event = follow_up(120, tied=False)
    group = (np.arange(120) % 3 > 0).astype(np.int64)
    time = np.where(group == 1, 0.6 * time, time)
    samples = [
        CensoredData(uncensored=time[event & own], right=time[~event & own])
        for own in (group == 0, group == 1)
    ]
    statistic, p_value, degrees = log_rank(time, event, group)
    other = scipy_log_rank(samples[0], samples[1])
    assert degrees == 1
    assert p_value == pytest.approx(other.pvalue, rel=1e-9)
    assert statistic == pytest.approx(other.statistic**2, rel=1e-9)


def test_one_group_or_no_event_has_no_log_rank_test() -> None:
    time, event = follow_up(20)
    assert np.isnan(log_rank(time, event, np.zeros(20, dtype=np.int64))[1])
    assert np.isnan(log_rank(time, np.zeros(20, dtype=bool), np.arange(20) % 2)[1])


def test_median_follow_up_counts_deaths_as_censored() -> None:
    time = np.asarray([1.0, 2, 3, 4])
    assert median_follow_up(time, np.zeros(4, dtype=bool)) == 2.0
    # deaths on days 1 and 2 leave two, who are censored on days 3 and 4
    assert median_follow_up(time, np.asarray([True, True, False, False])) == 3.0
    assert np.isnan(median_follow_up(time, np.ones(4, dtype=bool)))
