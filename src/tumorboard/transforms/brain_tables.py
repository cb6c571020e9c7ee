"""Rows of the tables of a simulated cohort with brain tumours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from tumorboard.transforms import brain_patients as people
from tumorboard.transforms.brain_drawing import Head, whole
from tumorboard.transforms.brain_notes import Sentence

HEADER = ("patient_id", "case", "visit", "age", "sex", "treatment", "date")
VISITS = (
    "patient_id", "visit", "case", "date", "days", "tumour_volume_ml", "longest_diameter_mm",
    "reported",
)  # fmt: skip
TRUTH = (
    "patient_id", "heterogeneity", "border_mm", "tumour_side", "tumour_lobe", "decoy_side",
    "decoy_lobe", "decoy_is", "note_is_silent", "note_tells_decoy", "course", "rate_per_30_days",
    "tumour_ml", "decoy_ml", "tumour_middle_mm", "decoy_middle_mm",
    "dice_of_one_lesion", "dice_of_both_lesions",
)  # fmt: skip
TRUTH_VISITS = ("patient_id", "case", "response", "report_is_consistent")
_FIRST_DAY = date(2020, 1, 6)


@dataclass(frozen=True)
class Case:
    """One examination as written.

    Args:
        name: Of its files.
        tumour_ml: Volume of the tumour.
        decoy_ml: Volume of the decoy; 0 where there is none.
        diameter_mm: Longest axial diameter of the tumour.
        middles_mm: Centres of mass of tumour and decoy as "x y z", RAS+.
        sentences: Of its note.
    """

    name: str
    tumour_ml: float
    decoy_ml: float
    diameter_mm: float
    middles_mm: tuple[str, str]
    sentences: tuple[Sentence, ...]


def record_cells(patient: people.Patient, visit: int) -> list[object]:
    """Age, sex and treatment, and the date of the examination."""
    age = patient.age_years + patient.days[visit] // 365
    sex = "male" if patient.is_male else "female"
    return [age, sex, patient.treatment, date_cell(patient, visit)]


def date_cell(patient: people.Patient, visit: int) -> str:
    """Day of an examination."""
    return (_FIRST_DAY + timedelta(days=patient.days[visit])).isoformat()


def middle_cell(labels: NDArray[np.uint8], head: Head) -> str:
    """Centre of mass in mm as "x y z", RAS+; empty where there is none."""
    where = np.argwhere(whole(labels))
    if not len(where):
        return ""
    x, y, z = head.affine[:3, :3] @ where.mean(axis=0) + head.affine[:3, 3]
    return f"{x:.1f} {y:.1f} {z:.1f}"


def truth_cells(patient: people.Patient, case: Case) -> list[object]:
    """Cells of `TRUTH` after the patient's id, by the first visit."""
    one, both = people.expected_dice(case.tumour_ml, case.decoy_ml)
    tumour = patient.lesions[patient.tumour]
    return [
        tumour.heterogeneity, f"{tumour.border_mm:.2f}", *patient.places[patient.tumour],
        *(patient.decoy or ("", "")), patient.decoy_is, str(int(patient.is_silent)),
        str(int(patient.tells_decoy and bool(patient.decoy) and not patient.is_silent)),
        patient.course, f"{patient.rate:.6f}", f"{case.tumour_ml:.3f}", f"{case.decoy_ml:.3f}",
        *case.middles_mm, f"{one:.6f}", f"{both:.6f}",
    ]  # fmt: skip


def visit_rows(
    patient: people.Patient, patient_id: str, cases: Sequence[Case]
) -> list[list[object]]:
    """Rows of `VISITS` of one patient."""
    return [
        [
            patient_id, visit + 1, case.name,
            date_cell(patient, visit), patient.days[visit],
            f"{case.tumour_ml:.3f}", f"{case.diameter_mm:.1f}",
            "" if visit == 0 else people.reported(patient, visit),
        ]
        for visit, case in enumerate(cases)
    ]  # fmt: skip


def response_rows(
    patient: people.Patient, patient_id: str, cases: Sequence[Case]
) -> list[list[object]]:
    """Rows of `TRUTH_VISITS` of one patient."""
    found = people.responses([case.tumour_ml for case in cases])
    return [
        [patient_id, case.name, response, "" if k == 0 else str(int(patient.is_consistent[k]))]
        for k, (case, response) in enumerate(zip(cases, found, strict=True))
    ]
