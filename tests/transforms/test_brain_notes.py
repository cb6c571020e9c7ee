"""Notes name the right places, and silent ones none."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from tumorboard.transforms.brain_atlas import LOBES, SIDES
from tumorboard.transforms.brain_notes import (
    COURSE,
    DECOYS,
    TELLING,
    Subject,
    course_sentence,
    text_of,
    write_note,
)

SUBJECT = Subject(
    age_years=61, is_male=False, tumour=("left", "temporal"), decoy=("right", "occipital"),
    decoy_is="old infarct", treatment="surgery", diameter_mm=43.0, is_silent=False,
    tells_decoy=True,
)  # fmt: skip


def sentences(subject: Subject, topic: str, n: int = 200) -> list[str]:
    notes = [write_note(subject, np.random.default_rng(seed)) for seed in range(n)]
    return [s.text for note in notes for s in note if s.topic == topic]


def test_places_are_those_of_the_lesions() -> None:
    for topic, (side, lobe) in (("tumour_place", SUBJECT.tumour), ("decoy", SUBJECT.decoy)):
        found = sentences(SUBJECT, topic)
        named = [s for s in found if lobe in s]
        assert len(named) >= 200
        for text in named:
            assert side in text
            assert not any(other in text for other in {*LOBES, *SIDES} - {side, lobe})
    assert {s for s in sentences(SUBJECT, "decoy") if "old infarct" not in s} == set()
    assert len(set(sentences(SUBJECT, "tumour_place"))) > 40
    assert any("45 mm" in s for s in sentences(SUBJECT, "tumour_place"))


def test_silent_notes_say_nothing_of_place() -> None:
    silent = replace(SUBJECT, is_silent=True)
    for seed in range(200):
        note = write_note(silent, np.random.default_rng(seed))
        assert not {s.topic for s in note} & {*TELLING, "deficit"}
        text = re.sub(r"(left|right)-handed|(left|right) wrist", "", text_of(note))
        assert not any(word in text for word in (*LOBES, *SIDES)), text


def test_a_weak_side_is_the_other_one() -> None:
    frontal = replace(SUBJECT, tumour=("right", "frontal"))
    found = sentences(frontal, "deficit")
    assert 20 < len(found) < 70
    assert all("left" in text and "right" not in text for text in found)
    assert not sentences(SUBJECT, "deficit")


def test_notes_without_a_decoy_or_that_do_not_tell_it() -> None:
    for subject in (replace(SUBJECT, decoy=()), replace(SUBJECT, tells_decoy=False)):
        assert not sentences(subject, "decoy")
        assert len(sentences(subject, "tumour_place")) >= 200


def test_grammar_of_every_decoy_and_every_course() -> None:
    for kinds in DECOYS.values():
        for kind in kinds:
            for text in sentences(replace(SUBJECT, decoy_is=kind), "decoy", 60):
                assert not re.search(
                    r"\ba [aeiou]|\ban [^aeiou]|\ba \w*es\b|\ba \w+ing lesions", text
                )
                assert text[0].isupper()
                assert text.endswith(".")
    for course, options in COURSE.items():
        found = {course_sentence(course, np.random.default_rng(s)).text for s in range(40)}
        assert found == set(options)
