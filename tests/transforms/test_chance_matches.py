import numpy as np
import pytest

from tumorboard.transforms.chance_matches import CHANCE_PAIRS, chance_of, shared_rows


def test_chance_of_a_row_of_independent_columns_is_their_product() -> None:
    """1,000 patients, two columns of 4 and 5 equally common values: q = 1/20."""
    columns = [np.arange(1000) % 4, np.arange(1000) % 5]
    (q,) = chance_of(columns, np.arange(1000), [0])
    assert q == pytest.approx(1 / 20, rel=0.05)


def test_columns_that_repeat_each_other_count_once() -> None:
    """Ten copies of one column tell no more than one: q stays near 1/4, not 4^-10."""
    rng = np.random.default_rng(0)
    column = rng.integers(0, 4, 1000)
    (q,) = chance_of([column] * 10, np.arange(1000), [0])
    assert 0.2 < q < 0.3


def test_values_that_nobody_else_has_follow_chao() -> None:
    """n distinct values: no coincidence among N pairs, so at most 1/N per pair, as 2/(n (n-1))."""
    n = 100
    (q,) = chance_of([np.arange(n)] * 1, np.arange(n), [0])
    assert q == pytest.approx(2 / (n * (n - 1)), rel=0.2)


@pytest.mark.parametrize("n", [50, 200])
def test_rows_expected_by_chance_are_found_as_often_as_said(n: int) -> None:
    """Independent columns, no copies: over 200 tables fewer than one false alarm is expected."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        columns = [rng.integers(0, k, n) for k in (2, 3, 5, 8, 13, 21, 2, 2)]
        alarms += bool(shared_rows(columns, np.arange(n), below=CHANCE_PAIRS))
    assert alarms <= 1


def test_a_row_that_many_have_is_common() -> None:
    """Most patients are healthy and all alike, the others have thirty random signs."""
    rng = np.random.default_rng(2)
    healthy = (np.arange(200) < 60)[:, None]
    signs = np.where(healthy, 0, rng.integers(0, 2, (200, 30)))
    assert shared_rows(list(signs.T), np.arange(200), below=CHANCE_PAIRS) == []


def test_known_values_must_be_three() -> None:
    columns = [np.r_[0, 0, np.arange(1, 499)], np.r_[0, 0, np.arange(1, 499)]]
    columns += [np.full(500, -1)] * 3
    assert shared_rows(columns, np.arange(500), below=CHANCE_PAIRS) == []
    assert shared_rows([], np.arange(3), below=CHANCE_PAIRS) == []
