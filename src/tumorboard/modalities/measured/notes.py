"""What the notes modality read: one cleaned and de-identified text per row."""

from __future__ import annotations

from dataclasses import dataclass

from tumorboard.modalities import Measured


@dataclass(frozen=True)
class MeasuredNotes(Measured):
    """Notes of a cohort as models may read them; `dataclasses.replace` puts other notes in.

    Args:
        texts: One per row, cleaned and de-identified; "" where the row has no note.
        name: The modality's name in the study.
        patient_id: One per row.
    """

    texts: tuple[str, ...] = ()
    name: str = ""
    patient_id: tuple[str, ...] = ()
