"""Points in mm from columns: in both conventions, from one column or three."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.points import read_points
from tumorboard.records import Cohort


def cohort(**columns: tuple[str | None, ...]) -> Cohort:
    n = len(next(iter(columns.values())))
    ids = tuple(f"P{k}" for k in range(n))
    return Cohort(
        name="c", patient_id=ids, unit_id=ids, columns=columns, files={},
        line=tuple(range(2, n + 2)), table=Path("patients.csv"), root=Path(),
    )  # fmt: skip


def test_one_column_in_the_axes_of_dicom() -> None:
    found = read_points(cohort(c=("1 -2 3.5", "[4; 5; 6]", None)), ["c"], "LPS", where="it")
    assert found == ((-1.0, 2.0, 3.5), (-4.0, -5.0, 6.0), ())


def test_three_columns_in_the_axes_of_nifti() -> None:
    columns = {"x": ("1", None), "y": ("2", "5"), "z": ("3", "6")}
    assert read_points(cohort(**columns), ["x", "y", "z"], "RAS", where="it") == ((1, 2, 3), ())


def test_every_cell_that_is_no_point_is_named() -> None:
    with pytest.raises(InputError, match=r"row 2 \(patient P0\): '1 2', row 4 .*'1 2 nan'"):
        read_points(cohort(c=("1 2", "1 2 3", "1 2 nan")), ["c"], "LPS", where="it")


def test_a_column_that_is_absent_is_a_fault_of_the_study() -> None:
    with pytest.raises(StudyError, match=r"crop: 'centre' is no column .* 'centre_mm'"):
        read_points(cohort(centre_mm=("1 2 3",)), ["centre"], "LPS", where="crop")
