"""Differences of two arms of numbers against SciPy and hand counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr, ttest_rel
from sklearn.metrics import r2_score

from tumorboard.errors import InputError
from tumorboard.evaluation.outcome_comparison import (
    compare_outcomes,
    mean_values,
    pair_outcomes,
)
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.results import Comparison
from tumorboard.records import Floats
from tumorboard.study_keys import Primary

N = 60


def made(said: Mapping[str, Floats], truth: Floats, folds: int = 5) -> OutcomeTable:
    """Test predictions of several arms; fold by patient number."""
    n, k = len(truth), len(said)
    ids = np.asarray([f"P{i:02d}" for i in range(n)])
    return OutcomeTable(
        patient_id=np.tile(ids, k), unit_id=np.tile(ids, k), arm=np.repeat(list(said), n),
        repeat=np.ones(n * k, dtype=np.int64), fold=np.tile(np.arange(n) % folds + 1, k),
        part=np.full(n * k, "test"), modalities=np.full(n * k, "ct"),
        outcome=np.tile(truth[:, None], (k, 1)), outcome_names=("score",),
        predictions=np.concatenate(list(said.values()))[:, None],
        prediction_names=("predicted_score",),
    )  # fmt: skip


def arms() -> tuple[dict[str, Floats], Floats]:
    rng = np.random.default_rng(7)
    truth = rng.normal(size=N)
    noise = {"good": 0.5, "middling": 1.0, "poor": 2.0}
    return {name: truth + s * rng.normal(size=N) for name, s in noise.items()}, truth


def primary(metric: str = "r2") -> Primary:
    return Primary(arm="good", reference="poor", metric=metric)  # pyright: ignore[reportArgumentType]


def compare(table: OutcomeTable, metric: str = "r2", n_bootstrap: int = 500) -> list[Comparison]:
    return compare_outcomes(
        "regression", table, primary(metric), n_bootstrap=n_bootstrap,
        rng=np.random.default_rng(1),
    )  # fmt: skip


@pytest.mark.parametrize("metric", ["r2", "spearman"])
def test_a_difference_is_the_mean_over_the_folds(metric: str) -> None:
    said, truth = arms()
    table = made(said, truth)
    first = compare(table, metric)[0]
    fold = np.arange(N) % 5

    def value(arm: str, k: int) -> float:
        pair = truth[fold == k], said[arm][fold == k]
        correlation: Any = spearmanr(*pair)
        return r2_score(*pair) if metric == "r2" else float(correlation.statistic)

    one, two = (np.asarray([value(arm, k) for k in range(5)]) for arm in ("good", "poor"))
    assert first.difference == pytest.approx((one - two).mean(), abs=1e-9)
    assert mean_values(table, "good", "poor", metric) == pytest.approx((one.mean(), two.mean()))
    # Nadeau & Bengio: the variance over 5 folds is taken (1/5 + 1/4) instead of 1/5 times
    ordinary = ttest_rel(one, two).confidence_interval(0.95)
    reach = (ordinary.high - ordinary.low) / 2 * np.sqrt((1 / 5 + 1 / 4) / (1 / 5))
    np.testing.assert_allclose(
        [first.ci_low, first.ci_high], first.difference + np.asarray([-reach, reach]), rtol=1e-9
    )


def test_every_other_arm_meets_the_reference_and_p_values_are_held_together() -> None:
    said, truth = arms()
    found = compare(made(said, truth))
    assert [(c.arm, c.reference) for c in found] == [("good", "poor"), ("middling", "poor")]
    low, high = sorted(c.p_value for c in found)
    expected = {low: min(1.0, 2 * low), high: max(2 * low, high)}  # Holm of two, by hand
    assert [c.p_value_holm for c in found] == pytest.approx([expected[c.p_value] for c in found])


def test_one_split_is_resampled_by_patient() -> None:
    said, truth = arms()
    first = compare(made(said, truth, folds=1), n_bootstrap=2000)[0]
    rng = np.random.default_rng(99)
    rows = rng.integers(N, size=(2000, N))
    drawn = [
        r2_score(truth[r], said["good"][r]) - r2_score(truth[r], said["poor"][r]) for r in rows
    ]
    assert first.difference == pytest.approx(
        r2_score(truth, said["good"]) - r2_score(truth, said["poor"])
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    width = high - low
    assert first.ci_low == pytest.approx(low, abs=0.15 * width)
    assert first.ci_high == pytest.approx(high, abs=0.15 * width)


def test_the_same_predictions_do_not_differ_and_few_patients_say_nothing() -> None:
    said, truth = arms()
    same = compare(made({**said, "good": said["poor"]}, truth))[0]
    assert (same.difference, same.ci_low, same.ci_high, same.p_value) == (0, 0, 0, 1)
    few = compare(made({name: v[:8] for name, v in said.items()}, truth[:8], folds=1))[0]
    assert np.isnan([few.ci_low, few.ci_high, few.p_value]).all()
    assert few.test == "none: under 10 patients"
    assert np.isfinite(few.difference)


def test_arms_are_compared_on_the_units_both_predicted() -> None:
    said, truth = arms()
    table = made(said, truth)
    table.outcome[N] = np.nan  # the second arm's first patient
    mine = np.r_[np.arange(5, 3 * N)]
    one, two = pair_outcomes(table.take(mine[::-1]), "good", "middling")
    assert one.unit_id.tolist() == two.unit_id.tolist() == [f"P{i:02d}" for i in range(5, N)]
    # a score of a gene set agrees to rounding, an outcome of somebody else does not
    table.outcome[N + 7] += 1e-14
    pair_outcomes(table, "good", "middling")
    table.outcome[N + 7] += 0.1
    with pytest.raises(InputError, match=r"unit 'P07', patient 'P07': arms 'good' and 'middling'"):
        pair_outcomes(table, "good", "middling")
    apart = (table.arm == "good") & (table.fold == 1) | (table.arm == "poor") & (table.fold == 2)
    with pytest.raises(InputError, match="have no test patient with an outcome in common"):
        pair_outcomes(table.take(np.asarray(apart)), "good", "poor")
