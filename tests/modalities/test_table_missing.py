"""Columns that most patients lack, strata, modes, and the table before imputation."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
import pytest
from made_tables import Cells, arrays, fit, make_cohort, read

from tumorboard.errors import InputError, StudyError
from tumorboard.modalities.table import Table
from tumorboard.records import FittedState


def test_columns_that_most_training_patients_lack_are_dropped() -> None:
    cohort = make_cohort(
        ["A", "B", "C", "D", "E", "F"],
        rare=["1", None, None, None, None, "9"], never=[None] * 5 + ["1"],
        often=["1", "2", "3", "4", None, "5"], kind=[None, None, None, None, "x", None],
    )  # fmt: skip
    modality = Table(
        numeric=("rare", "never", "often"), categorical=("kind",), drop_missing_above=0.79
    )
    names = fit(modality, cohort, [0, 1, 2, 3, 4]).names
    assert names == ("often", "often missing")
    assert modality.origins == ("often", "often")
    assert modality.notes(read(modality, cohort), np.array([5])) == (
        "3 columns were dropped, missing in more than 79 % of training patients: rare (80 %), "
        "never (100 %), kind (80 %).",
    )
    again = Table(
        numeric=("rare", "never", "often"), categorical=("kind",), drop_missing_above=0.79
    )
    again.restore(FittedState(values=json.loads(json.dumps(modality.state().values))))
    assert arrays(again, cohort) == arrays(modality, cohort)
    with pytest.raises(InputError, match="columns often, expected rare, often"):
        Table(numeric=("rare", "often")).restore(FittedState({"numeric": [{"column": "often"}]}))
    # at the limit itself a column stays
    kept = Table(numeric=("rare", "often"), drop_missing_above=0.8)
    assert fit(kept, cohort, [0, 1, 2, 3, 4]).names[0] == "rare"


def test_a_patient_of_many_rows_counts_once_for_dropping() -> None:
    cohort = make_cohort(["A"] * 8 + ["B"], x=[None] * 8 + ["1"], y=["1"] * 9)
    modality = Table(numeric=("x", "y"), drop_missing_above=0.6)
    weight = np.asarray([1 / 8] * 8 + [1.0])
    spec = modality.fit(read(modality, cohort), np.arange(9), weight=weight)
    assert spec.names == ("x", "x missing", "y")


def test_dropping_every_column_is_an_error() -> None:
    cohort = make_cohort(x=["1", None, None], c=[None, "a", None])
    modality = Table(numeric=("x",), categorical=("c",), drop_missing_above=0.4)
    with pytest.raises(InputError, match=r"record: every column .* more than 40 % .*Raise drop"):
        fit(modality, cohort)


def test_a_missing_number_takes_the_median_of_its_stratum() -> None:
    cohort = make_cohort(
        x=["1", "3", "100", "300", None, None, None], sex=["f", "f", "m", "m", "f", "m", "d"]
    )
    modality = Table(
        numeric=("x",), categorical=("sex",), imputation="median", scaling="none",
        strata=("sex",), indicators=False,
    )  # fmt: skip
    fit(modality, cohort)
    # "d" has no value in training: the median of 1, 3, 100 and 300
    assert [row[0] for row in arrays(modality, cohort)[4:]] == [2.0, 200.0, 51.5]
    measured = read(modality, cohort)
    assert modality.notes(measured, np.arange(7)) == (
        "1 patient lacks x in a stratum without a training value of it: filled with that of all "
        "training patients.",
    )
    restored = Table(
        numeric=("x",), categorical=("sex",), imputation="median", scaling="none",
        strata=("sex",), indicators=False,
    )  # fmt: skip
    restored.restore(FittedState(values=json.loads(json.dumps(modality.state().values))))
    assert arrays(restored, cohort) == arrays(modality, cohort)


def test_strata_are_learned_from_training_rows_alone() -> None:
    modality = Table(numeric=("x", "age"), strata=("age",), scaling="none", indicators=False)
    cells: Cells = ["1", "2", None, "50"]
    cohort = make_cohort(x=[*cells, "1000"], age=["20", "30", "20", "80", "20"])
    fit(modality, cohort, [0, 1, 2, 3])
    before = json.dumps(modality.state().values)
    fit(modality, make_cohort(x=[*cells, "7"], age=["20", "30", "20", "80", "99"]), [0, 1, 2, 3])
    assert json.dumps(modality.state().values) == before


def test_missing_categories_become_the_mode_where_asked() -> None:
    cohort = make_cohort(
        ["A", "A", "A", "B", "C", "D"], kind=["x", "x", "x", "y", "y", None], n=["1"] * 6
    )
    weight = np.asarray([1 / 3, 1 / 3, 1 / 3, 1, 1, 1])
    expected: dict[Literal["mode", "none"], list[float]] = {
        "mode": [0, 1, 0, 1], "none": [0, 0, 0, 1],
    }  # fmt: skip
    for categories in expected:
        modality = Table(numeric=("n",), categorical=("kind",), categories=categories)
        modality.fit(read(modality, cohort), np.arange(6), weight=weight)
        assert arrays(modality, cohort)[5][1:] == expected[categories]  # patients weigh 1: y


def test_indicators_of_the_listed_columns_alone() -> None:
    cohort = make_cohort(x=["1", None, "2"], y=["1", "2", None], c=[None, "a", "a"])
    modality = Table(numeric=("x", "y"), categorical=("c",), indicators=("y",))
    assert fit(modality, cohort).names == ("x", "y", "y missing", "c=a", "c=unknown category")


def test_before_imputation_missing_is_nan_and_names_stay() -> None:
    cohort = make_cohort(x=["1", "3", None], c=["a", None, "b"])
    modality = Table(numeric=("x",), categorical=("c",), categories="mode")
    names = fit(modality, cohort).names
    rows = np.arange(3)
    filled = modality.arrays(read(modality, cohort), rows)
    raw = modality.unimputed(read(modality, cohort), rows)
    is_missing = np.zeros_like(raw, dtype=bool)
    is_missing[2, names.index("x")] = True
    is_missing[1, [i for i, name in enumerate(names) if name.startswith("c=")]] = True
    np.testing.assert_array_equal(np.isnan(raw), is_missing)
    np.testing.assert_array_equal(raw[~is_missing], filled[~is_missing])


def test_patterns_may_stand_in_the_study() -> None:
    modality = Table(
        numeric=("age", "lab_*"), categorical=("sex",), separator={"sex": "&"},
        strata=("sex", "lab_1"), indicators=("lab_*_mean",),
    )  # fmt: skip
    assert modality.columns == ("age", "lab_*", "sex")
    with pytest.raises(StudyError) as caught:
        Table(numeric=("age", "lab_*"), strata=("sexx",), indicators=("agee",))
    assert [problem.split(". ")[0] for problem in caught.value.problems] == [
        "strata: 'sexx' is not a column of this modality",
        "indicators: 'agee' is not a column of this modality",
    ]


def test_states_of_earlier_settings_are_laid_out_as_before() -> None:
    modality = Table(numeric=("x",), categorical=("c",))
    fit(modality, make_cohort(x=["1", "3", None], c=["a", None, "b"]))
    assert modality.state().values == {
        "numeric": [{
            "column": "x", "center": 2.0, "scale": 1.0, "fill": 2.0, "low": 1.0, "high": 3.0,
            "complete": False, "indicator": True,
        }],
        "categorical": [
            {"column": "c", "categories": ["a", "b"], "complete": False, "indicator": True}
        ],
    }  # fmt: skip
