"""Fill values of strata against pandas-like hand counts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tumorboard.transforms.column_scaling import fill_value
from tumorboard.transforms.imputation import fills_of, fit_strata, strata_of, stratum_fills


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9)), min_size=1))
def test_each_stratum_has_the_median_of_its_own_values(cells: list[tuple[str, int | None]]) -> None:
    values = np.asarray([np.nan if v is None else float(v) for _, v in cells])
    rows = np.arange(len(cells))
    weight = np.ones(len(cells))
    columns = {"g": tuple((name,) for name, _ in cells)}
    strata = strata_of([{"column": "g"}], {}, columns, rows)
    fills = stratum_fills(values, weight, strata, mean=False)
    for name in "abc":
        own = [float(v) for group, v in cells if group == name and v is not None]
        assert fills.get(f'[["{name}"]]') == (np.median(own) if own else None)
    filled, is_whole = fills_of(strata, {"strata": fills, "fill": -1.0})
    assert ((filled == -1.0) == is_whole).all()


def test_numbers_are_cut_at_the_quartiles_and_missing_is_apart() -> None:
    numbers = {"age": np.asarray([1.0, 2, 3, 4, 5, 6, 7, 8, np.nan, 100])}
    train = np.arange(9)
    strata = fit_strata(["age"], numbers, {}, train, np.ones(9))
    assert strata == [{"column": "age", "cuts": [2.5, 4.5, 6.5]}]
    found = strata_of(strata, numbers, {}, np.arange(10))
    names = [found.names[k] for k in found.of_row]
    assert names == ["[0]"] * 2 + ["[1]"] * 2 + ["[2]"] * 2 + ["[3]"] * 2 + ["[null]", "[3]"]


def test_a_column_without_values_has_no_cut() -> None:
    numbers = {"age": np.full(3, np.nan)}
    strata = fit_strata(["age"], numbers, {}, np.arange(3), np.ones(3))
    assert strata[0]["cuts"] == []
    assert strata_of(strata, numbers, {}, np.arange(3)).names == ("[null]",)


def test_patients_weigh_one_in_a_fill_value() -> None:
    values, weight = np.asarray([0.0, 0, 0, 10]), np.asarray([1 / 3, 1 / 3, 1 / 3, 1])
    assert fill_value(values, weight, mean=True) == 5.0
    assert fill_value(values, weight, mean=False) == 5.0  # half of the weight on either side
