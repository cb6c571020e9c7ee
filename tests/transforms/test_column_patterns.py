"""Patterns of column names against a written-out list."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorboard.errors import StudyError
from tumorboard.transforms.column_patterns import expand, expand_table, matches

COLUMNS = (
    "patient_id", "lab_50912_mean", "lab_50912_max", "age", "lab_51222_mean", "sex", "died",
)  # fmt: skip
HIDDEN = ("patient_id", "died")


def test_order_of_the_cohort_and_every_column_once() -> None:
    found = expand(["age", "lab_*_mean", "lab_50912_*"], COLUMNS, where="x")
    assert found == ("age", "lab_50912_mean", "lab_51222_mean", "lab_50912_max")


def test_id_and_outcome_are_never_matched_but_stay_where_they_are_named() -> None:
    assert expand(["*"], COLUMNS, exclude=HIDDEN, where="x") == COLUMNS[1:-1]
    assert expand(["*d*"], COLUMNS, where="x") == ("patient_id", "died")
    # naming the outcome itself is for the audit to judge, not for a pattern
    assert expand(["died", "nowhere"], COLUMNS, exclude=HIDDEN, where="x") == ("died", "nowhere")


def test_only_the_star_is_special() -> None:
    columns = ("a.b", "axb", "a[1]", "a*")
    assert expand(["a.*"], columns, where="x") == ("a.b",)
    assert expand(["a[*"], columns, where="x") == ("a[1]",)
    assert expand(["a*"], columns, where="x") == ("a*",)  # a column as it is written


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_matching_is_that_of_shells(pattern: str, column: str) -> None:
    assert matches(pattern, column) == fnmatch.fnmatchcase(column, pattern)


def test_all_patterns_without_a_column_are_named_at_once() -> None:
    settings = {"numeric": ["lba_*", "age"], "categorical": ["s*", "q*"], "strata": ["died*"]}
    with pytest.raises(StudyError) as caught:
        expand_table(settings, COLUMNS, exclude=HIDDEN, where="modalities.record")
    assert [problem.split(". ", 1)[0] for problem in caught.value.problems] == [
        "modalities.record.numeric: 'lba_*' matches no column of the cohort",
        "modalities.record.categorical: 'q*' matches no column of the cohort",
        "modalities.record.strata: 'died*' matches no column of the cohort",
    ]


def test_settings_of_a_table_are_written_out() -> None:
    settings = {
        "numeric": ["age", "lab_*"], "categorical": ["se*"], "strata": ["s*"],
        "indicators": ["lab_*_mean"], "scaling": "zscore",
    }  # fmt: skip
    assert expand_table(settings, COLUMNS, exclude=HIDDEN, where="m") == {
        "numeric": ["age", "lab_50912_mean", "lab_50912_max", "lab_51222_mean"],
        "categorical": ["sex"], "strata": ["sex"],
        "indicators": ["lab_50912_mean", "lab_51222_mean"], "scaling": "zscore",
    }  # fmt: skip
    plain = {"numeric": ["age"], "categorical": [], "strata": [], "indicators": True}
    assert expand_table(plain, COLUMNS, where="m") == plain


def test_a_column_is_a_number_or_a_category() -> None:
    settings = {"numeric": ["*age*"], "categorical": ["a*"]}
    message = r"column 'age' is meant in `numeric` \('\*age\*'\) and in `categorical` \('a\*'\)"
    with pytest.raises(StudyError, match=message):
        expand_table(settings, COLUMNS, where="modalities.record")
