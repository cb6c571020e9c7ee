"""Notes cleaned and de-identified; what is de-identified may be kept, what is not never is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tumorboard.cache import Cache
from tumorboard.formats.messages import counted
from tumorboard.formats.note_rows import cells_of
from tumorboard.records import Cohort, Ints
from tumorboard.transforms.deidentification import deidentify, names_in
from tumorboard.transforms.note_cleaning import clean

#: Raise when cleaning or de-identification changes, so that older texts are not reused.
_VERSION = 4


@dataclass(frozen=True)
class Prepared:
    """A note as it goes on: its text, and category -> how many identifiers were taken out."""

    text: str
    removed: Mapping[str, int]


class RawNote(NamedTuple):
    """A note as it was written, with whose it is and what the study knows of that patient."""

    text: str
    patient_id: str
    known: tuple[str, ...] = ()


def prepare(notes: Sequence[RawNote], *, deidentified: bool, cache: Cache) -> list[Prepared]:
    """Clean and de-identify notes; a name in one note of a patient goes from the others too.

    Args:
        notes: All notes at hand.
        deidentified: Whether identifiers are taken out.
        cache: Keeps the texts without identifiers under a key of what went in.
    """
    if not deidentified:
        return [Prepared(clean(note.text), {}) for note in notes]
    digest = hashlib.sha256(json.dumps([_VERSION, *notes]).encode("utf-8")).hexdigest()
    key = cache.key({"kind": "notes", "notes": digest})
    kept = cache.load(key)
    if kept is not None:
        plain = json.loads(kept.astype(np.uint8).tobytes().decode("utf-8"))
        return [Prepared(text, removed) for text, removed in plain]
    made = _deidentified(notes)
    plain = json.dumps([[one.text, dict(one.removed)] for one in made]).encode("utf-8")
    cache.store(key, np.frombuffer(plain, dtype=np.uint8))
    return made


def _deidentified(notes: Sequence[RawNote]) -> list[Prepared]:
    texts = [clean(note.text) for note in notes]
    own: dict[str, set[str]] = {}
    for note, text in zip(notes, texts, strict=True):
        own.setdefault(note.patient_id, set()).add(text)
    # the only note of a patient tells its names itself
    names = {
        patient: tuple(sorted({name for text in several for name in names_in(text)}))
        for patient, several in own.items()
        if len(several) > 1
    }
    made: list[Prepared] = []
    for note, text in zip(notes, texts, strict=True):
        found = deidentify(text, known=note.known, learnt=names.get(note.patient_id, ()))
        made.append(Prepared(found.text, found.counts))
    return made


def known_of(cohort: Cohort, columns: Sequence[str], *, where: str) -> list[tuple[str, ...]]:
    """What the study knows of the patient of each row: the number, and the named columns.

    Raises:
        InputError: There is no such column.
    """
    own_cells = [cells_of(cohort, column, where=where) for column in columns]
    return [
        known_values(patient, [cells[row] for cells in own_cells])
        for row, patient in enumerate(cohort.patient_id)
    ]


def known_values(patient_id: str, cells: Sequence[str | None]) -> tuple[str, ...]:
    """What is known of one patient: the cells that name identifiers, and the number."""
    # a short number ("12") is also a measurement
    is_number = len(patient_id) >= 5 and any(map(str.isdigit, patient_id))
    return (*(cell for cell in cells if cell), *([patient_id] if is_number else []))


def removed_counts(rows: Sequence[Sequence[Prepared]]) -> dict[str, Ints]:
    """Category -> (rows,) how many identifiers were taken out."""
    categories = sorted({category for own in rows for note in own for category in note.removed})
    return {
        category: np.asarray(
            [sum(note.removed.get(category, 0) for note in own) for own in rows], dtype=np.int64
        )
        for category in categories
    }


def removal_notes(removed: dict[str, Ints], cohort: Cohort, *, is_on: bool) -> list[str]:
    """What was taken out, in counts."""
    if not is_on:
        return ["The notes were not de-identified (deidentify = false)."]
    if not removed:
        return ["De-identification found nothing to remove from the notes."]
    counts = ", ".join(f"{category} {int(n.sum()):,}" for category, n in removed.items())
    has = np.any([n > 0 for n in removed.values()], axis=0)
    n_patients = len({cohort.patient_id[row] for row in np.flatnonzero(has).tolist()})
    of = counted(n_patients, "patient")
    return [
        f"Identifiers removed from the notes of {of}: {counts}. Rules miss some: read a sample."
    ]
