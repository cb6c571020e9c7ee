"""Other notes put in at prediction."""

from __future__ import annotations

from typing import cast

import numpy as np

from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.training.note_controls import uncontradicted, with_other_notes


def _notes(present: list[bool]) -> MeasuredNotes:
    texts = tuple(letter if has else "" for letter, has in zip("abcdef", present, strict=False))
    patients = tuple(f"p{i}" for i in range(len(present)))
    return MeasuredNotes(present=np.asarray(present), texts=texts, name="note", patient_id=patients)


def _shuffled(notes: MeasuredNotes, rows: list[int], seed: int) -> MeasuredNotes:
    changed = with_other_notes(
        {"note": notes}, "shuffled", np.asarray(rows), rng=np.random.default_rng(seed)
    )
    return cast("MeasuredNotes", changed["note"])


def test_the_only_note_of_a_fold_is_exchanged_for_one_from_outside() -> None:
    notes = _notes([True, False, True, True])
    found = {_shuffled(notes, [0, 1], seed).texts[0] for seed in range(20)}
    assert found == {"c", "d"}
    assert _shuffled(notes, [0, 1], 0).present.tolist() == [True, False, True, True]


def test_a_note_that_nobody_could_exchange_is_silent() -> None:
    changed = _shuffled(_notes([True, False]), [0, 1], 0)
    assert not changed.present.any()
    assert changed.texts == ("", "")


def test_notes_without_a_side_or_a_place_are_counted() -> None:
    texts = ("Mass on the left.", "A mass.", "", "Upper lobe.")
    notes = MeasuredNotes(
        present=np.asarray([True, True, False, True]), texts=texts, name="note",
        patient_id=("a", "b", "c", "d"),
    )  # fmt: skip
    assert uncontradicted({"note": notes}, np.arange(4)) == (1, 3)
    assert uncontradicted({"note": notes}, np.asarray([0, 2])) == (0, 1)
