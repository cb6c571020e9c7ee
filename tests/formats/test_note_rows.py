"""Notes of the rows of a cohort, from a column."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.formats.note_rows import cells_of
from tumorboard.records import Cohort


def cohort() -> Cohort:
    return Cohort(
        name="c", patient_id=("a", "b"), unit_id=("a", "b"), columns={"report": ("one", None)},
        files={}, line=(2, 3), table=Path("patients.csv"), root=Path(),
    )  # fmt: skip


def test_cells_of_a_column() -> None:
    assert cells_of(cohort(), "report", where="modalities.note.column") == ("one", None)


def test_a_column_that_is_absent_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"needs column 'reprot', absent\. Did you mean 'report'"):
        cells_of(cohort(), "reprot", where="modalities.note.column")
