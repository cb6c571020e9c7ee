"""Notes on people with a brain tumour, in varied words, with what each sentence tells known.

A note is a list of sentences. Those about the place of the tumour name its side and lobe; those
about a decoy name what it is and where; all others (symptoms, history, family, treatment, what was
denied) tell nothing of place, though some speak of a side: a right-handed woman has a hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tumorboard.transforms.brain_lesions import Heterogeneity

#: What a sentence is about; the first two tell one lesion from the other.
Topic = Literal["tumour_place", "decoy", "deficit", "history", "course"]
TELLING: tuple[Topic, ...] = ("tumour_place", "decoy")


@dataclass(frozen=True)
class Sentence:
    """One sentence and what it is about."""

    text: str
    topic: Topic


@dataclass(frozen=True)
class Subject:
    """Whom a note is about.

    Args:
        age_years: Age.
        is_male: Sex.
        tumour: Side and lobe of the tumour.
        decoy: Side and lobe of what looks like one; empty where there is none.
        decoy_is: What that is, in clinical words.
        treatment: Key of `TREATMENTS`.
        diameter_mm: Longest diameter of the tumour with its oedema.
        is_silent: Whether the note says nothing of any place.
        tells_decoy: Whether it says what the decoy is.
    """

    age_years: int
    is_male: bool
    tumour: tuple[str, str]
    decoy: tuple[str, ...]
    decoy_is: str
    treatment: str
    diameter_mm: float
    is_silent: bool
    tells_decoy: bool


#: What looks like a tumour of each kind and is none.
DECOYS: Mapping[Heterogeneity, tuple[str, ...]] = {
    "homogeneous": ("old infarct", "demyelinating plaque", "area of gliosis"),
    "rim": ("subacute infarct", "tumefactive demyelination", "resolving abscess"),
    "necrosis": ("radiation necrosis", "treated abscess", "post-treatment change"),
    "multifocal": ("treated abscesses", "demyelinating lesions", "radiation change"),
}
_PLACE = (
    "{side} {lobe} lobe", "{side} {lobe} region", "{lobe} lobe on the {side}",
    "{side}-sided {lobe} lobe", "{lobe} lobe of the {side} hemisphere",
)  # fmt: skip
_TUMOUR = (
    "MRI shows a mass in the {place}.", "Suspected glioma of the {place}.",
    "Biopsy of the lesion in the {place} showed a diffuse glioma.",
    "Glioma in the {place} on imaging.", "The neoplasm lies in the {place}.",
    "Referred for resection of a tumour of the {place}.",
    "Known intra-axial tumour, {place}, for surgical planning.",
    "Tumour board: glial neoplasm centred in the {place}; resection advised.",
    "Outside MRI reported a space-occupying lesion in the {place}, likely malignant.",
    "The patient has a primary brain tumour affecting the {place}.",
)  # fmt: skip
_DECOY = (
    "Known {what} in the {place}.", "There is a {what} in the {place}, unchanged for years.",
    "The signal change in the {place} is a {what} and not tumour.",
    "Past history of {what}, {place}.", "Incidental {what} of the {place}, do not treat.",
    "Of note, a {what} in the {place} on all prior scans; no evidence of tumour there.",
    "Neurology has followed the {what} in the {place} since 2014.",
)  # fmt: skip
_PLURAL = ("abscesses", "lesions")
_OPENING = (
    "{age}-year-old {man}.", "{age} y/o {sex}, {hand}-handed.",
    "This {hand}-handed {age}-year-old {man} was seen in clinic.",
    "The patient is a {age}-year-old {man}.", "{Sex} patient, aged {age}.",
)  # fmt: skip
_SYMPTOMS = (
    "Presented with a first generalised seizure.", "Progressive headache for {n} weeks.",
    "Two months of fatigue and memory problems.", "Headache and vomiting, worse in the morning.",
    "Episodes of confusion noticed by the family.", "Gait has been unsteady for {n} weeks.",
    "No headache; the finding was incidental after a fall.",
)  # fmt: skip
_DEFICIT = (
    "Examination shows a mild {other}-sided weakness.", "Subtle {other} pronator drift.",
    "Reports numbness of the {other} hand.",
)  # fmt: skip
_HISTORY = (
    "Denies fever or weight loss.", "No other malignancy known.", "No dizziness.",
    "Mother had breast cancer at 61.", "Father died of a stroke.", "Smokes.",
    "Nobody in the family had a brain tumour.",
    "Hypertension, well controlled.", "Type 2 diabetes on metformin.", "Lives alone.",
    "On dexamethasone 4 mg twice daily.", "Levetiracetam 500 mg was started.",
    "Appendicectomy in childhood.",
    "Old fracture of the {hand} wrist.", "No visual field defect.", "Allergic to penicillin.",
    "Performance status ECOG {ecog}.", "Not pregnant, no contraindication to gadolinium.",
    "Possible migraine in the past, not confirmed.", "Takes aspirin; no anticoagulants.",
)  # fmt: skip
TREATMENTS: Mapping[str, tuple[str, ...]] = {
    "surgery": ("Had a partial resection last year.", "Previous debulking surgery."),
    "radiotherapy": ("Completed radiotherapy and temozolomide in the past.", "After 60 Gy."),
    "observation": ("No tumour treatment so far.", "Watchful waiting until now."),
}
_SIZE = ("It measures about {mm} mm.", "Largest diameter {mm} mm.", "Roughly {cm} cm across.")
#: Reported course -> how people say it.
COURSE: Mapping[str, tuple[str, ...]] = {
    "better": (
        "Feels better since the last visit.", "Clinically improved, steroids tapered.",
        "Reports fewer seizures and less headache.",
    ),
    "stable": (
        "Clinically unchanged since the last visit.", "No new complaints, stable.",
        "Condition as before.",
    ),
    "worse": (
        "Feels worse since the last visit.", "Clinical deterioration with more headache.",
        "More frequent seizures, steroids increased.",
    ),
}  # fmt: skip


def write_note(subject: Subject, rng: np.random.Generator) -> tuple[Sentence, ...]:
    """Sentences of one note in their order.

    Args:
        subject: Whom it is about.
        rng: Source of all randomness; how many numbers it gives does not depend on what is told.
    """
    words = _words(subject, rng)
    opening = Sentence(_choose(_OPENING, rng).format(**words), "history")
    symptoms = Sentence(_choose(_SYMPTOMS, rng).format(**words), "history")
    n_history = int(rng.integers(1, 5))
    chosen = rng.permutation(len(_HISTORY))[:n_history].tolist()
    history = [Sentence(_HISTORY[k].format(**words), "history") for k in chosen]
    treated = Sentence(_choose(TREATMENTS[subject.treatment], rng), "history")
    if rng.random() < 0.6:
        history.insert(int(rng.integers(n_history)), treated)
    place = _choose(_PLACE, rng), _choose(_TUMOUR, rng), _choose(_SIZE, rng)
    other = _choose(_PLACE, rng), _choose(_DECOY, rng)
    deficit = _choose(_DEFICIT, rng)
    has_size, has_deficit = rng.random() < 0.35, rng.random() < 0.2
    order = rng.random(2)
    if subject.is_silent:
        return (opening, symptoms, *history)
    told = [_of_tumour(subject, place, has_size, words)]
    if subject.decoy and subject.tells_decoy:
        told.append([_of_decoy(subject, *other)])
        if order[0] < 0.5:
            told.reverse()
    if has_deficit and subject.tumour[1] in ("frontal", "parietal"):
        # the motor and sensory strips serve the other side of the body
        across = "left" if subject.tumour[0] == "right" else "right"
        history.insert(0, Sentence(deficit.format(other=across), "deficit"))
    sentences = [sentence for group in told for sentence in group]
    if order[1] < 0.5:
        return (opening, symptoms, *sentences, *history)
    return (opening, *sentences, symptoms, *history)


def course_sentence(course: str, rng: np.random.Generator) -> Sentence:
    """How the patient is since the visit before: `better`, `stable` or `worse`."""
    return Sentence(_choose(COURSE[course], rng), "course")


def text_of(sentences: Sequence[Sentence]) -> str:
    """A note as one text."""
    return " ".join(sentence.text for sentence in sentences)


def _of_tumour(
    subject: Subject, place: tuple[str, str, str], has_size: bool, words: Mapping[str, str]
) -> list[Sentence]:
    named, said, size = place
    found = [Sentence(said.format(place=_place(named, subject.tumour)), "tumour_place")]
    if has_size:
        found.append(Sentence(size.format(**words), "tumour_place"))
    return found


def _of_decoy(subject: Subject, named: str, said: str) -> Sentence:
    text = said.format(what=subject.decoy_is, place=_place(named, subject.decoy))
    article = "an" if subject.decoy_is[0] in "aeiou" else "a"
    text = text.replace(f"a {subject.decoy_is}", f"{article} {subject.decoy_is}")
    if subject.decoy_is.endswith(_PLURAL):
        text = text.replace(
            f"There is {article} {subject.decoy_is}", f"There are {subject.decoy_is}"
        )
        text = text.replace(f"is {article} {subject.decoy_is}", f"is due to {subject.decoy_is}")
        text = text.replace(f"{article} {subject.decoy_is}", subject.decoy_is)
    return Sentence(text, "decoy")


def _words(subject: Subject, rng: np.random.Generator) -> dict[str, str]:
    sex = "male" if subject.is_male else "female"
    rounded = 5 * round(subject.diameter_mm / 5)
    return {
        "age": str(subject.age_years), "man": "man" if subject.is_male else "woman", "sex": sex,
        "Sex": sex.capitalize(), "hand": "left" if rng.random() < 0.1 else "right",
        "n": str(int(rng.integers(2, 12))), "ecog": str(int(rng.integers(0, 3))),
        "mm": str(rounded), "cm": f"{rounded / 10:g}",
    }  # fmt: skip


def _place(pattern: str, where: Sequence[str]) -> str:
    return pattern.format(side=where[0], lobe=where[1])


def _choose(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
