from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import skew

from tumorboard.transforms.weighted import weighted_quantile, weighted_skewness

VALUES = st.lists(st.integers(-50, 50), min_size=2, max_size=30)


@given(VALUES, st.sampled_from([0.1, 0.25, 0.5, 0.75]))
def test_equal_weights_give_numpys_quantile(values: list[int], q: float) -> None:
    array = np.asarray(values, dtype=np.float64)
    for weight in (1.0, 1 / 3):
        ours = weighted_quantile(array, np.full(len(array), weight), q)
        assert ours == np.quantile(array, q, method="averaged_inverted_cdf")
    assert weighted_quantile(array, np.ones(len(array)), 0.5) == np.median(array)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 4)), min_size=1, max_size=12))
def test_whole_weights_mean_repeated_values(pairs: list[tuple[int, int]]) -> None:
    values, weight = np.asarray(pairs, dtype=np.float64).T
    repeated = np.repeat(values, weight.astype(int))
    assert weighted_quantile(values, weight, 0.5) == np.median(repeated)
    if len(set(repeated)) > 1:
        assert weighted_skewness(values, weight) == pytest.approx(skew(repeated), abs=1e-9)


def test_skewness_by_hand() -> None:
    # values 0, 0, 0, 4: mean 1, m2 = (1+1+1+9)/4 = 3, m3 = (-1-1-1+27)/4 = 6, 6 / 3^1.5
    assert weighted_skewness(np.array([0.0, 0, 0, 4]), np.ones(4)) == pytest.approx(6 / 3**1.5)
    assert weighted_skewness(np.array([7.0, 7]), np.ones(2)) == 0.0
