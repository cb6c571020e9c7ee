import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from tumorboard.evaluation.auroc import (
    Z_95,
    Components,
    auroc_components,
    auroc_interval,
    average_folds,
    delong_test,
    exact_binomial,
    macro_components,
    paired_auroc_interval,
)
from tumorboard.evaluation.ranking import Ranking

TIED = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=4, max_size=30).filter(
    lambda rows: 0 < sum(y for y, _ in rows) < len(rows)
)


def kernel(x: float, y: float) -> float:
    return 1.0 if x > y else 0.5 if x == y else 0.0


def delong_by_definition(target, scores):
    """Covariance matrix of AUROCs, pair by pair (DeLong 1988, equations 4 and 5)."""
    positive, negative = np.flatnonzero(target), np.flatnonzero(~target)
    v10 = np.array(
        [[np.mean([kernel(s[i], s[j]) for j in negative]) for i in positive] for s in scores]
    )
    v01 = np.array(
        [[np.mean([kernel(s[i], s[j]) for i in positive]) for j in negative] for s in scores]
    )
    return v10.mean(axis=1), np.cov(v10) / len(positive) + np.cov(v01) / len(negative)


def two_arms(seed: int, n: int = 40):
    rng = np.random.default_rng(seed)
    target = np.arange(n) % 3 == 0
    one = np.round(rng.normal(size=n) + target, 1)
    return target, one, np.round(0.5 * one + rng.normal(size=n), 1)


@pytest.mark.parametrize("seed", range(5))
def test_variance_and_covariance_equal_the_definition(seed):
    target, one, two = two_arms(seed)
    values, covariance = delong_by_definition(target, [one, two])
    patient = np.arange(len(target))
    a, b = (auroc_components(target, s, patient, len(target)) for s in (one, two))
    assert [a.value, b.value] == pytest.approx(values, abs=1e-12)
    assert [a.variance, b.variance] == pytest.approx(np.diag(covariance), abs=1e-12)
    spread = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert a.minus(b).variance == pytest.approx(spread, abs=1e-12)
    z = (values[0] - values[1]) / np.sqrt(spread)
    assert delong_test(a, b) == pytest.approx(2 * stats.norm.sf(abs(z)), abs=1e-12)


def clustered_by_definition(target, score, patient):
    """Obuchowski 1997, equations 2 to 5, cluster by cluster."""
    positive, negative = np.flatnonzero(target), np.flatnonzero(~target)
    m, n = len(positive), len(negative)
    v10 = {i: np.mean([kernel(score[i], score[j]) for j in negative]) for i in positive}
    v01 = {j: np.mean([kernel(score[i], score[j]) for i in positive]) for j in negative}
    area = np.mean(list(v10.values()))
    clusters = np.unique(patient)
    i10 = sum(any(target[patient == c]) for c in clusters)
    i01 = sum(any(~target[patient == c]) for c in clusters)
    s10 = s01 = s11 = 0.0
    for c in clusters:
        in_x, in_y = positive[patient[positive] == c], negative[patient[negative] == c]
        x = sum(v10[i] for i in in_x) - len(in_x) * area
        y = sum(v01[j] for j in in_y) - len(in_y) * area
        s10, s01, s11 = s10 + x * x, s01 + y * y, s11 + x * y
    s10 *= i10 / ((i10 - 1) * m)
    s01 *= i01 / ((i01 - 1) * n)
    s11 *= len(clusters) / (len(clusters) - 1)
    return s10 / m + s01 / n + 2 * s11 / (m * n)


@pytest.mark.parametrize("seed", range(4))
def test_several_units_per_patient_equal_obuchowski(seed):
    target, score, _ = two_arms(seed)
    patient = np.random.default_rng(seed).integers(0, 15, len(target))
    found = auroc_components(target, score, patient, 15)
    assert found.variance == pytest.approx(
        clustered_by_definition(target, score, patient), abs=1e-12
    )


def test_a_unit_twice_in_one_patient_adds_no_information():
    target, score, _ = two_arms(1)
    patient = np.arange(len(target))
    once = auroc_components(target, score, patient, len(target))
    twice = auroc_components(
        np.tile(target, 2), np.tile(score, 2), np.tile(patient, 2), len(target)
    )
    assert (twice.value, twice.variance) == pytest.approx((once.value, once.variance), abs=1e-12)
    as_strangers = auroc_components(
        np.tile(target, 2), np.tile(score, 2), np.arange(2 * len(target)), 2 * len(target)
    )
    assert as_strangers.variance < 0.6 * once.variance


@given(TIED)
def test_auroc_with_ties_equals_scikit_learn_and_does_not_see_the_scale(rows):
    target = np.asarray([y for y, _ in rows])
    score = np.asarray([s for _, s in rows], dtype=np.float64)
    expected = roc_auc_score(target, score)
    patient = np.arange(len(rows))
    found = auroc_components(target, score, patient, len(rows))
    assert found.value == pytest.approx(expected, abs=1e-12)
    ones = np.ones((1, len(rows)))
    assert Ranking(target, score).auroc(ones)[0] == pytest.approx(expected, abs=1e-12)
    grown = auroc_components(target, np.exp(score) - 3, patient, len(rows))
    assert (grown.value, grown.variance) == pytest.approx(
        (found.value, found.variance), abs=1e-12, nan_ok=True
    )
    swapped = auroc_components(~target, score, patient, len(rows))
    assert swapped.value == pytest.approx(1 - expected, abs=1e-12)
    assert swapped.variance == pytest.approx(found.variance, abs=1e-12, nan_ok=True)


def test_macro_variance_of_two_classes_is_that_of_one():
    target, score, _ = two_arms(2, n=60)
    probability = stats.norm.cdf(score)
    patient = np.arange(len(target))
    probabilities = np.stack([1 - probability, probability], axis=1)
    macro = macro_components(target.astype(np.int64), probabilities, patient, len(target))
    one = auroc_components(target, probability, patient, len(target))
    assert macro.value == pytest.approx(one.value, abs=1e-12)
    assert macro.variance == pytest.approx(one.variance, rel=0.05)  # small-sample factors differ


def test_interval_on_the_logit_scale_by_hand():
    low, high, method = auroc_interval(0.8, 0.0016, n_smaller_class=30)
    reach = Z_95 * 0.04 / 0.16  # logit(0.8) = log 4
    assert low == pytest.approx(4 * np.exp(-reach) / (1 + 4 * np.exp(-reach)))
    assert high == pytest.approx(4 * np.exp(reach) / (1 + 4 * np.exp(reach)))
    assert method == "logit-DeLong"


@pytest.mark.parametrize(
    ("value", "expected"), [(1.0, (0.025**0.05, 1)), (0.0, (0, 1 - 0.025**0.05))]
)
def test_perfect_separation_gets_an_exact_interval_and_not_an_empty_one(value, expected):
    low, high, method = auroc_interval(value, 0.0, n_smaller_class=20)
    assert (low, high) == pytest.approx(expected)
    assert method == "exact binomial of the 20 patients of the smaller class"


def test_exact_binomial_equals_scipy():
    expected = stats.binomtest(7, 9).proportion_ci(method="exact")
    assert exact_binomial(7 / 9, 9) == pytest.approx((expected.low, expected.high), abs=1e-9)


def flat(value: float, variance: float) -> Components:
    return Components(value, np.asarray([np.sqrt(variance)]), np.zeros(1), (1.0, 0.0, 0.0))


def test_folds_add_up_and_repeats_do_not_shrink_the_variance():
    once = average_folds({(1, 1): flat(0.7, 0.01), (1, 2): flat(0.9, 0.03)})
    assert (once.value, once.variance) == pytest.approx((0.8, 0.04 / 4))
    again = average_folds(
        {
            (r, f): flat(0.7 if f == 1 else 0.9, v)
            for r in (1, 2, 3)
            for f, v in ((1, 0.01), (2, 0.03))
        }
    )
    assert (again.value, again.variance, again.n_folds) == pytest.approx((0.8, 0.01, 6))


def test_folds_of_one_class_are_left_out_and_perfect_folds_are_not_certain():
    absent = auroc_components(np.ones(3, dtype=bool), np.arange(3.0), np.arange(3), 3)
    assert np.isnan(absent.value)
    found = average_folds({(1, 1): flat(0.8, 0.02), (1, 2): flat(1.0, 0.0), (1, 3): absent})
    assert (found.n_folds, found.n_left_out, found.n_without_spread) == (2, 1, 1)
    assert (found.value, found.variance) == pytest.approx((0.9, (0.02 + 0.02) / 4))


def test_intervals_cover_the_true_auroc_about_95_times_in_100():
    rng = np.random.default_rng(5)
    true = stats.norm.cdf(1 / np.sqrt(2))
    covered = 0
    for _ in range(400):
        target = np.arange(80) % 2 == 0
        found = auroc_components(target, rng.normal(size=80) + target, np.arange(80), 80)
        low, high, _ = auroc_interval(found.value, found.variance, n_smaller_class=40)
        covered += low <= true <= high
    # 400 trials at 0.95: outside 0.915 to 0.985 fewer than once in 500 seeds
    assert 0.915 <= covered / 400 <= 0.985


def test_paired_interval_joins_the_intervals_of_both_by_hand():
    target, *scores = two_arms(3)
    one, two = (auroc_components(target, s, np.arange(40), 40) for s in scores)
    low, high = paired_auroc_interval(one, two, n_smaller_class=15)
    covariance = delong_by_definition(target, scores)[1]
    r = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    (l1, u1), (l2, u2) = (
        auroc_interval(c.value, c.variance, n_smaller_class=15)[:2] for c in (one, two)
    )
    down, up = (one.value - l1, u2 - two.value), (u1 - one.value, two.value - l2)
    expected = [
        one.value - two.value + sign * np.sqrt(a**2 + b**2 - 2 * r * a * b)
        for sign, (a, b) in ((-1, down), (1, up))
    ]
    assert (low, high) == pytest.approx(expected, abs=1e-9)
    back = paired_auroc_interval(two, one, n_smaller_class=15)
    assert back == pytest.approx((-high, -low), abs=1e-12)


def test_paired_interval_of_arms_that_rank_alike_is_empty_and_of_one_perfect_arm_is_not():
    target = np.arange(40) % 2 == 1
    score = np.sin(np.arange(40.0)) + target
    one = auroc_components(target, score, np.arange(40), 40)
    assert np.isnan(paired_auroc_interval(one, one, n_smaller_class=20)).all()
    perfect = auroc_components(target, target * 1.0, np.arange(40), 40)
    assert np.isnan(paired_auroc_interval(perfect, perfect, n_smaller_class=20)).all()
    low, high = paired_auroc_interval(perfect, one, n_smaller_class=20)
    assert low < perfect.value - one.value < high
