"""Rows of a patient that can be read, and what becomes of the others."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorboard.formats.nifti_writing import write_nifti
from tumorboard.formats.scan_visits import ScanVisit
from tumorboard.verbs.followed_files import (
    joined_numbers,
    lost_visits,
    read_visits,
    rejected,
    title_of,
)

ROW = ScanVisit("P1", 0, "1", "", math.nan, "", None, None, "", "", 2)


def test_a_visit_with_one_lost_file_is_lost_whole(tmp_path: Path) -> None:
    values = np.zeros((4, 4, 4), dtype=np.uint8)
    values[1], values[2] = 1, 4
    write_nifti(tmp_path / "a.nii.gz", values, np.eye(4))
    rows = [
        replace(ROW, mask=tmp_path / "a.nii.gz"),
        replace(ROW, number=1, visit="2", mask=tmp_path / "a.nii.gz", line=3, organ="lung"),
        replace(ROW, number=1, visit="2", mask=tmp_path / "no.nii.gz", line=4, organ="liver"),
        replace(ROW, number=1, visit="2", line=5, organ="node"),
    ]
    read, lost = read_visits(rows)
    assert [one.row.line for one in read] == [2]
    (one,) = lost_visits(lost)
    assert (one.number, one.title) == (1, "visit 2")
    assert one.reason == "no.nii.gz: no such file; no mask"  # a page names no folder
    assert rejected(*lost[1]).reason == "visit '2' (line 5): no mask"
    assert joined_numbers(read) == ("visit 1 (1, 4)",)


def test_a_visit_is_called_by_its_name_and_day() -> None:
    assert title_of(ROW) == "visit 1"
    assert title_of(replace(ROW, visit="post", days=21.0)) == "visit post, day 21"
