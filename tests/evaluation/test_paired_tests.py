from typing import Any, cast

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from tumorboard.evaluation.paired_tests import mcnemar, right_calls, signed_rank
from tumorboard.evaluation.statistic import ScoredUnits
from tumorboard.evaluation.tables import concatenate


def p_of(result: Any) -> float:
    """The p-value of another library's result."""
    return float(result.pvalue)


def calls(both, arm_only, reference_only, neither):
    """Right calls of an arm and its reference with these counts."""
    arm = [True] * (both + arm_only) + [False] * (reference_only + neither)
    reference = [True] * both + [False] * arm_only + [True] * reference_only + [False] * neither
    return np.array(arm, dtype=bool), np.array(reference, dtype=bool)


@pytest.mark.parametrize(("b", "c"), [(9, 2), (2, 9), (1, 0), (0, 6), (15, 30), (1500, 1400)])
def test_mcnemar_equals_statsmodels(b, c):
    found = mcnemar(*calls(40, b, c, 7))
    table = [[40, b], [c, 7]]
    assert (found.n_arm_only, found.n_reference_only, found.n_patients) == (b, c, 47 + b + c)
    exact = p_of(reference_mcnemar(table, exact=True))
    assert found.exact == pytest.approx(min(1.0, exact), abs=1e-6)
    chi_square = p_of(reference_mcnemar(table, exact=False, correction=True))
    assert found.chi_square == pytest.approx(chi_square, abs=1e-6)
    seen = stats.binom.pmf(min(b, c), b + c, 0.5)
    assert found.mid_p == pytest.approx(exact - seen, abs=1e-6)


def test_mcnemar_without_disagreement_and_without_patients():
    same = mcnemar(*calls(5, 0, 0, 3))
    assert (same.exact, same.mid_p, same.chi_square) == (1.0, 1.0, 1.0)
    balanced = mcnemar(*calls(5, 3, 3, 3))
    assert (balanced.exact, balanced.chi_square) == (1.0, 1.0)
    assert balanced.mid_p == pytest.approx(1 - stats.binom.pmf(3, 6, 0.5) / 2)
    nobody = mcnemar(*calls(0, 0, 0, 0))
    assert np.isnan([nobody.exact, nobody.mid_p, nobody.chi_square]).all()


def test_signed_rank_equals_scipy_without_ties():
    rng = np.random.default_rng(0)
    for n in (3, 5, 10, 25):
        differences = rng.normal(0.3, 1.0, size=n)
        expected = p_of(stats.wilcoxon(differences, method="exact"))
        assert signed_rank(differences) == pytest.approx(expected, abs=1e-6)


def test_signed_rank_counts_every_pattern_of_signs_with_ties_and_zeros():
    differences = np.array([0.1, 0.1, -0.1, 0.2, 0.2, 0.4, 0.0, np.nan])
    every = cast(Any, stats.PermutationMethod(n_resamples=10_000))  # all of 2 ** 6 patterns
    expected = p_of(stats.wilcoxon(differences[:6], method=every))
    assert signed_rank(differences) == pytest.approx(expected, abs=1e-6)
    assert signed_rank(np.array([0.1] * 5)) == pytest.approx(2 / 2**5)
    assert np.isnan(signed_rank(np.zeros(5)))
    assert np.isnan(signed_rank(np.empty(0)))


def test_patients_are_called_by_the_majority_of_their_calls(make_table):
    tables = [
        make_table([1, 1, 1], p, arm="a", repeat=repeat)
        for repeat, p in enumerate([[0.9, 0.9, 0.1], [0.9, 0.1, 0.1]], start=1)
    ]
    units = ScoredUnits.of(concatenate(tables), {})
    assert right_calls(units).tolist() == [True, True, False]  # half against half is not wrong
