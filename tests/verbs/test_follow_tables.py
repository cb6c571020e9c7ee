"""Tables of followed patients: a row for every visit of the table, measured or not."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

from tumorboard.formats.scan_visits import ScanVisit
from tumorboard.verbs.follow_tables import write_follow_tables


def test_visits_of_a_patient_that_could_not_be_followed_are_not_evaluable(tmp_path: Path) -> None:
    first = ScanVisit("P1", 0, "1", "", math.nan, "lung", None, None, "", "", 2)
    rows = [first, replace(first, organ="liver", line=3), replace(first, number=1, visit="2")]
    write_follow_tables(tmp_path, [], None, not_followed=[(rows, "no mask")])
    with (tmp_path / "response.csv").open(encoding="utf-8", newline="") as handle:
        found = list(csv.DictReader(handle))
    assert [(r["visit"], r["recist"], r["volumetric"], r["volume_ml"]) for r in found] == [
        ("1", "NE", "NE", ""), ("2", "NE", "NE", ""),
    ]  # fmt: skip
    assert {r["remark"] for r in found} == {"not measured: no mask"}
    assert not (tmp_path / "agreement.csv").exists()
