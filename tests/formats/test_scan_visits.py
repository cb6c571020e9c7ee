"""Tables of visits: the order of time, and names of visits that say none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.formats.scan_visits import ScanVisit, read_scan_visits


def read(folder: Path, *visits: str, column: str = "visit") -> list[ScanVisit]:
    table = folder / "visits.csv"
    rows = [f"P1,{visit},{k}.nii.gz" for k, visit in enumerate(visits)]
    table.write_text("\n".join([f"patient_id,{column},mask", *rows]) + "\n")
    return read_scan_visits(table)


@pytest.mark.parametrize(
    ("visits", "ordered"),
    [
        (("10", "2", "1"), ["1", "2", "10"]),
        (("cycle 10", "cycle 2"), ["cycle 2", "cycle 10"]),
        (("Visit_2", "visit_1"), ["visit_1", "Visit_2"]),
        (("time point 1.5", "time point 1"), ["time point 1", "time point 1.5"]),
        (("V02", "V01"), ["V01", "V02"]),
        (("screening",), ["screening"]),
    ],
)
def test_numbered_visits_go_by_their_number(
    tmp_path: Path, visits: tuple[str, ...], ordered: list[str]
) -> None:
    found = read(tmp_path, *visits)
    assert [one.visit for one in found] == ordered
    assert [one.number for one in found] == list(range(len(visits)))


@pytest.mark.parametrize(
    ("visits", "what"),
    [
        (("pre", "post"), "line 2: 'pre'"),
        (("screening", "cycle 2"), "line 2: 'screening'"),
        (("cycle 1", "week 2"), "the names begin differently (cycle 1, week 2)"),
        (("1", ""), "line 3 is empty"),
        (("2024-01-31", "2023-01-31"), "line 2: '2024-01-31'"),
        (("cycle -2", "cycle -1"), "line 2: 'cycle -2'"),
        (("C1D1", "C1D15"), "line 2: 'C1D1'"),
    ],
)
def test_names_that_say_no_order_are_refused(
    tmp_path: Path, visits: tuple[str, ...], what: str
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, *visits)
    assert "column `visit` says no order of time: " + what in str(error.value)
    assert "Add a column `date` or `days`" in str(error.value)


def test_days_order_visits_of_any_name(tmp_path: Path) -> None:
    table = tmp_path / "visits.csv"
    table.write_text("patient_id,visit,days,mask\nP1,post,30,b\nP1,pre,-5,a\n")
    assert [(v.visit, v.days) for v in read_scan_visits(table)] == [("pre", 0.0), ("post", 35.0)]
