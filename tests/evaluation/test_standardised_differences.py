from typing import Any

import numpy as np
import pytest

from tumorboard.evaluation.standardised_differences import (
    cohort_differences,
    difference_of_counts,
    standardised_difference,
)


def test_numbers_by_hand() -> None:
    """Means 2 and 4, variances 1 and 1: two standard deviations apart."""
    a, b = np.asarray([1.0, 2.0, 3.0, np.nan]), np.asarray([3.0, 4.0, 5.0])
    assert standardised_difference(a, b) == pytest.approx(-2.0)
    assert np.isnan(standardised_difference(a[:1], b))


def test_two_levels_are_austins_difference_of_shares() -> None:
    """0.5 against 0.2: 0.3 / sqrt((0.25 + 0.16) / 2)."""
    assert difference_of_counts([5, 5], [8, 2]) == pytest.approx(0.3 / np.sqrt(0.205))


def test_three_levels_by_hand() -> None:
    """Shares (1/3, 1/3, 1/3) and (1/2, 1/4, 1/4), levels 2 and 3.

    Both differ by 1/12. Covariance: diagonal (2/9 + 3/16) / 2 = 59/288, else -(1/9 + 1/16) / 2 =
    -25/288. Along (1, 1) its eigenvalue is 34/288, so the square is 2 (1/12)^2 288/34 = 2/17.
    """
    assert difference_of_counts([4, 4, 4], [6, 3, 3]) == pytest.approx(np.sqrt(2 / 17))
    assert difference_of_counts([3, 4, 4, 1][::-1], [3, 6, 3, 2]) == pytest.approx(
        difference_of_counts([4, 1, 4, 3], [6, 3, 3, 2])
    )


def test_groups_that_share_no_level_or_do_not_differ() -> None:
    assert np.isnan(difference_of_counts([5, 0], [0, 5]))
    assert difference_of_counts([2, 4], [1, 2]) == 0.0
    assert np.isnan(difference_of_counts([0, 0], [1, 2]))


def _cohort(rng: np.random.Generator, n: int, shift: float) -> dict[str, list[str | None]]:
    age = [None if rng.random() < 0.1 else f"{x:.1f}" for x in rng.normal(50 + shift, 10, n)]
    return {"age": age, "sex": rng.choice(["f", "m"], n).tolist()}


def _document(shift: float, n: int = 200) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    cohorts = {"here": _cohort(rng, n, 0.0), "there": _cohort(rng, n, shift)}
    ids = {name: [f"{name}{i}" for i in range(n)] for name in cohorts}
    return cohort_differences(cohorts, ["age"], ["sex"], ids)


def test_a_shift_is_seen_and_its_absence_too() -> None:
    alike, apart = _document(0.0)["pairs"][0], _document(20.0)["pairs"][0]
    assert abs(alike["columns"][0]["difference"]) < 0.2
    assert apart["columns"][0]["difference"] == pytest.approx(-2.0, abs=0.25)
    assert apart["columns"][0]["ks_p"] < 1e-6 < alike["columns"][0]["ks_p"]
    assert alike["classifier"]["ci_low"] < 0.5 < alike["classifier"]["ci_high"]
    assert apart["classifier"]["ci_low"] > 0.8


def test_small_cohorts_are_refused() -> None:
    document = _document(5.0, n=9)
    assert document["cohorts"] == {"here": 9, "there": 9}
    assert document["pairs"] == [{"a": "here", "b": "there", "columns": [], "classifier": None}]


def test_a_patient_counts_once() -> None:
    columns: dict[str, list[str | None]] = {"age": [*map(str, range(20)), "999"], "sex": ["f"] * 21}
    ids = [*(f"p{i}" for i in range(20)), "p0"]
    document = cohort_differences(
        {"a": columns, "b": columns}, ["age"], ["sex"], {"a": ids, "b": ids}, classify=False
    )
    assert document["cohorts"] == {"a": 20, "b": 20}
    age, sex = document["pairs"][0]["columns"]
    assert age["difference"] == 0.0
    assert age["a"]["mean"] == 9.5
    assert sex["difference"] == 0.0
