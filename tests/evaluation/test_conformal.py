"""Split conformal sets: the finite-sample quantile, coverage, and too few patients."""

import json
import math
from typing import Literal

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.conformal import ConformalRule, finite_sample_quantile, fit_conformal


def _drawn(n: int, seed: int, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, n_classes)) + np.arange(n_classes) * 0.7
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    target = (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1)
    return target.astype(np.int64), p**2 / (p**2).sum(axis=1, keepdims=True)  # badly calibrated


def test_quantile_by_hand() -> None:
    scores = np.arange(1.0, 10.0)  # nine: (9 + 1) 0.9 = 9, the largest
    assert finite_sample_quantile(scores, 0.9) == 9.0
    assert finite_sample_quantile(scores, 0.8) == 8.0
    assert finite_sample_quantile(scores[:8], 0.9) == math.inf  # ceil(8.1) = 9 of 8
    assert finite_sample_quantile(scores[:0], 0.9) == math.inf


def test_sets_by_hand() -> None:
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.8, 0.2]])
    rule, remarks = fit_conformal(
        np.array([0, 1, 1, 1]), p, coverage=0.6, by="all", patient=np.arange(4)
    )
    assert rule.quantiles == pytest.approx((0.4, 0.4))  # scores 0.1 0.3 0.4 0.8, ceil(3.0) = 3rd
    assert not remarks
    sets = rule.sets(np.array([[0.95, 0.05], [0.5, 0.5], [0.4, 0.6]]))
    assert sets.tolist() == [[True, False], [False, False], [False, True]]


@pytest.mark.parametrize("by", ["all", "class"])
def test_coverage_is_as_promised_whatever_the_calibration(by: Literal["all", "class"]) -> None:
    covered: list[np.ndarray] = []
    for seed in range(300):
        target, p = _drawn(100, seed)
        rule, _ = fit_conformal(target, p, coverage=0.85, by=by, patient=np.arange(100))
        new_target, new_p = _drawn(100, 10_000 + seed)
        inside = rule.sets(new_p)[np.arange(100), new_target]
        covered.append(
            np.array([inside.mean(), *(inside[new_target == k].mean() for k in range(3))])
        )
    mean = np.nanmean(covered, axis=0)
    assert 0.84 < mean[0] < (0.87 if by == "all" else 0.89)  # by class: + 1 / (n_class + 1)
    if by == "class":
        assert (mean[1:] > 0.84).all()
    else:
        assert mean[1:].min() < 0.80  # why `class` exists


def test_a_patient_with_many_units_counts_once_with_the_worst() -> None:
    p_true = np.array([0.9, 0.2, 0.8, 0.7])
    p = np.column_stack([1 - p_true, p_true])
    rule, _ = fit_conformal(
        np.ones(4, dtype=np.int64), p, coverage=0.5, by="all", patient=np.array(list("aabc"))
    )
    assert rule.n_calibration == (3, 3)
    assert rule.quantiles[1] == pytest.approx(0.3)  # worst scores 0.8 0.2 0.3, ceil(2) = second


def test_too_few_patients_put_every_class_into_every_set() -> None:
    target, p = _drawn(30, 0)
    rare = np.r_[np.zeros(27, dtype=np.int64), [1, 1, 2]]
    rule, remarks = fit_conformal(rare, p, coverage=0.9, by="class", patient=np.arange(30))
    assert np.isinf(rule.quantiles).tolist() == [False, True, True]
    assert "in 2 of 3 classes there are 1 validation patients, and 9 are needed" in remarks[0]
    assert rule.sets(p)[:, 1:].all()
    rule, remarks = fit_conformal(target[:8], p[:8], coverage=0.9, by="all", patient=np.arange(8))
    assert rule.sets(p).all()
    assert "there are 8 validation patients, and 9 are needed" in remarks[0]


def test_rule_survives_json_and_damage_is_refused() -> None:
    rule = ConformalRule(0.9, "class", (0.25, math.inf), (40, 3))
    plain = json.loads(json.dumps(rule.to_plain(), allow_nan=False))
    assert ConformalRule.from_plain(plain) == rule
    for name in plain:
        with pytest.raises(InputError, match="conformal"):
            ConformalRule.from_plain({k: v for k, v in plain.items() if k != name})
    with pytest.raises(InputError, match="damaged quantiles"):
        ConformalRule.from_plain({**plain, "quantiles": [0.2]})
    with pytest.raises(InputError, match="fitted for 2 classes"):
        rule.sets(np.full((1, 3), 1 / 3))
