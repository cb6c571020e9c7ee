"""What notes report of the course, by hand and against the simulators' truth."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tumorboard.simulators.brain_mri import BrainMri
from tumorboard.simulators.chest_ct_series import ChestCtSeries
from tumorboard.transforms.course_words import reported_course


@pytest.mark.parametrize(
    ("text", "course"),
    [
        ("stable", "stable"),
        ("better", "better"),
        ("worse", "worse"),
        ("Clinically improved since the last visit.", "better"),
        ("No progression. Weight stable.", "stable"),
        ("The headache has not improved.", "stable"),
        ("Disease progression with more headaches.", "worse"),
        ("Two months of progressive headache before diagnosis.", ""),  # how it began
        ("Her mother deteriorated quickly.", ""),
        ("Feels better, but seizures are more frequent.", ""),
        ("Weight stable. Cough is worse.", "worse"),
        ("Headache, worse in the morning. Clinically unchanged.", "stable"),
        ("Lives alone.", ""),
        ("", ""),
    ],
)
def test_by_hand(text: str, course: str) -> None:
    assert reported_course(text) == course


@pytest.mark.parametrize("kind", ["brain", "chest"])
def test_simulated_notes_say_what_was_drawn(tmp_path: Path, kind: str) -> None:
    simulator = (
        BrainMri(size=(24, 24, 24), visits=3)
        if kind == "brain"
        else ChestCtSeries(size=(32, 32, 16), visits=3)
    )
    simulator.write(tmp_path, n_patients=8, seed=5)
    with (tmp_path / "visits.csv").open(encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["reported"]]
    found = [
        reported_course((tmp_path / "notes" / f"{row['case']}.txt").read_text("utf-8"))
        for row in rows
    ]
    assert len(rows) == 16
    assert found == [row["reported"] for row in rows]
