"""The table modality against hand counts and SciPy."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_tables import Cells, arrays, fit, make_cohort, read
from scipy.stats import skew

from tumorboard.errors import InputError, StudyError
from tumorboard.modalities.table import Table
from tumorboard.records import FittedState


def test_zscore_by_hand() -> None:
    # 40, 50, 60: mean 50, population standard deviation sqrt(200 / 3)
    cohort = make_cohort(Age=["40", "50", "60"])
    modality = Table(numeric=("Age",))
    assert fit(modality, cohort).names == ("Age",)
    step = 10 / np.sqrt(200 / 3)
    np.testing.assert_allclose(arrays(modality, cohort), [[-step], [0], [step]], rtol=1e-6)


def test_robust_by_hand() -> None:
    # 1..8: median 4.5, quartiles 2.5 and 6.5
    cohort = make_cohort(x=[str(k) for k in range(1, 9)])
    modality = Table(numeric=("x",), scaling="robust")
    fit(modality, cohort)
    expected = [[(k - 4.5) / 4] for k in range(1, 9)]
    np.testing.assert_allclose(arrays(modality, cohort), expected, rtol=1e-6)


def test_constant_columns_become_zero() -> None:
    cohort = make_cohort(x=["3.3"] * 3)
    for scaling in ("zscore", "robust"):
        modality = Table(numeric=("x",), scaling=scaling)
        fit(modality, cohort)
        np.testing.assert_allclose(arrays(modality, cohort), np.zeros((3, 1)), atol=1e-6)


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=25))
def test_the_fill_value_follows_the_skewness(values: list[int]) -> None:
    cells: Cells = [str(value) for value in values]
    modality = Table(numeric=("x",), scaling="none", indicators=False)
    fit(modality, make_cohort(x=[*cells, None], y=["1"] * (len(cells) + 1)), None)
    skewness = skew(values) if len(set(values)) > 1 else 0.0
    expected = np.mean(values) if abs(skewness) <= 1 else np.median(values)
    assert modality.state().values["numeric"][0]["fill"] == pytest.approx(expected)


def test_mean_and_median_on_request() -> None:
    cohort = make_cohort(x=["0", "0", "0", "4", None], y=["1"] * 5)
    fills: dict[Literal["mean", "median", "skew"], float] = {
        "mean": 1.0,
        "median": 0.0,
        "skew": 0.0,
    }
    for imputation, fill in fills.items():
        modality = Table(numeric=("x",), imputation=imputation, scaling="none")
        fit(modality, cohort)
        assert modality.state().values["numeric"][0]["fill"] == fill


def test_every_patient_weighs_one() -> None:
    cohort = make_cohort(["A", "A", "A", "B"], x=["0", "0", "0", "10"])
    modality = Table(numeric=("x",))
    weight = np.array([1 / 3, 1 / 3, 1 / 3, 1.0])
    modality.fit(read(modality, cohort), np.arange(4), weight=weight)
    entry = modality.state().values["numeric"][0]
    assert entry["center"] == pytest.approx(5.0)
    assert entry["scale"] == pytest.approx(5.0)


def test_one_hot_with_missing_and_unknown() -> None:
    train = make_cohort(Sex=["male", "female", None, " male "], x=["1", "2", "3", "4"])
    modality = Table(numeric=("x",), categorical=("Sex",), scaling="none")
    spec = fit(modality, train)
    assert spec.names == ("x", "Sex=female", "Sex=male", "Sex=unknown category", "Sex missing")
    assert arrays(modality, train) == [
        [1, 0, 1, 0, 0],
        [2, 1, 0, 0, 0],
        [3, 0, 0, 0, 1],
        [4, 0, 1, 0, 0],
    ]
    new = make_cohort(["A", "A", "B"], Sex=["divers", "divers", "male"], x=[None, "1", "1"])
    assert arrays(modality, new)[0] == [2.5, 0, 0, 1, 0]
    measured = read(modality, new)
    assert modality.notes(measured, np.arange(3)) == (
        "1 patient lacks x, which was never missing in training.",
        "1 patient has an unseen category of Sex ('divers'), treated as unknown category.",
    )
    assert modality.notes(measured, np.array([2])) == ()


def test_several_categories_in_one_cell() -> None:
    cohort = make_cohort(Signs=["palpable & redness", "palpable", "&", None], x=["1"] * 4)
    modality = Table(numeric=("x",), categorical=("Signs",), separator={"Signs": "&"})
    spec = fit(modality, cohort)
    assert spec.names[1:] == (
        "Signs=palpable", "Signs=redness", "Signs=unknown category", "Signs missing",
    )  # fmt: skip
    assert [row[1:] for row in arrays(modality, cohort)] == [
        [1, 1, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 1],
    ]
    new = make_cohort(Signs=["redness&ulcer&scar"], x=["1"])
    assert arrays(modality, new)[0][1:] == [0, 1, 1, 0]


def test_every_feature_knows_its_column() -> None:
    cohort = make_cohort(age=["1", "2", None], tissue=["a", "b", None], size=["1", "2", "4"])
    table = Table(numeric=("age", "size"), categorical=("tissue",))
    names = fit(table, cohort, [0, 1, 2]).names
    assert dict(zip(names, table.origins, strict=True)) == {
        "age": "age", "age missing": "age", "size": "size", "tissue=a": "tissue",
        "tissue=b": "tissue", "tissue=unknown category": "tissue", "tissue missing": "tissue",
    }  # fmt: skip


def test_indicators_only_where_training_rows_lacked_a_value() -> None:
    cohort = make_cohort(x=["1", "2", None], y=["1", "2", "3"], c=["a", "b", "a"])
    modality = Table(numeric=("x", "y"), categorical=("c",))
    names = ("x", "x missing", "y", "c=a", "c=b", "c=unknown category")
    assert fit(modality, cohort).names == names
    assert fit(modality, cohort, [0, 1]).names == tuple(n for n in names if n != "x missing")
    without = Table(numeric=("x", "y"), categorical=("c",), indicators=False)
    assert "x missing" not in fit(without, cohort).names


def test_presence_is_any_value() -> None:
    cohort = make_cohort(x=["1", None, None, None], c=[None, "a", None, " "])
    modality = Table(numeric=("x",), categorical=("c",))
    assert read(modality, cohort).present.tolist() == [True, True, False, False]


def test_rows_without_any_value_do_not_make_indicators() -> None:
    cohort = make_cohort(x=["1", "2", None])
    assert fit(Table(numeric=("x",)), cohort).names == ("x",)


def test_zero_is_not_missing_and_missing_is_not_zero() -> None:
    cohort = make_cohort(x=["0", "10", None], y=["1", "1", "1"])
    modality = Table(numeric=("x", "y"), scaling="none")
    fit(modality, cohort)
    assert [row[:2] for row in arrays(modality, cohort)] == [[0, 0], [10, 0], [5, 1]]


def test_columns_that_cannot_be() -> None:
    cohort = make_cohort(Age=["1"], Sex=["m"])
    with pytest.raises(InputError, match=r"patients.csv: record needs column 'Agee', .*'Age'\?"):
        read(Table(numeric=("Agee",)), cohort)
    with pytest.raises(InputError, match=r"column Sex: .*row 2 patient P0: 'm'"):
        read(Table(numeric=("Sex",)), cohort)
    with pytest.raises(StudyError, match="at least one column"):
        Table()
    with pytest.raises(StudyError, match="Age: named twice"):
        Table(numeric=("Age",), categorical=("Age",))
    with pytest.raises(StudyError, match=r"separator\.Sgins: not one of .*'Signs'\?"):
        Table(categorical=("Signs",), separator={"Sgins": "&"})
    with pytest.raises(StudyError, match=r"separator\.Signs: found an empty text"):
        Table(categorical=("Signs",), separator={"Signs": ""})


def test_a_column_without_training_values_is_named() -> None:
    cohort = make_cohort(x=[None, None, "3"], c=[None, None, "a"], y=["1", "2", "3"])
    for modality, column in (
        (Table(numeric=("x", "y")), "x"),
        (Table(numeric=("y",), categorical=("c",)), "c"),
    ):
        with pytest.raises(
            InputError, match=rf"record, column {column}: no value in any of the 2 training rows"
        ):
            fit(modality, cohort, [0, 1])


def test_every_column_without_training_values_is_named_with_the_key_that_drops_it() -> None:
    cells: list[str | None] = [None, None, "3"]
    empty = {f"x{i}": cells for i in range(12)}
    cohort = make_cohort(patients=["a", "b", "d"], **empty, c=[None, None, "a"], y=["1", "2", "3"])
    names = (*empty, "y")
    with pytest.raises(InputError, match=r"13 columns: x0, x1.*and 3 more.*drop_missing_above"):
        fit(Table(numeric=names, categorical=("c",)), cohort, [0, 1])
    kept = Table(numeric=names, categorical=("c",), drop_missing_above=0.9)
    assert fit(kept, cohort, [0, 1]).names == ("y",)


def test_no_training_row_at_all_is_named() -> None:
    with pytest.raises(InputError, match="no value in any of the 0 training rows"):
        fit(Table(numeric=("x",)), make_cohort(x=[None, "1"]), [0])


def test_two_outputs_of_one_name_are_refused() -> None:
    cohort = make_cohort(c=["unknown category", "a"])
    with pytest.raises(InputError, match="would be called c=unknown category"):
        fit(Table(categorical=("c",)), cohort)


def test_a_state_of_other_columns_is_refused() -> None:
    modality = Table(numeric=("x",))
    fit(modality, make_cohort(x=["1", "2"]))
    with pytest.raises(InputError, match="Fitted state of a table: columns x, expected y"):
        Table(numeric=("y",)).restore(modality.state())
    with pytest.raises(InputError, match="columns none, expected y"):
        Table(numeric=("y",)).restore(FittedState())


def test_numbers_far_outside_the_training_range_are_said() -> None:
    modality = Table(numeric=("Age",))
    fit(modality, make_cohort(Age=["22", "87", "50"]))
    # the range is 65 wide: from -10.5 to 119.5 nothing is remarkable
    ages: Cells = ["5000", "5000", "-11", "119.5", "-10"]
    new = make_cohort(["A", "A", "B", "C", "D"], Age=ages)
    measured = read(modality, new)
    assert modality.notes(measured, np.arange(5)) == (
        "2 patients have Age outside what training saw (22 to 87): 5000, -11.",
    )
    again = Table(numeric=("Age",))
    again.restore(modality.state())
    assert again.notes(measured, np.array([2])) == (
        "1 patient has Age outside what training saw (22 to 87): -11.",
    )
    assert again.notes(measured, np.array([3, 4])) == ()


def test_values_missing_for_the_first_time_are_said() -> None:
    modality = Table(numeric=("Age", "Size"), categorical=("Sex",), indicators=False)
    fit(modality, make_cohort(Age=["30", "40"], Size=["1", None], Sex=["m", "f"]))
    new = make_cohort(
        Age=["30", None, None, None], Size=[None, "1", "1", None], Sex=[None, "m", "f", None]
    )
    assert modality.notes(read(modality, new), np.arange(4)) == (
        "2 patients lack Age, which was never missing in training.",
        "1 patient lacks Sex, which was never missing in training.",
    )  # the last patient has nothing at all: the modality is absent, not a value of it


def test_an_identifier_is_no_category() -> None:
    cells: Cells = [f"H{k}" for k in range(201)]
    modality = Table(categorical=("Case",))
    message = (
        r"record, column Case: 201 categories in the training rows, expected at most 200\..*"
        r"remove the column from `categorical`"
    )
    with pytest.raises(InputError, match=message):
        fit(modality, make_cohort(Case=cells))
    assert len(fit(modality, make_cohort(Case=cells[:200])).names) == 201
