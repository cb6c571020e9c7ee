"""Predictive values at a prevalence: the published illustration, Bayes' rule and limits."""

import numpy as np
import pytest

from tumorboard.evaluation.operating_points import at_prevalence, operating_points, with_intervals
from tumorboard.evaluation.statistic import ScoredUnits


def test_the_published_illustration():
    """750 balanced cases, sensitivity 0.952, specificity 0.975: PPV 0.975, F1 0.963."""
    found = at_prevalence(0.952, 0.975, 0.5, 750)
    assert found["true_positive"] == pytest.approx(357)
    assert found["false_negative"] == pytest.approx(18)
    assert found["false_positive"] == pytest.approx(9.375)
    assert round(found["f1"], 3) == 0.963
    # the paper counts whole patients: 357 of 357 + 9 calls
    assert round(357 / (357 + round(found["false_positive"])), 3) == 0.975
    assert found["ppv"] == pytest.approx(0.975, abs=0.001)


@pytest.mark.parametrize("prevalence", [0.001, 0.1, 0.5, 0.9])
def test_bayes_rule(prevalence):
    found = at_prevalence(0.9, 0.8, prevalence)
    ppv = 0.9 * prevalence / (0.9 * prevalence + 0.2 * (1 - prevalence))
    npv = 0.8 * (1 - prevalence) / (0.8 * (1 - prevalence) + 0.1 * prevalence)
    assert (found["ppv"], found["npv"]) == pytest.approx((ppv, npv), abs=1e-12)
    assert found["f1"] == pytest.approx(2 * ppv * 0.9 / (ppv + 0.9), abs=1e-12)
    counts = [found[f"{a}_{b}"] for a in ("true", "false") for b in ("positive", "negative")]
    assert sum(counts) == pytest.approx(1000)


def test_nobody_called_has_no_predictive_value():
    assert np.isnan(at_prevalence(0.0, 1.0, 0.3)["ppv"])
    assert np.isnan(at_prevalence(1.0, 0.0, 0.3)["npv"])


def test_limits_are_ordered_and_hold_the_value():
    sensitivity = {"value": 0.9, "ci_low": 0.8, "ci_high": 0.96}
    specificity = {"value": 0.7, "ci_low": 0.6, "ci_high": 0.8}
    for name, each in with_intervals(sensitivity, specificity, 0.2).items():
        assert each["ci_low"] < each["value"] < each["ci_high"], name
    unknown = {"value": 0.9, "ci_low": np.nan, "ci_high": np.nan}
    assert np.isnan(with_intervals(unknown, specificity, 0.2)["ppv"]["ci_low"])


def test_limits_cover_at_least_as_often_as_promised(make_table):
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(300):
        target = np.arange(120) % 2
        call = np.where(rng.random(120) < np.where(target == 1, 0.85, 0.1), 0.9, 0.1)
        units = ScoredUnits.of(make_table(target, call), {})
        ppv = operating_points({"a": units}, {}, [0.1])["a"]["at"][0]["ppv"]
        truth = at_prevalence(0.85, 0.9, 0.1)["ppv"]
        hits.append(ppv["ci_low"] <= truth <= ppv["ci_high"])
    assert np.mean(hits) > 0.94


def test_points_of_arms_by_hand(make_table):
    target = np.array([0] * 10 + [1] * 10)
    p = np.r_[np.full(8, 0.1), np.full(2, 0.5), np.full(1, 0.2), np.full(9, 0.8)]
    units = ScoredUnits.of(make_table(target, p), {("a", 1, 1): 0.4})
    found = operating_points({"a": units}, {("a", 1, 1): 0.4}, [0.1])["a"]
    assert found["sensitivity"]["value"] == 0.9
    assert found["specificity"]["value"] == 0.8
    assert found["threshold"] == {"mean": 0.4, "low": 0.4, "high": 0.4, "n_models": 1}
    assert found["per_1000"]["false_negative"]["value"] == pytest.approx(50)
    assert found["at"][0]["ppv"]["value"] == pytest.approx(0.09 / (0.09 + 0.18))
