"""Other notes put in at prediction: none, another patient's, one with sides and places swapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from tumorboard.modalities import Measured
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.records import Ints
from tumorboard.transforms.contradicting_note import contradict

#: Measurements of an arm, its rows and a source of randomness -> measurements with other notes.
Control = Callable[[MeasuredNotes, Ints, np.random.Generator], MeasuredNotes]


def with_other_notes(
    measured: Mapping[str, Measured], control: str, rows: Ints, *, rng: np.random.Generator
) -> dict[str, Measured]:
    """The same measurements, with the notes of these rows exchanged; nothing is trained for them.

    Args:
        measured: Modality -> measurements.
        control: `silent`, `shuffled` or `contradicting`.
        rows: Rows whose notes are exchanged.
        rng: Who gets whose note.
    """
    change = _CONTROLS[control]
    return {
        name: change(own, rows, rng) if isinstance(own, MeasuredNotes) else own
        for name, own in measured.items()
    }


def uncontradicted(measured: Mapping[str, Measured], rows: Ints) -> tuple[int, int]:
    """Notes of these rows that the contradicting control leaves as they are, and all of theirs."""
    texts = [
        own.texts[row]
        for own in measured.values()
        if isinstance(own, MeasuredNotes)
        for row in rows.tolist()
        if own.present[row]
    ]
    return sum(not contradict(text)[1] for text in texts), len(texts)


def reads_notes(measured: Mapping[str, Measured]) -> bool:
    """Whether any of the modalities reads notes."""
    return any(isinstance(own, MeasuredNotes) for own in measured.values())


def _silent(notes: MeasuredNotes, rows: Ints, rng: np.random.Generator) -> MeasuredNotes:
    present = notes.present.copy()
    present[rows] = False
    return _with_texts(replace(notes, present=present), dict.fromkeys(rows.tolist(), ""))


def _shuffled(notes: MeasuredNotes, rows: Ints, rng: np.random.Generator) -> MeasuredNotes:
    """Every note goes to the next of the patients in random order, so to nobody it is about.

    Where a single one of them has a note, it is exchanged for that of any other patient.
    """
    own = [row for row in rows.tolist() if notes.present[row]]
    patients = list(dict.fromkeys(notes.patient_id[row] for row in own))
    if len(patients) == 1:
        others = [row for row in np.flatnonzero(notes.present).tolist()
                  if notes.patient_id[row] != patients[0]]  # fmt: skip
        if not others:
            return _silent(notes, rows, rng)
        other = notes.texts[others[int(rng.integers(len(others)))]]
        return _with_texts(notes, dict.fromkeys(own, other))
    if not patients:
        return notes
    order = [patients[i] for i in rng.permutation(len(patients))]
    giver = dict(zip(order, [*order[1:], order[0]], strict=True))
    first = {notes.patient_id[row]: notes.texts[row] for row in reversed(own)}
    return _with_texts(notes, {row: first[giver[notes.patient_id[row]]] for row in own})


def _contradicting(notes: MeasuredNotes, rows: Ints, rng: np.random.Generator) -> MeasuredNotes:
    return _with_texts(notes, {row: contradict(notes.texts[row])[0] for row in rows.tolist()})


def _with_texts(notes: MeasuredNotes, changed: Mapping[int, str]) -> MeasuredNotes:
    return replace(
        notes, texts=tuple(changed.get(row, text) for row, text in enumerate(notes.texts))
    )


_CONTROLS: Mapping[str, Control] = {
    "silent": _silent, "shuffled": _shuffled, "contradicting": _contradicting,
}  # fmt: skip
