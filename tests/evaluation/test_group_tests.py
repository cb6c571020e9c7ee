from typing import Any, cast

import numpy as np
import pytest
from scipy import stats

from tumorboard.evaluation.group_tests import compare_categories, compare_numbers


def categories(first, second):
    return compare_categories(first, second, rng=np.random.default_rng(0))


def test_numbers_equal_scipys_mann_whitney():
    rng = np.random.default_rng(1)
    for n, decimals in ((6, 6), (40, 6), (40, 0)):  # exact, normal, ties
        first, second = np.round(rng.normal(1, 1, n), decimals), np.round(rng.normal(0, 1, 25), 0)
        found = compare_numbers(np.r_[first, np.nan], second)
        expected = cast(Any, stats.mannwhitneyu(first, second, alternative="two-sided"))
        assert found["p_value"] == pytest.approx(expected.pvalue, abs=1e-6)
        pairs = first[:, None] - second[None]
        assert found["effect"] == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))
        assert found["n_missing"] == 1
        assert found["wrong"]["median"] == np.median(first)


def test_two_by_two_tables_equal_fishers_test():
    first, second = ["yes"] * 8 + ["no"] * 2, ["yes"] * 5 + ["no"] * 15
    found = categories(first, second)
    fisher = cast(Any, stats.fisher_exact([[8, 2], [5, 15]])).pvalue
    assert found["p_value"] == pytest.approx(fisher, abs=1e-6)
    assert found["wrong"] == {"no": 2, "yes": 8}
    v = stats.contingency.association(np.array([[2, 8], [15, 5]]), method="cramer")
    assert found["effect"] == pytest.approx(v, abs=1e-6)


def test_larger_tables_are_near_chi_square_where_counts_are_large():
    first, second = ["a"] * 60 + ["b"] * 40 + ["c"] * 50, ["a"] * 80 + ["b"] * 80 + ["c"] * 60
    counts = [[60, 40, 50], [80, 80, 60]]
    expected = cast(Any, stats.chi2_contingency(counts, correction=False)).pvalue
    assert categories(first, second)["p_value"] == pytest.approx(expected, abs=0.02)


def test_nothing_is_tested_where_nothing_differs():
    assert np.isnan(categories(["a"] * 5, ["a"] * 7)["p_value"])
    assert np.isnan(categories([], ["a", "b"])["p_value"])
    assert np.isnan(compare_numbers(np.ones(5), np.ones(7))["p_value"])
    empty = compare_numbers(np.full(5, np.nan), np.arange(7.0))
    assert np.isnan([empty["p_value"], empty["effect"]]).all()
    assert empty["n_missing"] == 5
