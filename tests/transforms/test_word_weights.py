"""Weights of words: by hand, and against scikit-learn where a patient has one note."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from tumorboard.transforms.word_weights import count_patients, inverse_frequency, terms_of, weigh

TEXTS = ["no tumour seen no mass", "tumour of left lung", "left lung clear", ""]


def test_weights_are_those_of_scikit_learn() -> None:
    counts = count_patients(TEXTS, ["a", "b", "c", "d"], longest=2)
    inverse = inverse_frequency(list(counts.values()), 4)
    ours = weigh(TEXTS, list(counts), inverse, longest=2)

    vectorizer = cast(Any, TfidfVectorizer)(  # what its methods give has no one type
        analyzer=lambda text: terms_of(text, longest=2), sublinear_tf=True,
        vocabulary={term: k for k, term in enumerate(counts)},
    )  # fmt: skip
    theirs = vectorizer.fit_transform(TEXTS).toarray()
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_patient_with_many_notes_counts_once() -> None:
    counts = count_patients(["mass", "mass", "mass", "node"], ["a", "a", "a", "b"], longest=1)

    assert counts == {"mass": 1, "node": 1}


def test_the_words_of_most_patients_come_first() -> None:
    assert list(count_patients(TEXTS, list("abcd"), longest=1))[:3] == ["left", "lung", "tumour"]
    assert terms_of("no mass seen", longest=3) == [
        "no", "mass", "seen", "no mass", "mass seen", "no mass seen",
    ]  # fmt: skip


def test_unknown_words_weigh_nothing() -> None:
    assert not weigh(["zebra"], ["mass"], np.ones(1), longest=1).any()


def test_stages_are_also_counted_by_their_categories() -> None:
    assert terms_of("pT3aN0 ypT2 t4", longest=1)[3:] == ["T3", "N0", "T2", "T4"]
    assert terms_of("trap tnm mt1e", longest=1) == ["trap", "tnm", "mt1e"]
