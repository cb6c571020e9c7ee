"""Which tables of a watched folder are complete, and which files belong to them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tumorboard.records import Cohort
from tumorboard.study import Study
from tumorboard.verbs.arrivals import Arrivals, changed_at, is_read_by, named_files


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _age(path: Path, *, seconds: float) -> None:
    old = time.time() - seconds
    os.utime(path, (old, old))


def test_a_table_is_ready_when_it_stays_as_it_is(tmp_path: Path, clock: Clock) -> None:
    arrivals = Arrivals(tmp_path, quiet_s=1.0, clock=clock)
    table = tmp_path / "ward" / "a.csv"
    table.parent.mkdir()
    table.write_text("patient_id\n")
    assert arrivals.ready() == []
    clock.now = 0.9
    assert arrivals.ready() == []
    table.write_text("patient_id\nP1\n")  # half of it was there before
    clock.now = 1.5
    assert arrivals.ready() == []
    assert arrivals.n_waiting == 1
    clock.now = 2.5
    assert arrivals.ready() == [table]
    assert arrivals.ready() == [table]  # until something is done about it
    arrivals.settle(table)
    assert arrivals.ready() == []
    assert arrivals.n_waiting == 0


def test_a_settled_table_comes_back_when_a_file_of_it_changes(tmp_path: Path, clock: Clock) -> None:
    arrivals = Arrivals(tmp_path, quiet_s=1.0, clock=clock)
    table, note, absent = tmp_path / "a.csv", tmp_path / "a.txt", tmp_path / "b.txt"
    table.write_text("patient_id\n")
    note.write_text("left\n")
    _age(note, seconds=60)
    arrivals.ready()
    clock.now = 1.0
    assert arrivals.ready() == [table]
    assert arrivals.follow(table, [note, absent])
    arrivals.settle(table)
    for changed in (note, absent):
        changed.write_text("right side\n")
        clock.now += 1
        assert arrivals.ready() == []
        clock.now += 1
        assert arrivals.ready() == [table]
        assert arrivals.follow(table, [note, absent])
        arrivals.settle(table)
    note.unlink()
    arrivals.ready()
    clock.now += 1
    assert arrivals.ready() == [table]


def test_a_file_that_is_still_being_written_is_waited_for(tmp_path: Path, clock: Clock) -> None:
    arrivals = Arrivals(tmp_path, quiet_s=30.0, clock=clock)
    table, image = tmp_path / "a.csv", tmp_path / "a.nii"
    table.write_text("patient_id\n")
    arrivals.ready()
    clock.now = 30.0
    assert arrivals.ready() == [table]
    image.write_bytes(b"just now")
    assert not arrivals.follow(table, [image])
    table.write_text("patient_id\nP1\n")  # after it was read
    clock.now = 45.0
    assert arrivals.ready() == []
    clock.now = 60.0
    assert arrivals.ready() == []
    clock.now = 75.0
    assert arrivals.ready() == [table]
    assert arrivals.follow(table, [image])


def test_hidden_files_other_files_and_tables_that_are_gone_are_none(
    tmp_path: Path, clock: Clock
) -> None:
    arrivals = Arrivals(tmp_path, quiet_s=0.0, clock=clock)
    (tmp_path / ".part").mkdir()
    for name in (".a.csv", "b.txt", ".part/c.csv", "d.CSV"):
        (tmp_path / name).write_text("patient_id\n")
    arrivals.ready()
    assert arrivals.ready() == [tmp_path / "d.CSV"]
    (tmp_path / "d.CSV").unlink()
    assert arrivals.ready() == []
    assert arrivals.n_waiting == 0


def test_the_oldest_comes_first(tmp_path: Path, clock: Clock) -> None:
    arrivals = Arrivals(tmp_path, quiet_s=0.0, clock=clock)
    for name in ("z", "m", "a"):
        (tmp_path / f"{name}.csv").write_text("patient_id\n")
        time.sleep(0.02)
    arrivals.ready()
    assert [path.stem for path in arrivals.ready()] == ["z", "m", "a"]
    assert changed_at([tmp_path / "z.csv", tmp_path / "absent"]) < time.time()


def _study(tmp_path: Path, **modalities: Any) -> Study:
    tables = {"study": {"name": "x"}, "cohort": {"table": "t.csv"},
              "task": {"target": "y", "positive": "1"}, "modalities": modalities}  # fmt: skip
    return Study.from_tables(tables, path=tmp_path / "study.toml")


def test_files_of_a_case_are_named_whether_they_are_there_or_not(tmp_path: Path) -> None:
    study = _study(
        tmp_path,
        ct={"kind": "volume", "files": ["ct/{scan}.nii.gz", "pet/{scan}"], "spacing_mm": "keep",
            "crop": "none"},
        rna={"kind": "expression", "table": "data/rna.csv", "scale": "tpm"},
        age={"kind": "table", "numeric": ["age"]},
    )  # fmt: skip
    (tmp_path / "pet" / "s1").mkdir(parents=True)
    (tmp_path / "pet" / "s1" / "1.dcm").touch()
    cohort = Cohort(
        name="a", patient_id=("P1", "P2", "P3"), unit_id=("P1", "P2", "P3"),
        columns={"scan": ("s1", None, "../s3")}, files={}, line=(2, 3, 4),
        table=tmp_path / "a.csv", root=tmp_path,
    )  # fmt: skip
    found = named_files(study, ["ct", "rna", "age"], cohort)
    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == ["ct/s1.nii.gz", "pet/s1/1.dcm", "data/rna.csv", "rna.csv"]


def test_tables_that_a_modality_reads_are_no_cases(tmp_path: Path) -> None:
    study = _study(
        tmp_path,
        rna={"kind": "expression", "table": "data/rna.csv", "scale": "tpm"},
        signal={"kind": "image", "files": "signals/{patient_id}.csv"},
        note={"kind": "image", "files": "{file}.csv"},
    )
    names = list(study.modalities)
    for name, is_file in (("in/rna.csv", True), ("in/a/signals/P1.csv", True),
                          ("in/P1.csv", False), ("in/signals.csv", False)):  # fmt: skip
        assert is_read_by(study, names, tmp_path / name) == is_file, name
