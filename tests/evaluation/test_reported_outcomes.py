"""Agreement of reports with measurements, by hand and with scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from tumorboard.evaluation.reported_outcomes import MEASURED, REPORTED, agreement


def test_by_hand() -> None:
    found = agreement(
        ["a", "a", "b", "b", "c"],
        ["", "better", "worse", "", "stable"],
        ["", "shrinking", "within error", "growing", "within error"],
    )
    assert found.counts.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert (found.n_patients, found.n_silent) == (3, 1)
    assert found.share == pytest.approx(2 / 3)


def test_kappa_is_that_of_another_library() -> None:
    rng = np.random.default_rng(2)
    said = rng.integers(0, 3, 60)
    measured = np.where(rng.random(60) < 0.6, said, rng.integers(0, 3, 60))
    found = agreement(
        [f"p{k}" for k in range(60)], [REPORTED[k] for k in said], [MEASURED[k] for k in measured]
    )
    expected = cohen_kappa_score(said, measured, weights="linear")
    assert found.kappa == pytest.approx(expected, abs=1e-9)


def test_nothing_to_compare() -> None:
    found = agreement(["a"], [""], ["growing"])
    assert math.isnan(found.share)
    assert math.isnan(found.kappa)
    assert math.isnan(agreement(["a"], ["stable"], ["within error"]).kappa)  # one cell alone
