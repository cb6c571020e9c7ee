"""Repeatability coefficients of simulated pairs."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.repeatability import repeatability


def test_the_coefficient_holds_95_percent_of_pairs_without_change() -> None:
    rng = np.random.default_rng(1)
    true = np.exp(rng.normal(2, 1, 20_000))
    pairs = true * np.exp(rng.normal(0, 0.1, (2, 20_000)))
    found = repeatability(pairs[0], pairs[1])
    assert found.within_share == pytest.approx(np.exp(0.1) - 1, rel=0.02)
    larger = np.maximum(pairs[0] / pairs[1], pairs[1] / pairs[0]) - 1
    assert np.mean(larger <= found.coefficient) == pytest.approx(0.95, abs=0.005)


def test_by_hand() -> None:
    # every pair differs by 10 %: sd within = ln(1.1) / sqrt(2)
    found = repeatability(np.asarray([1.0, 2.0, 4.0]), np.asarray([1.1, 2.2, 4.4]))
    assert found.coefficient == pytest.approx(1.1**1.96 - 1)
    assert found.n_pairs == 3


@pytest.mark.parametrize("second", [[1.0, 2.0], [1.0, 0.0, 2.0]])
def test_what_cannot_be_used(second: list[float]) -> None:
    with pytest.raises(InputError, match="three or more, all above 0"):
        repeatability(np.asarray(second), np.asarray(second))
