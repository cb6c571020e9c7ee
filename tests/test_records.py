"""The plain types: rows of a cohort, and the parts of a split."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from tumorboard.records import Cohort, FileRecord, FlowStep, Outcomes, Split

SCAN = Path("a.png")


@pytest.fixture
def cohort() -> Cohort:
    return Cohort(
        name="three rows of two patients",
        patient_id=("p2", "p1", "p2"),
        unit_id=("p2", "p1", "p2"),
        columns={"age": ("50", None, "51")},
        files={"scan": ((SCAN,), (), (SCAN, SCAN))},
        line=(2, 3, 4),
        table=Path("patients.csv"),
        root=Path(),
        records=(FileRecord(SCAN, "used"),),
        flow=(FlowStep("no outcome", 1, 1),),
    )


def test_patients_in_order_of_first_appearance(cohort: Cohort) -> None:
    assert cohort.patients == ("p2", "p1")
    assert cohort.n_rows == 3


def test_take_keeps_rows_together_and_the_accounts_whole(cohort: Cohort) -> None:
    taken = cohort.take([2, 1])
    assert taken.patient_id == ("p2", "p1")
    assert taken.columns == {"age": ("51", None)}
    assert taken.files == {"scan": ((SCAN, SCAN), ())}
    assert taken.line == (4, 3)
    assert (taken.records, taken.flow) == (cohort.records, cohort.flow)
    assert cohort.take([]).n_rows == 0


def test_split_gives_every_row_of_its_patients(cohort: Cohort) -> None:
    split = Split(repeat=1, fold=1, parts={"p1": "test", "p2": "train"})
    assert split.rows(cohort, "train").tolist() == [0, 2]
    assert split.rows(cohort, "test").tolist() == [1]
    assert split.rows(cohort, "validation").tolist() == []


def test_records_cannot_be_changed(cohort: Cohort) -> None:
    with pytest.raises(FrozenInstanceError):
        cohort.name = "other"  # type: ignore[misc]


def test_outcomes_that_could_not_be_read_have_no_classes() -> None:
    nothing = np.zeros(1, dtype=np.int64)
    unread = Outcomes(
        kept=nothing > 0, target=nothing, strata=nothing, columns={"event": ("",)}, classes=(),
        counts={},
    )  # fmt: skip
    assert unread.as_classes() is unread
