import json
from pathlib import Path
from typing import Any

import pytest

from tumorboard.errors import InputError
from tumorboard.report.table1 import has_rows, shown_rows, table_one, write_table_one

#: Patient a has two rows that differ in age; e has no outcome.
PATIENTS = ["a", "a", "b", "c", "d", "e"]
OUTCOME = ["malignant", "malignant", "benign", "benign", "malignant", ""]
COLUMNS: dict[str, list[str | None]] = {
    "Age": ["40", "41", "50", "60", None, "99"],
    "Marker": ["1", "1", "1", "1", "900", "1"],
    "Signs": ["lump", "lump", "none", None, "lump", "none"],
}


def _table() -> dict[str, Any]:
    return table_one(COLUMNS, ["Age", "Marker"], ["Signs"], OUTCOME, PATIENTS)


def test_counts_patients_once_by_their_first_row() -> None:
    table = _table()
    assert table["n_patients"] == 4
    assert table["classes"] == {"benign": 2, "malignant": 2}
    assert table["n_differing"] == {"Age": 1, "Marker": 0, "Signs": 0}


def test_numbers_by_hand() -> None:
    age = table_one(COLUMNS, ["Age"], [], OUTCOME, PATIENTS)["numeric"][0]["groups"]
    assert age["all"]["mean"] == 50.0
    assert age["all"]["sd"] == 10.0
    assert (age["all"]["n"], age["all"]["missing"]) == (3, 1)
    assert (age["malignant"]["mean"], age["malignant"]["missing"]) == (40.0, 1)
    assert age["benign"]["median"] == 55.0


def test_shown_as_mean_or_quartiles_and_missing_counted() -> None:
    rows = {
        row["label"]: row["cells"] for row in shown_rows(_table(), classes=("benign", "malignant"))
    }
    assert rows["Age, mean ± sd"] == ["50.0 ± 10.0", "55.0 ± 7.07", "40.0 ± not defined"]
    assert rows["Marker, median [quartiles]"][0] == "1 [1 to 225.8]"
    assert rows["lump"] == ["2 (67 %)", "0 (0 %)", "2 (100 %)"]
    assert rows["missing"] == ["1 (25 %)", "1 (50 %)", "0 (0 %)"]


def test_rare_levels_are_counted_together() -> None:
    ids = [f"p{i}" for i in range(40)]
    columns = {"Code": [f"c{i:02d}" for i in range(40)]}
    levels = table_one(columns, [], ["Code"], ["x"] * 40, ids)["categorical"][0]["levels"]
    assert len(levels) == 16
    assert levels[-1] == {"level": "25 rarer levels", "counts": {"all": 25, "x": 25}}


def test_a_cell_that_is_not_a_number_is_named_by_row_and_patient() -> None:
    with pytest.raises(
        InputError, match=r"cohort table, column Age: 1 value .*row 3 patient b: '6l'"
    ):
        table_one({"Age": ["40", "6l"]}, ["Age"], [], ["x", "y"], ["a", "b"])


def test_an_absent_column_is_named_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"column 'Ages' of Table 1 is absent.*'Age'"):
        table_one(COLUMNS, ["Ages"], [], OUTCOME, PATIENTS)


def test_written_as_plain_json(tmp_path: Path) -> None:
    write_table_one(tmp_path / "table1.json", _table())
    assert json.loads((tmp_path / "table1.json").read_text(encoding="utf-8")) == _table()


def test_standardised_differences_between_classes() -> None:
    columns: dict[str, list[str | None]] = {
        "Age": ["1", "2", "3", "3", "4", "5"],
        "Sex": ["f", "f", "m", "m", "m", "f"],
    }
    outcome = ["x", "x", "x", "y", "y", "y"]
    table = table_one(columns, ["Age"], ["Sex"], outcome, list("abcdef"))
    rows = {row["label"]: row["difference"] for row in shown_rows(table, classes=("x", "y"))}
    assert rows["Age, mean ± sd"] == "2.00"
    assert rows["Sex, n (%)"] == "0.71"  # (2/3 - 1/3) / sqrt(2/9)
    assert rows["m"] == ""
    three = table_one(columns, ["Age"], [], ["x", "x", "y", "y", "z", "z"], list("abcdef"))
    assert shown_rows(three, classes=("x", "y", "z"))[0]["difference"] == "4.24"  # x, z: 3 / 0.71
    one = table_one(columns, ["Age"], [], ["x", "y", "y", "y", "y", "y"], list("abcdef"))
    assert shown_rows(one, classes=("x", "y"))[0]["difference"] == ""


def test_a_study_without_columns_has_no_rows() -> None:
    outcome, patients = ("x", "y"), ("p1", "p2")
    assert not has_rows(table_one({}, [], [], outcome, patients))
    assert has_rows(table_one({"age": ("1", "2")}, ["age"], [], outcome, patients))
    assert not has_rows({})


def test_flags_are_counted_and_shares_are_not_flags() -> None:
    columns = {
        "chf": ("1", "0", "0", None, "1", "0"),
        "share": ("1", "0", "0.5", None, "1", "0"),
    }
    outcome, patients = ("x", "x", "x", "y", "y", "y"), tuple("abcdef")
    table = table_one(columns, ["chf", "share"], [], outcome, patients)
    rows = shown_rows(table, classes=("x", "y"))
    assert rows[0]["label"] == "chf, n (%)"
    assert rows[0]["cells"] == ["2 (40 %)", "1 (33 %)", "1 (50 %)"]
    assert next(r for r in rows if r["label"].startswith("share"))["label"] == "share, mean ± sd"
