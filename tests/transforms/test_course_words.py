"""What notes report of the course, by hand and against the simulators' truth."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tumorboard.simulators.brain_mri import BrainMri
from tumorboard.simulators.chest_ct_series import ChestCtSeries
from tumorboard.transforms.course_words import reported_course, reported_outcome


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
        ("The tumour grew.", "worse"),
        ("The lesion is bigger.", "worse"),
        ("The mass shrank.", "better"),
        ("", ""),
    ],
)
def test_by_hand(text: str, course: str) -> None:
    assert reported_course(text) == course


@pytest.mark.parametrize(
    ("cell", "course"),
    [
        *((word, "better") for word in ("CR", "pr", "iPR", "PR (confirmed)", "smaller", "shrunk")),
        *((word, "better") for word in ("complete response", "response", "regression")),
        *((word, "stable") for word in ("SD", "stable disease", "same", "no PD", "no change")),
        ("non-CR/non-PD", "stable"),
        *((word, "worse") for word in ("PD", "iUPD", "iCPD", "progressive", "grew", "bigger")),
        *((word, "worse") for word in ("progressive disease", "growth", "PD, new lesion")),
        *((word, "") for word in ("NE", "not evaluable", "baseline", "n/a", "-", "")),
        *(
            (word, None)
            for word in ("schlechter", "PR -> PD", "possible PD", "PD?", "mixed response")
        ),
    ],
)
def test_a_cell_is_read_or_said_to_be_unread(cell: str, course: str | None) -> None:
    assert reported_outcome(cell) == course


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
