import math

import numpy as np
import pytest

from tumorboard.errors import StudyError
from tumorboard.evaluation.patient_columns import (
    MISSING,
    SEVERAL,
    columns_by_patient,
    group_patients,
    numbers_of,
)


def test_values_of_a_patient_are_those_of_all_rows():
    found = columns_by_patient(
        {"sex": ["f", None, "m", "f", None]}, ["a", "a", "b", "b", "c"], ["sex"]
    )
    assert found == {"sex": {"a": "f", "b": SEVERAL, "c": ""}}
    with pytest.raises(StudyError, match=r"'site' is not a column of the cohort table. Known: sex"):
        columns_by_patient({"sex": ["f"]}, ["a"], ["site"])


def test_categories_stand_as_they_are_with_missing_and_several_last():
    values = {"a": "10", "b": "2", "c": "", "d": SEVERAL, "e": "2"}
    found = group_patients("grade", values)
    assert list(found.groups) == ["2", "10", MISSING, SEVERAL]
    assert found.groups["2"] == ("b", "e")
    assert found.n_differing == 1
    assert found.cuts == ()


def test_numbers_are_cut_at_their_tertiles_and_a_limit_belongs_below():
    values = {f"p{i}": str(i) for i in range(1, 31)} | {"x": ""}
    found = group_patients("age", values)
    low, high = np.quantile(np.arange(1, 31), [1 / 3, 2 / 3])
    assert found.cuts == pytest.approx((low, high), rel=1e-3)
    assert [len(members) for members in found.groups.values()] == [10, 10, 10, 1]
    assert "tertiles of these patients" in found.note
    declared = group_patients("age", values, cuts=(20,))
    assert {name: len(m) for name, m in declared.groups.items()} == {
        "up to 20": 20, "above 20": 10, MISSING: 1,
    }  # fmt: skip
    assert "20 (declared cut points)" in declared.note


def test_many_equal_numbers_give_fewer_groups_and_none_is_empty():
    values = {f"p{i}": str(min(i, 8)) for i in range(40)}
    assert all(group_patients("n", values).groups.values())
    assert sum(len(m) for m in group_patients("n", values).groups.values()) == 40


def test_what_is_not_a_number_is_no_column_of_numbers():
    assert numbers_of({"a": "1", "b": "two"}) is None
    assert numbers_of({"a": "nan"}) is None
    found = numbers_of({"a": "1.5", "b": "", "c": SEVERAL})
    assert found is not None
    assert found["a"] == 1.5
    assert math.isnan(found["b"])
    assert math.isnan(found["c"])
    with pytest.raises(StudyError, match=r"'site' has cut points"):
        group_patients("site", {"a": "north"}, cuts=(1.0,))
