"""One text under two patients."""

from __future__ import annotations

from tumorboard.audit import Audited, Check, Person
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Finding
from tumorboard.transforms.note_matches import NoteMatch, find_note_matches, is_free_text


class DuplicateNote(Check):
    """duplicate-note: free texts of different patients that are the same or nearly so.

    Columns of sentences in the cohort table. Case, punctuation and numbers do not count, nor do
    phrases that more than three patients have; texts that are equal word for word, numbers
    included, count also where all their phrases are common, if chance would hardly make two so.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One warning per column, with every pair."""
        cohorts = [(name, cohort) for name, cohort, _ in audited.cohorts]
        findings: list[Finding] = []
        for column in audited.cohort.columns:
            texts: list[str | None] = []
            people: list[Person] = []
            for name, cohort in cohorts:
                cells = cohort.columns.get(column)
                if cells is not None:
                    texts += cells
                    people += [Person(name, patient) for patient in cohort.patient_id]
            if is_free_text(texts):
                matches = find_note_matches(texts, people)
                findings += [_finding(column, people, matches)] if matches else []
        return findings


def _finding(column: str, people: list[Person], matches: list[NoteMatch]) -> Finding:
    shown = [f"{people[m.first]} = {people[m.second]}" for m in matches]
    return Finding(
        code="duplicate-note",
        severity="warning",
        message=f"Column {column}: {counted(len(matches), 'pair')} of patients with one text: "
        f"{listed(shown)}. Give one person one patient id, or mend the copied text.",
        patients=tuple(
            dict.fromkeys(people[i].patient_id for m in matches for i in (m.first, m.second))
        ),
        evidence={
            "column": column,
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
