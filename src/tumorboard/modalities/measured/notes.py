"""What the notes modality read: one cleaned and de-identified text per row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tumorboard.modalities import Measured
from tumorboard.records import Ints


@dataclass(frozen=True)
class MeasuredNotes(Measured):
    """Notes of a cohort as models may read them; `dataclasses.replace` puts other notes in.

    Args:
        texts: One per row, cleaned and de-identified; "" where the row has no note.
        name: The modality's name in the study.
        patient_id: One per row.
        column: Column of the cohort table that the texts come from; "" for files and templates.
        n_characters: (rows,) length of each text before it was cut; empty where not known.
        removed: Category of identifiers -> (rows,) how many were taken out of each text.
    """

    texts: tuple[str, ...] = ()
    name: str = ""
    patient_id: tuple[str, ...] = ()
    column: str = ""
    n_characters: tuple[int, ...] = ()
    removed: Mapping[str, Ints] = field(default_factory=dict[str, Ints])

    @property
    def is_written_from_record(self) -> bool:
        """Whether the texts are sentences of a template, which are alike for many patients."""
        return not self.column and not self.records

    def removed_by_patient(self) -> dict[str, dict[str, int]]:
        """Patient -> category -> how many identifiers were taken out; never which ones."""
        found: dict[str, dict[str, int]] = {}
        for category, counts in self.removed.items():
            for patient, n in zip(self.patient_id, counts.tolist(), strict=True):
                if n:
                    own = found.setdefault(patient, {})
                    own[category] = own.get(category, 0) + n
        return found
