import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.transforms.profiles import (
    ProfileScaling,
    aligned,
    bounded,
    refuse_small_overlap,
    scaling_notes,
)

NAN = np.nan
VALUES = np.array(
    [[1.0, 5.0, NAN, 10.0, 0.0], [2.0, 5.0, NAN, NAN, 0.0], [3.0, 5.0, 1.0, 30.0, 0.0],
     [6.0, 5.0, 2.0, 20.0, 1.0]]
)  # fmt: skip
NAMES = ("a", "flat", "sparse", "gap", "b")


def fit(top: int = 0) -> ProfileScaling:
    return ProfileScaling.fit(VALUES, NAMES, where="rna", most_missing=0.25, top=top)


def test_by_hand() -> None:
    scaling = fit()
    assert scaling.names == ("a", "gap", "b")
    np.testing.assert_allclose(scaling.fill, [2.5, 20, 0])
    np.testing.assert_allclose(scaling.mean, [3, 20, 0.25])  # the gap counts as the median
    np.testing.assert_allclose(scaling.deviation[0], np.sqrt(14 / 4))
    assert scaling.counts() == {"n_sparse": 1, "n_flat": 1, "n_filled": 1}
    assert scaling_notes(scaling, what="genes", most_missing=0.25) == [
        "genes left out: 1, missing in more than 25 % of the training patients",
        "genes left out: 1, constant in the training patients",
        "1 missing value of training patients at the training median of the gene",
    ]


def test_the_most_variable_columns_in_the_order_of_the_table() -> None:
    assert fit(top=2).names == ("a", "gap")
    assert fit(top=1).names == ("gap",)


def test_filled_training_values_have_mean_0_and_deviation_1() -> None:
    scaling = fit()
    filled = scaling.filled(aligned(VALUES, NAMES, scaling.names))
    np.testing.assert_allclose(filled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(filled.std(axis=0), 1)
    assert np.isnan(scaling.scaled(aligned(VALUES, NAMES, scaling.names))[1, 1])


def test_columns_are_found_by_name() -> None:
    found = aligned(np.array([[1.0, 2.0]]), ("x", "y"), ("y", "z", "x"))
    np.testing.assert_array_equal(found, [[2, NAN, 1]])


def test_a_table_without_enough_columns() -> None:
    def check(least: float) -> None:
        refuse_small_overlap(("a", "b"), ("a", "b", "c"), least=least, where="t", what="genes")

    check(0.6)
    with pytest.raises(InputError, match=r"has 67 % of the 3 genes.*at least 80 %.*Absent: c"):
        check(0.8)


def test_nothing_that_varies() -> None:
    with pytest.raises(InputError, match="rna: of 1 column none varies over the 2 training"):
        ProfileScaling.fit(np.ones((2, 1)), ("a",), where="rna", most_missing=0.2)


def test_no_value_counts_for_more_than_ten_deviations() -> None:
    found = bounded(np.asarray([437.0, -12.0, 3.0, np.nan]))
    np.testing.assert_array_equal(found, [10.0, -10.0, 3.0, np.nan])
