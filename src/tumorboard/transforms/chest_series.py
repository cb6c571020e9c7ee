"""Patients with a lung tumour that shrinks or grows over visits, their chests and their notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.transforms.brain_notes import COURSE
from tumorboard.transforms.brain_patients import RATES
from tumorboard.transforms.chest_drawing import (
    LARGEST_MM,
    Chest,
    Nodule,
    Scanner,
    Visit,
    draw_chest,
)

#: Days between visits of an adaptive plan, and how far one may be early or late.
VISIT_DAYS, VISIT_SPREAD = 21.0, 2.0
#: Smallest tumour that is drawn, in mm; diameters at the first visit.
SMALLEST_MM, FIRST_MM = 6.0, (20.0, 38.0)
SCANNER = Scanner("SIEMENS", "Sensation Open", "B31f", 120, 16.0, 1.4, 1.8)
#: A volume changes so many times faster than that of a brain tumour of the same course.
_FASTER = 2.5
#: Place in the list that a patient's generator is seeded with -> what it draws.
_PERSON, _CHEST, _VISIT, _NOTE = range(4)
_OPENING = (
    "{age}-year-old {sex} with lung cancer.", "{age} y/o {sex}, non-small cell lung cancer.",
    "Lung cancer, {sex}, {age} years.",
)  # fmt: skip
_PLACE = (
    "Tumour in the {side} lung, {zone} zone.", "The primary lies in the {zone} zone of the {side} "
    "lung.", "{Side}-sided tumour, {zone} zone.",
)  # fmt: skip
_FURTHER = (
    "No haemoptysis.", "Cough as before.", "Denies fever.", "Ex-smoker, 30 pack years.",
    "Grade 1 oesophagitis.", "No dyspnoea at rest.", "Weight stable.", "COPD, inhaler unchanged.",
    "Father had lung cancer.", "Planned 60 Gy in 30 fractions.", "Concurrent cisplatin.",
)  # fmt: skip


@dataclass(frozen=True)
class SeriesPatient:
    """One person.

    Args:
        age_years: Age.
        is_male: Sex.
        course: Key of `RATES`.
        rate: Change of ln(volume) in 30 days.
        days: Of the visits, from the first.
        nodules: The tumour at each visit.
        moved_mm: How far the patient lies from the first visit's place, at each visit.
        is_consistent: Whether the reported outcome goes with the change, at each visit.
    """

    age_years: int
    is_male: bool
    course: str
    rate: float
    days: tuple[int, ...]
    nodules: tuple[Nodule, ...]
    moved_mm: tuple[tuple[float, float, float], ...]
    is_consistent: tuple[bool, ...]


def draw_series_patient(
    number: int, *, visits: int, consistent_reports: float, seed: int
) -> SeriesPatient:
    """Patient `number`; depends on seed and number alone.

    Args:
        number: Of the patient.
        visits: Examinations.
        consistent_reports: Share of visits whose report goes with the change of volume.
        seed: Of everything that is random.
    """
    rng = np.random.default_rng([seed, number, _PERSON])
    age = int(np.clip(np.rint(66 + 9 * rng.standard_normal()), 35, 90))
    is_male = bool(rng.random() < 0.6)
    course = list(RATES)[int(rng.integers(len(RATES)))]
    mean, spread = RATES[course]
    rate = _FASTER * float(mean + spread * np.clip(rng.standard_normal(), -2, 2))
    first = float(rng.uniform(*FIRST_MM))
    roughness, glass = (float(v) for v in rng.standard_normal(2))
    late = np.clip(rng.standard_normal(visits), -2, 2) * VISIT_SPREAD / 2
    days = np.rint(VISIT_DAYS * np.arange(visits) + late - late[0]).astype(np.int64)
    diameters = np.clip(first * np.exp(rate * days / 90), SMALLEST_MM, LARGEST_MM)
    moved = np.round(np.clip(rng.standard_normal((visits, 3)), -2, 2) * (3.0, 3.0, 5.0), 2)
    moved[0] = 0.0
    return SeriesPatient(
        age, is_male, course, rate, tuple(days.tolist()),
        tuple(Nodule(float(d), roughness, glass) for d in diameters),
        tuple((float(a), float(b), float(c)) for a, b, c in moved),
        tuple((rng.random(visits) < consistent_reports).tolist()),
    )  # fmt: skip


def draw_visit(
    patient: SeriesPatient, number: int, visit: int, *, size: tuple[int, int, int], seed: int
) -> Chest:
    """The chest at one visit: the same one in another place, with other noise."""
    own = Visit(
        np.random.default_rng([seed, number, _VISIT, visit]),
        patient.moved_mm[visit],
        max(nodule.diameter_mm for nodule in patient.nodules),
    )
    rng = np.random.default_rng([seed, number, _CHEST])
    return draw_chest(patient.nodules[visit], size=size, scanner=SCANNER, rng=rng, visit=own)


def place_of(chest: Chest) -> tuple[str, str]:
    """Side, and upper, middle or lower zone of the lung, of the middle of the tumour."""
    x, _, z = (c - m for c, m in zip(chest.center_mm, chest.middle_mm, strict=True))
    return ("right" if x > 0 else "left"), "upper" if z > 30 else "lower" if z < -30 else "middle"


def reported_of(patient: SeriesPatient, visit: int) -> str:
    """What the note of a visit after the first says of the time since the one before."""
    change = 3 * float(
        np.log(patient.nodules[visit].diameter_mm / patient.nodules[visit - 1].diameter_mm)
    )
    true = "better" if change < -0.1 else "worse" if change > 0.1 else "stable"
    if patient.is_consistent[visit]:
        return true
    return {"better": "worse", "worse": "better", "stable": "worse"}[true]


#: Words of the brain's notes that do not fit a chest -> words that do.
_OF_LUNG: Mapping[str, str] = {
    ", steroids tapered": ", less breathless", "fewer seizures and less headache": "less cough",
    " with more headache": " with more cough", "More frequent seizures, steroids increased":
    "More breathless, oxygen started",
}  # fmt: skip


def note_of(
    patient: SeriesPatient, number: int, visit: int, place: tuple[str, str], *, seed: int
) -> str:
    """Note of one visit: who, where, how since the visit before, and what else."""
    rng = np.random.default_rng([seed, number, _NOTE, visit])
    words = {
        "age": str(patient.age_years), "sex": "man" if patient.is_male else "woman",
        "side": place[0], "Side": place[0].capitalize(), "zone": place[1],
    }  # fmt: skip
    sentences = [_choose(_OPENING, rng).format(**words), _choose(_PLACE, rng).format(**words)]
    if visit:
        said = _choose(COURSE[reported_of(patient, visit)], rng)
        for old, new in _OF_LUNG.items():
            said = said.replace(old, new)
        sentences.append(said)
    chosen = rng.permutation(len(_FURTHER))[: int(rng.integers(1, 4))].tolist()
    return " ".join([*sentences, *(_FURTHER[k] for k in chosen)])


def _choose(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
