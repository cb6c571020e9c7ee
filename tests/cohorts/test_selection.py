"""Selections keep count of rows and patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorboard.cohorts.selection import exclude_rows, keep_rows, require_modalities
from tumorboard.errors import InputError, StudyError
from tumorboard.records import Cohort, FlowStep, Rejection


@pytest.fixture
def cohort() -> Cohort:
    return Cohort(
        name="test",
        patient_id=("a", "a", "b", "c"),
        unit_id=("a", "a", "b", "c"),
        columns={"label": ("x", "y", "normal", None), "site": ("1", "1", "2", "2")},
        files={"image": ((Path("1"),), (), (Path("2"),), ())},
        line=(2, 3, 4, 5),
        table=Path("t.csv"),
        root=Path(),
    )


def test_excluded_rows_and_patients_are_counted(cohort: Cohort) -> None:
    left = exclude_rows(cohort, {"label": ["normal", "y"]})
    assert left.patient_id == ("a", "c")
    assert left.line == (2, 5)
    assert left.files == {"image": ((Path("1"),), ())}
    assert left.flow == (
        FlowStep("label is normal", 1, 1, ("b",)),
        FlowStep("label is y", 0, 1, ()),  # patient a keeps its other row
    )
    assert exclude_rows(cohort, {}) is cohort


def test_unknown_columns_and_values_are_reported_together(cohort: Cohort) -> None:
    with pytest.raises(StudyError) as caught:
        exclude_rows(cohort, {"lable": ["x"], "label": ["norml", "x"]})
    assert caught.value.problems == (
        "cohort.exclude: no column 'lable'. Did you mean 'label'?",
        "cohort.exclude.label: no row has the value 'norml'. Did you mean 'normal'?",
    )


def test_nobody_left_is_an_error(cohort: Cohort) -> None:
    with pytest.raises(
        StudyError, match=r"cohort\.exclude: no patient is left \(site is 1: 1, site is 2: 2\)"
    ):
        exclude_rows(cohort, {"site": ["1", "2"]})


def test_a_required_modality_is_a_matter_of_the_patient(cohort: Cohort) -> None:
    present = {
        "image": np.array([True, False, True, False]),
        "record": np.array([True, True, False, True]),
    }
    left = require_modalities(cohort, present, ["image", "record"])
    assert left.patient_id == ("a", "a")
    assert left.flow == (
        FlowStep("without image", 1, 1, ("c",)),
        FlowStep("without record", 1, 1, ("b",)),
    )
    with pytest.raises(StudyError, match=r"no modality 'imgae'\. Did you mean 'image'"):
        require_modalities(cohort, present, ["imgae"])


def test_keep_rows_says_nothing_where_nobody_leaves(cohort: Cohort) -> None:
    assert keep_rows(cohort, np.ones(4, dtype=np.bool_), "nothing") is cohort
    left = keep_rows(cohort, np.array([False, True, True, True]), "first row")
    assert left.flow == (FlowStep("first row", 0, 1, ()),)


def test_nobodys_files_can_be_used_and_the_first_says_why(cohort: Cohort) -> None:
    present = {"image": np.zeros(cohort.n_rows, dtype=np.bool_)}
    lost = {"image": (Rejection(cohort.patient_id[0], None, "1.png: no picture."),)}
    with pytest.raises(InputError, match=r"modalities\.image: .* patient .*: 1\.png: no picture"):
        require_modalities(cohort, present, ["image"], rejections=lost)
