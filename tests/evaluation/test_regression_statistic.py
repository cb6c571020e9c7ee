"""Metrics of numbers for many weightings at once against other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.regression_statistic import METRICS, RegressionStatistic, all_names
from tumorboard.records import Floats, Ints


def units(n: int = 40, targets: int = 1, repeats: int = 1) -> OutcomeUnits:
    """Every patient twice over `repeats`, in four folds, which differ between the repeats."""
    rng = np.random.default_rng(6)
    truth = np.tile(rng.normal(size=(n, targets)), (repeats, 1))
    said = 0.5 * truth + rng.normal(size=truth.shape)
    patient = np.tile(np.arange(n), repeats)
    repeat = np.repeat(np.arange(1, repeats + 1), n)
    names = tuple(f"t{k}" for k in range(targets))
    return OutcomeUnits(
        tuple(f"P{i}" for i in range(n)), patient, repeat, (patient + repeat) % 4 + 1, truth, said,
        names, tuple(f"predicted_{name}" for name in names),
    )  # fmt: skip


def weighted_pearson(x: Floats, y: Floats, weight: Floats) -> float:
    matrix = np.cov(x, y, aweights=weight)
    return float(matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1]))


def test_weights_are_those_of_scikit_learn_and_numpy() -> None:
    own = units()
    weight = np.random.default_rng(1).uniform(0.1, 3.0, 40)
    values = RegressionStatistic(own)(weight[None])[0]
    found = dict(zip(METRICS, values.tolist(), strict=True))
    truth, said = own.outcome[:, 0], own.predictions[:, 0]
    assert found["r2"] == pytest.approx(r2_score(truth, said, sample_weight=weight))
    assert found["mae"] == pytest.approx(mean_absolute_error(truth, said, sample_weight=weight))
    assert found["rmse"] == pytest.approx(
        mean_squared_error(truth, said, sample_weight=weight) ** 0.5
    )
    rows = [own.of_model(1, fold) for fold in (1, 2, 3, 4)]
    by_fold = [weighted_pearson(truth[r], said[r], weight[r]) for r in rows]
    assert found["pearson"] == pytest.approx(np.mean(by_fold))
    by_rank = [weighted_pearson(rankdata(truth[r]), rankdata(said[r]), weight[r]) for r in rows]
    assert found["spearman"] == pytest.approx(np.mean(by_rank))


def test_a_patient_drawn_twice_counts_as_two() -> None:
    own = units()
    drawn = np.random.default_rng(2).integers(40, size=40)
    counts = np.bincount(drawn, minlength=40).astype(np.float64)
    found = RegressionStatistic(own, ("r2", "mae"))(np.stack([counts, np.ones(40)]))
    truth, said = own.outcome[drawn, 0], own.predictions[drawn, 0]
    np.testing.assert_allclose(
        found[0], [r2_score(truth, said), mean_absolute_error(truth, said)], rtol=1e-9
    )
    np.testing.assert_allclose(found[1, 0], r2_score(own.outcome, own.predictions))


def test_repeats_and_targets_are_averaged() -> None:
    own = units(targets=2, repeats=3)
    values = RegressionStatistic(own)(np.ones((1, 40)))[0]
    found = dict(zip(all_names(("t0", "t1")), values.tolist(), strict=True))
    assert list(found) == [*METRICS, *(f"{m}_t{k}" for m in METRICS for k in (0, 1))]

    def of(k: int, rows: Ints) -> tuple[Floats, Floats]:
        return own.outcome[rows, k], own.predictions[rows, k]

    for k in (0, 1):
        by_repeat = [r2_score(*of(k, np.flatnonzero(own.repeat == r))) for r in (1, 2, 3)]
        assert found[f"r2_t{k}"] == pytest.approx(np.mean(by_repeat))
        by_model = [np.corrcoef(*of(k, own.of_model(*model)))[0, 1] for model in own.models]
        assert found[f"pearson_t{k}"] == pytest.approx(np.mean(by_model))
    for metric in METRICS:
        both = (found[f"{metric}_t0"] + found[f"{metric}_t1"]) / 2
        assert found[metric] == pytest.approx(both)


def test_constants_are_undefined_and_nobody_as_well() -> None:
    own = units()
    own.predictions[:] = 3.0
    names = ("r2", "pearson", "spearman", "mae")
    found = RegressionStatistic(own, names)(np.stack([np.ones(40), np.zeros(40)]))
    assert np.isnan(found[0]).tolist() == [False, True, True, False]
    assert np.isnan(found[1]).all()
    own.outcome[:] = 0.1
    assert np.isnan(RegressionStatistic(own, ("r2",))(np.ones((1, 40))))
