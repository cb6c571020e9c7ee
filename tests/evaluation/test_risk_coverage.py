"""Risk-coverage curves by hand and by loop."""

import numpy as np
import pytest

from tumorboard.evaluation.risk_coverage import area_under, risk_coverage, risk_curve
from tumorboard.evaluation.statistic import ScoredUnits


def test_curve_and_area_by_hand():
    confidence = np.array([0.9, 0.6, 0.8, 0.7])
    is_error = np.array([False, True, False, True])
    coverage, risk = risk_curve(confidence, is_error, np.ones((1, 4)))
    assert coverage.tolist() == [[0.25, 0.5, 0.75, 1.0]]
    assert risk[0] == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert area_under(coverage, risk)[0] == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_weights_are_repetitions_and_ties_stay_together():
    rng = np.random.default_rng(0)
    confidence, is_error = np.round(rng.random(40), 1), rng.random(40) < 0.3
    times = rng.integers(0, 4, size=40)
    weighted = area_under(*risk_curve(confidence, is_error, times[None].astype(float)))[0]
    rows = np.repeat(np.arange(40), times)
    repeated = area_under(*risk_curve(confidence[rows], is_error[rows], np.ones((1, len(rows)))))
    assert weighted == pytest.approx(repeated[0], abs=1e-12)
    shuffled = rng.permutation(40)
    again = risk_curve(confidence[shuffled], is_error[shuffled], np.ones((1, 40)))
    assert area_under(*again) == pytest.approx(
        area_under(*risk_curve(confidence, is_error, np.ones((1, 40))))
    )


def test_document_ends_at_the_error_rate_and_a_perfect_order_is_best(make_table):
    rng = np.random.default_rng(1)
    y = rng.random(80) < 0.5
    p = np.clip(0.5 + np.where(y, 1, -1) * rng.normal(0.2, 0.2, size=80), 0.01, 0.99)
    found = risk_coverage(ScoredUnits.of(make_table(y, p), {}), 100, np.random.default_rng(0))
    assert found["risk"][-1] == found["risk_of_all"] == np.mean((p >= 0.5) != y)
    assert found["best_aurc"] < found["aurc"]["value"] < found["risk_of_all"]
    assert found["aurc"]["ci_low"] < found["aurc"]["value"] < found["aurc"]["ci_high"]
