"""Term frequency times inverse document frequency of notes, counted by patient.

Sparck Jones 1972; Salton & Buckley 1988. A term weighs (1 + ln count) x (ln((1 + N) /
(1 + n)) + 1) with N training patients of whom n have it, and a note has length 1. A
patient with ten notes is one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tumorboard.formats.words import words
from tumorboard.records import Floats

#: A stage in one word (pt3a, ypt2n0m0) and its categories without prefix and subdivision.
_STAGE = re.compile(r"(?:[ycpra]{0,2}[tnm][0-4x][a-d]?\d?)+")
_CATEGORY = re.compile(r"([tnm])([0-4x])")


def terms_of(text: str, *, longest: int) -> list[str]:
    """Words of a text, runs of up to `longest` of them, and the categories of stages (T3).

    Each of pT3, T3a and ypT3 is too rare to be learned by itself.
    """
    own = words(text)
    terms = list(own)
    for word in own:
        if _STAGE.fullmatch(word):
            terms += [f"{m[1]}{m[2]}".upper() for m in _CATEGORY.finditer(word)]
    for length in range(2, longest + 1):
        terms += [" ".join(own[i : i + length]) for i in range(len(own) - length + 1)]
    return terms


def count_patients(
    texts: Sequence[str], patient_id: Sequence[str], *, longest: int
) -> dict[str, int]:
    """Term -> how many patients have it in any of their notes; the most frequent first."""
    own: defaultdict[str, set[str]] = defaultdict(set)
    for text, patient in zip(texts, patient_id, strict=True):
        own[patient].update(terms_of(text, longest=longest))
    counts = Counter(term for terms in own.values() for term in terms)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def inverse_frequency(n_with: Sequence[int], n_patients: int) -> Floats:
    """Inverse document frequency of terms that so many of the patients have."""
    return np.log((1 + n_patients) / (1 + np.asarray(n_with, dtype=np.float64))) + 1


def weigh(
    texts: Sequence[str], terms: Sequence[str], inverse: Floats, *, longest: int
) -> NDArray[np.float32]:
    """(texts, terms) weights; a text without any of the terms is all zero."""
    place = {term: k for k, term in enumerate(terms)}
    weights = np.zeros((len(texts), len(terms)), dtype=np.float32)
    for row, text in enumerate(texts):
        counts = Counter(place[t] for t in terms_of(text, longest=longest) if t in place)
        if counts:
            columns = np.fromiter(counts, dtype=np.int64)
            own = (1 + np.log(np.fromiter(counts.values(), dtype=np.float64))) * inverse[columns]
            weights[row, columns] = own / np.linalg.norm(own)
    return weights
