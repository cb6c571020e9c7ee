"""Lab values per admission: hand counts, batches of any size and order, units."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.hospital_tables import find_tables
from tumorboard.transforms import lab_features as module
from tumorboard.transforms.lab_features import LabFeatures, lab_features
from tumorboard.transforms.lab_units import STATISTICS

HEAD = "labevent_id,subject_id,hadm_id,itemid,charttime,value,valuenum,valueuom"
CAME = datetime(2150, 1, 2, 12)
STAYS = pl.DataFrame(
    {
        "stay": [0, 3],
        "subject_id": [1, 2],
        "hadm_id": [20, 10],
        "admittime": [CAME, CAME],
        "dischtime": [CAME + timedelta(hours=30), None],
    }
)
EVENTS = [
    "1,1,20,50912,2150-01-02 13:00:00,2,2.0,mg/dL",
    "2,1,20,50912,2150-01-02 11:00:00,4,4.0, MG/dl",
    "3,1,20,50912,2150-01-02 12:30:00,9,9.0,",
    "4,1,,50912,2150-01-02 14:00:00,100,100.0,mg/dL",
    "5,1,20,50912,2150-01-02 15:00:00,POS,,mg/dL",
    "6,2,10,50971,2150-01-03 13:00:00,3,3.5,mEq/L",
    "7,1,99,50971,2150-01-04 13:00:00,3,8,mEq/L",
]


def features(folder: Path, events: list[str], **settings: Any) -> LabFeatures:
    (folder / "labevents.csv").write_text("\n".join([HEAD, *events, ""]), encoding="utf-8")
    (folder / "D_LABITEMS.csv").write_text("itemid,label\n50912,Creatinine\n", encoding="utf-8")
    tables = find_tables(folder, ["labevents", "d_labitems"])
    given = {"admissions": pl.Series([10, 20, 30]), "units": {}, "labels": tables["d_labitems"]}
    settings = {**given, **settings}
    return lab_features(tables["labevents"], STAYS, **settings)


def test_by_admission_as_counted_by_hand(tmp_path: Path) -> None:
    found = features(tmp_path, EVENTS)
    first, second = found.table.rows(named=True)
    keys = [f"lab_50912_{name}" for name in STATISTICS]
    assert [first[key] for key in keys] == [5.0, 2.0, 9.0, 2.0, 3]  # last by time, not by row
    assert [second[key] for key in keys] == [None, None, None, None, 0]
    assert second["lab_50971_mean"] == 3.5
    assert first["lab_50971_count"] == 0  # admission 99 is none of these
    assert found.notes == [
        "labevents.csv: 1 lab event without a number (text results) left out",
        "labevents.csv: 1 lab event without an admission left out",
        "labevents.csv: 1 lab event of an admission that the table admissions lacks left out",
    ]


def test_events_of_admissions_that_are_left_out_are_no_fault(tmp_path: Path) -> None:
    found = features(tmp_path, [*EVENTS, "8,1,30,50912,2150-03-02 14:00:00,1,1,mg/dL"])
    assert found.table["lab_50912_count"].to_list() == [3, 0]
    assert sum("that the table admissions lacks" in note for note in found.notes) == 1
    found = features(tmp_path, EVENTS, admissions=pl.Series([10, 20, 99]))
    assert not any("lacks" in note for note in found.notes)


def test_in_a_window_by_time_up_to_discharge(tmp_path: Path) -> None:
    row = features(tmp_path, EVENTS, window_hours=(-2, 72)).table.row(0, named=True)
    assert row["lab_50912_max"] == 100.0  # names no admission, but lies in it
    assert row["lab_50912_count"] == 4
    assert row["lab_50971_count"] == 0  # after discharge
    row = features(tmp_path, EVENTS, window_hours=(0, 1)).table.row(0, named=True)
    assert (row["lab_50912_count"], row["lab_50912_mean"]) == (2, 5.5)


def test_items_that_are_asked_for(tmp_path: Path) -> None:
    found = features(tmp_path, EVENTS, items=(50971,))
    assert found.table.columns == ["stay", *(f"lab_50971_{s}" for s in STATISTICS)]


def test_units_that_differ(tmp_path: Path) -> None:
    events = [*EVENTS, "8,2,10,50912,2150-01-02 14:00:00,180,180,umol/L"]
    message = (
        r"labevents\.csv: units differ within a lab item: item 50912 \(Creatinine\): 'MG/dl' 3, "
        r"'umol/L' 1 values\. .*cohort\.lab_units = \{\"50912\" = \"MG/dl\"\}"
    )
    with pytest.raises(InputError, match=message):
        features(tmp_path, events)
    found = features(tmp_path, events, units={"50912": "mg/dL"})
    assert found.table["lab_50912_count"].to_list() == [2, 0]
    assert any("2 lab events in another unit" in note for note in found.notes)


def test_batches_and_order_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(3)
    events = [
        f"{i},{s},{h},{draw.choice((50912, 50971))},2150-01-02 {draw.randrange(24):02}:00:00,x,"
        f"{draw.randrange(100) / 4},mg/dL"
        for i in range(3_000)
        for s, h in [draw.choice(((1, 20), (2, 10)))]
    ]
    whole = features(tmp_path, events).table
    monkeypatch.setattr(module, "BATCH", 100)
    draw.shuffle(events)
    parts = features(tmp_path, events).table
    assert parts.equals(whole)
    frame = pl.read_csv(tmp_path / "labevents.csv").filter(
        (pl.col("hadm_id") == 10) & (pl.col("itemid") == 50912)
    )
    value = pl.col("valuenum")
    expected = frame.select(
        value.mean().alias("mean"), value.min().alias("min"), value.max().alias("max"),
        value.sort_by("charttime", "valuenum").last().alias("last"), value.count().alias("count"),
    ).row(0)  # fmt: skip
    assert whole.row(1)[1:6] == pytest.approx(expected)


def test_more_items_than_memory_holds_are_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2 * 48)  # one item of the two admissions
    with pytest.raises(InputError, match=r"more than 1 items for 2 admissions .* cohort\.labs"):
        features(tmp_path, EVENTS)
    assert features(tmp_path, EVENTS, items=[50912]).table.height == 2
