"""Tables of visits: order, times, duplicates, faults of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.visit_table import VisitTable, read_visits

HEADER = "id,when,crp,ward"


def read(folder: Path, *lines: str, header: str = HEADER, **changed: Any) -> VisitTable:
    path = folder / "visits.csv"
    path.write_text("\n".join((header, *lines)) + "\n")
    settings: dict[str, Any] = {
        "patient_id": "id", "time": "when", "time_format": "days", "numeric": ["crp"],
        "categorical": ["ward"], "missing": ["", "NA"],
    }  # fmt: skip
    return read_visits(path, **{**settings, **changed})


def test_visits_stand_by_patient_and_time_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    lines = ["007,-3,1.5,icu", "7,-1,2,ward", "007,-10.5,NA,ward", "007,-1,4,NA"]
    found = read(tmp_path, *lines)
    assert found.patient_id == ("007", "007", "007", "7")
    assert found.time_days.tolist() == [-10.5, -3.0, -1.0, -1.0]
    np.testing.assert_array_equal(found.numbers["crp"], [np.nan, 1.5, 4.0, 2.0])
    assert found.cells["ward"] == ("ward", "icu", None, "ward")
    assert found.line == (4, 2, 5, 3)
    assert found.of_patients() == {"007": slice(0, 3), "7": slice(3, 4)}
    again = read(tmp_path, *lines[::-1])
    assert (again.patient_id, again.cells) == (found.patient_id, found.cells)
    np.testing.assert_array_equal(again.time_days, found.time_days)
    np.testing.assert_array_equal(again.numbers["crp"], found.numbers["crp"])


def test_dates_are_days_and_may_have_a_time(tmp_path: Path) -> None:
    found = read(tmp_path, "a,1900-01-02,1,x", "a,1900-03-01,2,x", time_format="%Y-%m-%d")
    assert found.time_days.tolist() == [1.0, 59.0]  # 1900 was no leap year
    found = read(tmp_path, "a,02/01/1900 18:00,1,x", time_format="%d/%m/%Y %H:%M")
    assert found.time_days.tolist() == [1.75]


def test_a_row_without_values_is_no_visit(tmp_path: Path) -> None:
    found = read(tmp_path, "a,-1,NA,", "a,-2,NA,icu", "a,-3,0,")
    assert found.time_days.tolist() == [-3.0, -2.0]
    assert any("1 visit without any value was left out" in note for note in found.notes)


@pytest.mark.parametrize(
    ("lines", "changed", "message"),
    [
        (["a,-1,1,x", "b,-1,1,x", "a,-1.0,2,x"], {}, "patient a at '-1.0' in rows 2 and 4"),
        (["a,,1,x", "b,-1,1,x"], {}, "no time in row 2 patient a"),
        (["a,-1,<5,x", "b,-1,12 mg,x"], {}, "row 2 patient a: '<5', row 3 patient b: '12 mg'"),
        (["a,-1,1,x"], {"numeric": ["crb"]}, "no column 'crb'.*crp"),
        (["a,2021-03-04,1,x"], {}, "column when: 1 value is not a number"),
        (["a,1900-01-00,1,x", "a,2150-01-01,1,x"], {"time_format": "%Y-%m-%d"},
         "2 cells are no date of the format '%Y-%m-%d': row 2 .*row 3"),
        (["a,-50000,1,x"], {}, "more than 120 years.*row 2 patient a: -50000"),
        ([",-1,1,x"], {}, "no patient id in row 2"),
        (["a1,-1,1,x", "A1,-2,1,x"], {}, "a1"),
    ],
)  # fmt: skip
def test_faults_are_refused_with_their_rows(
    tmp_path: Path, lines: list[str], changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, *lines, **changed)


def test_faults_of_any_table_are_found(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="duplicate column names"):
        read(tmp_path, "a,-1,1,x,2", header="id,when,crp,ward,crp")
    with pytest.raises(InputError, match="row 3"):
        read(tmp_path, "a,-1,1,x", "a,-2,1,x,shifted,cells")
    path = tmp_path / "visits.csv"
    path.write_text("id;when;crp;ward\na;-1;1,5;é\n", encoding="utf-16")
    settings: dict[str, Any] = {"numeric": ["crp"], "categorical": ["ward"], "missing": [""]}
    found = read_visits(path, patient_id="id", time="when", time_format="days", **settings)
    assert found.numbers["crp"].tolist() == [1.5]
    assert found.cells["ward"] == ("é",)
