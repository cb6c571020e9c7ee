"""Patients of a simulated cohort with brain tumours: heads, lesions, courses and notes.

Half of the truth is a coin: where a patient has two lesions, both are drawn from one distribution
and a fair coin says which is the tumour. No reader of the images can do better than that coin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.records import Floats
from tumorboard.transforms.brain_atlas import LOBES, SIDES
from tumorboard.transforms.brain_lesions import Heterogeneity, Lesion, draw_lesion
from tumorboard.transforms.brain_notes import DECOYS, TREATMENTS
from tumorboard.transforms.brain_tissues import Anatomy, draw_anatomy

#: Place in the list that a patient's generator is seeded with -> what it draws.
ANATOMY, LESIONS, PERSON, NOTE, EXAMINATION, COURSE = range(6)
#: Change of ln(volume) in 30 days: mean and standard deviation of each course.
RATES: Mapping[str, tuple[float, float]] = {
    "shrinks": (-0.25, 0.05), "stable": (0.0, 0.01), "grows": (0.16, 0.04),
}  # fmt: skip
#: Days between visits, and how far a visit may be early or late.
VISIT_DAYS, VISIT_SPREAD = 56.0, 6.0


@dataclass(frozen=True)
class Settings:
    """What patients are drawn with; see the simulator."""

    decoys: float
    heterogeneity: tuple[Heterogeneity, ...]
    border_mm: tuple[float, float]
    silent_notes: float
    told_decoys: float
    visits: int
    consistent_reports: float


@dataclass(frozen=True)
class Patient:
    """One person.

    Args:
        age_years: At the first visit.
        is_male: Sex.
        treatment: Before the first visit; tells nothing of place or course.
        anatomy: The head.
        lesions: In random order.
        places: Side and lobe of each.
        tumour: Which of them is the tumour.
        decoy_is: What the other is; empty where there is none.
        is_silent: Whether notes say nothing of place.
        tells_decoy: Whether notes say what the decoy is.
        course: Key of `RATES`.
        rate: Change of ln(volume) in 30 days.
        days: (visits,) from the first.
        is_consistent: (visits,) whether the reported outcome goes with the change of volume.
    """

    age_years: int
    is_male: bool
    treatment: str
    anatomy: Anatomy
    lesions: tuple[Lesion, ...]
    places: tuple[tuple[str, str], ...]
    tumour: int
    decoy_is: str
    is_silent: bool
    tells_decoy: bool
    course: str
    rate: float
    days: tuple[int, ...]
    is_consistent: tuple[bool, ...]

    @property
    def decoy(self) -> tuple[str, ...]:
        """Side and lobe of the decoy; empty where there is none."""
        return self.places[1 - self.tumour] if len(self.places) > 1 else ()

    def at_visit(self, visit: int) -> tuple[Lesion, ...]:
        """The lesions at a visit: the tumour has changed, the decoy has not."""
        factor = float(np.exp(self.rate * self.days[visit] / 30 / 3))  # a third: of lengths
        return tuple(
            lesion.scaled(factor) if k == self.tumour else lesion
            for k, lesion in enumerate(self.lesions)
        )


def generator(seed: int, patient: int, what: int, visit: int = 0) -> np.random.Generator:
    """The generator of one patient's draws of one kind."""
    return np.random.default_rng([seed, patient, what, visit])


def draw_patient(number: int, settings: Settings, *, seed: int) -> Patient:
    """Patient `number`; depends on seed and number alone."""
    person = generator(seed, number, PERSON)
    age = int(np.clip(np.rint(57 + 13 * person.standard_normal()), 19, 89))
    chances = (0.57, settings.silent_notes, settings.told_decoys)
    is_male, is_silent, tells = (person.random(3) < chances).tolist()
    has_decoy = bool(person.random() < settings.decoys)
    kinds = settings.heterogeneity
    heterogeneity = kinds[int(person.integers(len(kinds)))]
    treatment = list(TREATMENTS)[int(person.integers(len(TREATMENTS)))]
    what = DECOYS[heterogeneity][int(person.integers(len(DECOYS[heterogeneity])))]
    lesions, places = _draw_lesions(
        heterogeneity, 1 + has_decoy, settings, generator(seed, number, LESIONS)
    )
    course, rate, days, consistent = _draw_course(settings, generator(seed, number, COURSE))
    return Patient(
        age_years=age, is_male=is_male, treatment=treatment,
        anatomy=draw_anatomy(age, generator(seed, number, ANATOMY)), lesions=lesions,
        places=places, tumour=int(person.random() < 0.5) if has_decoy else 0,
        decoy_is=what if has_decoy else "", is_silent=is_silent, tells_decoy=tells,
        course=course, rate=rate, days=days, is_consistent=consistent,
    )  # fmt: skip


def reported(patient: Patient, visit: int) -> str:
    """What the note of a visit after the first says of the time since the one before."""
    change = patient.rate * (patient.days[visit] - patient.days[visit - 1]) / 30
    true = "better" if change < -0.1 else "worse" if change > 0.1 else "stable"
    if patient.is_consistent[visit]:
        return true
    return {"better": "worse", "worse": "better", "stable": "worse"}[true]


def responses(volumes_ml: Sequence[float]) -> tuple[str, ...]:
    """Category of each visit by volume: RECIST 1.1's thresholds of a diameter, cubed.

    Partial response is -65.7 % from the first visit (a ball's diameter falls by 30 %), progression
    +72.8 % from the smallest so far (a ball's diameter grows by 20 %).

    Args:
        volumes_ml: Of the visits in their order.

    Source:
        Eisenhauer et al. 2009, Eur J Cancer 45:228; a ball's volume goes with its diameter cubed.
    """
    found = ["baseline"]
    for k, volume in enumerate(volumes_ml[1:], start=1):
        if volume == 0:
            found.append("complete")
        elif volume >= 1.2**3 * min(volumes_ml[:k]):
            found.append("progression")
        elif volume <= 0.7**3 * volumes_ml[0]:
            found.append("partial")
        else:
            found.append("stable")
    return tuple(found)


def expected_dice(tumour_ml: float, decoy_ml: float) -> tuple[float, float]:
    """Expected Dice of a perfect reader of images alone who marks one lesion, or both.

    Which of the two is the tumour is a fair coin to whoever sees the images, and contours are
    perfect: one lesion gives 1 or 0; both give 2a / (2a + b) for a tumour a and a decoy b.

    Args:
        tumour_ml: Volume of the tumour.
        decoy_ml: Volume of the decoy; 0 where there is none.
    """
    if decoy_ml == 0:
        return 1.0, 1.0
    both = [2 * a / (2 * a + b) for a, b in ((tumour_ml, decoy_ml), (decoy_ml, tumour_ml))]
    return 0.5, sum(both) / 2


def _draw_lesions(
    heterogeneity: Heterogeneity, n: int, settings: Settings, rng: np.random.Generator
) -> tuple[tuple[Lesion, ...], tuple[tuple[str, str], ...]]:
    """One lesion, or two in different regions that do not touch; their order means nothing."""
    # room for a tumour that grows, whichever of the two it is
    growth = 1.0 if settings.visits == 1 else 1.2
    regions = [(side, lobe) for side in SIDES for lobe in LOBES]
    while True:
        chosen = rng.permutation(len(regions))[:n].tolist()
        places = tuple(regions[k] for k in chosen)
        lesions = tuple(
            draw_lesion(
                side, lobe, heterogeneity=heterogeneity, border_mm=settings.border_mm, rng=rng
            )
            for side, lobe in places
        )
        if n == 1 or _is_apart(lesions[0].scaled(growth), lesions[1].scaled(growth)):
            return lesions, places


def _is_apart(first: Lesion, second: Lesion) -> bool:
    away = float(np.linalg.norm(first.center_mm - second.center_mm))
    return away > _extent_mm(first) + _extent_mm(second)


def _extent_mm(lesion: Lesion) -> float:
    """How far a lesion reaches, but for the highest waves of its surface."""
    return max(
        float(np.linalg.norm(body.center_mm - lesion.center_mm)) + 1.3 * body.radius_mm
        for body in lesion.bodies
    )


def _draw_course(
    settings: Settings, rng: np.random.Generator
) -> tuple[str, float, tuple[int, ...], tuple[bool, ...]]:
    course = list(RATES)[int(rng.integers(len(RATES)))]
    mean, spread = RATES[course]
    rate = float(mean + spread * np.clip(rng.standard_normal(), -2, 2))
    n = settings.visits
    late: Floats = np.clip(rng.standard_normal(n), -2, 2) * VISIT_SPREAD / 2
    days = np.rint(VISIT_DAYS * np.arange(n) + late - late[0]).astype(np.int64).tolist()
    consistent = (rng.random(n) < settings.consistent_reports).tolist()
    return course, rate, tuple(days), tuple(consistent)
