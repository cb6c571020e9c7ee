import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval, resample
from tumorboard.evaluation.ranking import Ranking


def _scored(n: int):
    rng = np.random.default_rng(3)
    target = rng.random(n) < 0.4
    return target, np.round(rng.normal(size=n) + target, 1)  # rounded: ties


def test_resamples_draw_as_many_patients_as_there_are():
    weights = resample(30, 500, np.random.default_rng(0))
    assert (weights.sum(axis=1) == 30).all()
    assert (weights >= 0).all()
    # a patient is left out of a resample with probability (1 - 1/30)^30 = 0.362
    assert (weights == 0).mean() == pytest.approx((1 - 1 / 30) ** 30, abs=0.02)


@pytest.mark.parametrize("n", [25, 400])
def test_all_replicates_at_once_equal_a_loop_on_the_same_resamples(n):
    target, score = _scored(n)
    ranking = Ranking(target, score)
    both = bootstrap(
        lambda w: np.stack([ranking.auroc(w), ranking.average_precision(w)], axis=1),
        n_patients=n, n_replicates=150, rng=np.random.default_rng(7),
    )  # fmt: skip
    rng = np.random.default_rng(7)
    for found in both:
        rows = rng.integers(n, size=n)
        expected = (
            roc_auc_score(target[rows], score[rows]),
            average_precision_score(target[rows], score[rows]),
        )
        assert found == pytest.approx(expected, abs=1e-12)


def test_a_replicate_without_one_class_is_undefined_and_counted():
    ranking = Ranking(np.array([True, False, False]), np.array([0.9, 0.1, 0.2]))
    weights = np.array([[1.0, 1, 1], [0, 2, 1], [3, 0, 0]])
    found = ranking.auroc(weights)
    assert found[0] == 1
    assert np.isnan(found[1:]).all()
    low, high, n_undefined = percentile_interval(np.r_[np.linspace(0, 1, 41), np.nan])
    assert (low, high, n_undefined) == pytest.approx((0.025, 0.975, 1))


def test_mostly_undefined_replicates_give_no_interval():
    low, high, n_undefined = percentile_interval(np.array([0.5, np.nan, np.nan]))
    assert np.isnan([low, high]).all()
    assert n_undefined == 2
