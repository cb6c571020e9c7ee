import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from tumorboard.transforms.separation import by_category, by_order, ranges


@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize("shift", [0.0, 1.0, -2.0])
def test_order_is_the_auroc_and_the_mann_whitney_test(shift: float, decimals: int) -> None:
    rng = np.random.default_rng(3)
    target = (rng.random(80) < 0.4).astype(np.int64)
    scores = np.round(rng.normal(size=80) + shift * target, decimals)
    found = by_order(scores, target, n_classes=2)
    area = roc_auc_score(target, scores)
    assert found.auroc == pytest.approx(max(area, 1 - area), abs=1e-12)
    test = mannwhitneyu(
        scores[target == 1], scores[target == 0], use_continuity=False, method="asymptotic"
    )
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-9)


def test_missing_numbers_are_left_out_and_counted() -> None:
    scores = np.array([1.0, 2.0, 3.0, 4.0, np.nan, np.nan])
    found = by_order(scores, np.array([0, 0, 1, 1, 0, 1]), n_classes=2)
    assert (found.auroc, found.n_patients) == (1.0, 4)


@pytest.mark.parametrize("share", [0.6, 0.8, 0.95])
def test_two_categories_have_the_auroc_of_their_shares(share: float) -> None:
    """Of a binary test the area is (sensitivity + specificity) / 2; cross-fitting takes nothing."""
    target = np.repeat([0, 1], 500)
    is_a = np.concatenate([np.arange(500) < 500 * (1 - share), np.arange(500) < 500 * share])
    found = by_category([frozenset("a" if a else "b") for a in is_a], target, n_classes=2)
    assert found.auroc == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("n_categories", [2, 20, 200, 2000])
def test_categories_drawn_at_random_tell_nothing(n_categories: int) -> None:
    rng = np.random.default_rng(5)
    target = np.repeat([0, 1, 2], 100)
    areas = [
        by_category(
            [frozenset({str(c)}) for c in rng.integers(0, n_categories, 300)], target, n_classes=3
        ).macro
        for _ in range(60)
    ]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)


def test_a_category_of_one_patient_tells_nothing() -> None:
    found = by_category([frozenset({str(i)}) for i in range(60)], np.arange(60) % 2, n_classes=2)
    assert found.auroc == 0.5


def test_one_class_of_three_is_named() -> None:
    target = np.repeat([0, 1, 2], 40)
    found = by_category([frozenset({str(int(k == 1))}) for k in target], target, n_classes=3)
    assert (found.label, found.auroc) == (1, 1.0)
    assert found.macro == pytest.approx((0.75 + 1.0 + 0.75) / 3)


def test_ranges_are_tenths_with_missing_beside_them() -> None:
    values = np.array([*range(100), np.nan], dtype=float)
    found = ranges(values)
    assert {own: found.count(own) for own in found} == {
        **{frozenset({str(k)}): 10 for k in range(10)},
        frozenset({"missing"}): 1,
    }
