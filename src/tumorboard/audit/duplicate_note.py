"""One text under two patients."""

from __future__ import annotations

from tumorboard.audit import Audited, Check, Person
from tumorboard.formats.messages import counted, listed
from tumorboard.modalities import Measured
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.records import Finding
from tumorboard.transforms.note_matches import NoteMatch, find_note_matches, is_free_text


class DuplicateNote(Check):
    """duplicate-note: free texts of different patients that are the same or nearly so.

    Columns of sentences in the cohort table, and the notes that models read. Case, punctuation and
    numbers do not count, nor do phrases that more than three patients have; texts that are equal
    word for word, numbers included, count also where all their phrases are common, if chance would
    hardly make two so. Sentences written from the record are alike by design.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One warning per column or modality of notes, with every pair."""
        findings: list[Finding] = []
        notes = {
            name: own for name, own in audited.measured.items() if isinstance(own, MeasuredNotes)
        }
        seen: set[str] = set()
        for name, own in notes.items():
            if own.is_written_from_record or own.column in seen:
                continue
            seen.update({own.column} - {""})
            cohorts = [(where, measured.get(name)) for where, _, measured in audited.cohorts]
            texts, people = _of_notes(cohorts)
            findings += _matches(
                f"Notes of {name}", texts, people, column=own.column, modality=name
            )
        for column in audited.cohort.columns:
            if column not in seen:
                texts, people = _of_column(audited, column)
                if is_free_text(texts):
                    findings += _matches(f"Column {column}", texts, people, column=column)
        return findings


Texts = tuple[list[str | None], list[Person]]


def _of_notes(cohorts: list[tuple[str, Measured | None]]) -> Texts:
    """Notes of every cohort, and whose they are."""
    texts: list[str | None] = []
    people: list[Person] = []
    for name, own in cohorts:
        if isinstance(own, MeasuredNotes):
            texts += [text or None for text in own.texts]
            people += [Person(name, patient) for patient in own.patient_id]
    return texts, people


def _of_column(audited: Audited, column: str) -> Texts:
    """Cells of every cohort that has the column, and whose they are."""
    texts: list[str | None] = []
    people: list[Person] = []
    for name, cohort, _ in audited.cohorts:
        cells = cohort.columns.get(column)
        if cells is not None:
            texts += cells
            people += [Person(name, patient) for patient in cohort.patient_id]
    return texts, people


def _matches(
    where: str, texts: list[str | None], people: list[Person], *, column: str, modality: str = ""
) -> list[Finding]:
    matches = find_note_matches(texts, people)
    if not matches:
        return []
    return [_finding(where, people, matches, column=column, modality=modality)]


def _finding(
    where: str, people: list[Person], matches: list[NoteMatch], *, column: str, modality: str
) -> Finding:
    shown = [f"{people[m.first]} = {people[m.second]}" for m in matches]
    return Finding(
        code="duplicate-note",
        severity="warning",
        message=f"{where}: {counted(len(matches), 'pair')} of patients with one text: "
        f"{listed(shown)}. Give one person one patient id, or mend the copied text.",
        patients=tuple(
            dict.fromkeys(people[i].patient_id for m in matches for i in (m.first, m.second))
        ),
        evidence={
            "column": column,
            **({"modality": modality} if modality else {}),
            "n_pairs": len(matches),
            "pairs": [
                {
                    "patients": [
                        {"cohort": people[i].cohort, "patient_id": people[i].patient_id}
                        for i in (m.first, m.second)
                    ],
                    "similarity": round(m.similarity, 3),
                    "identical": m.is_identical,
                }
                for m in matches
            ],
        },
    )
