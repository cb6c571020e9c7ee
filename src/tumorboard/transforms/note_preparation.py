"""Notes cleaned and de-identified; what is de-identified may be kept, what is not never is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.cache import Cache
from tumorboard.formats.messages import counted
from tumorboard.formats.note_rows import cells_of
from tumorboard.records import Cohort, Ints
from tumorboard.transforms.deidentification import deidentify
from tumorboard.transforms.note_cleaning import clean

#: Raise when cleaning or de-identification changes, so that older texts are not reused.
_VERSION = 3


@dataclass(frozen=True)
class Prepared:
    """A note as it goes on: its text, and category -> how many identifiers were taken out."""

    text: str
    removed: Mapping[str, int]


def prepare(
    notes: Sequence[tuple[str, tuple[str, ...]]], *, deidentified: bool, cache: Cache
) -> list[Prepared]:
    """Clean and de-identify notes, each with what is known of its patient.

    Args:
        notes: Text and known identifiers.
        deidentified: Whether identifiers are taken out.
        cache: Keeps the texts without identifiers under a key of what went in.
    """
    if not deidentified:
        return [Prepared(clean(text), {}) for text, _ in notes]
    digest = hashlib.sha256(json.dumps([_VERSION, *notes]).encode("utf-8")).hexdigest()
    key = cache.key({"kind": "notes", "notes": digest})
    kept = cache.load(key)
    if kept is not None:
        plain = json.loads(kept.astype(np.uint8).tobytes().decode("utf-8"))
        return [Prepared(text, removed) for text, removed in plain]
    made = [_prepared(text, known) for text, known in notes]
    plain = json.dumps([[one.text, dict(one.removed)] for one in made]).encode("utf-8")
    cache.store(key, np.frombuffer(plain, dtype=np.uint8))
    return made


def _prepared(text: str, known: Sequence[str]) -> Prepared:
    found = deidentify(clean(text), known=known)
    return Prepared(found.text, found.counts)


def known_of(cohort: Cohort, columns: Sequence[str], *, where: str) -> list[tuple[str, ...]]:
    """What the study knows of the patient of each row: the number, and the named columns.

    Raises:
        InputError: There is no such column.
    """
    own_cells = [cells_of(cohort, column, where=where) for column in columns]
    known: list[tuple[str, ...]] = []
    for row, patient in enumerate(cohort.patient_id):
        own = [cell for cells in own_cells if (cell := cells[row])]
        # a short number ("12") is also a measurement
        own += [patient] if len(patient) >= 5 and any(map(str.isdigit, patient)) else []
        known.append(tuple(own))
    return known


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
