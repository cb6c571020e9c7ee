"""Words and pairs of words in free texts that tell a class by themselves.

A report says the outcome in other words than the study does: "invasive ductal carcinoma" where the
class is "malignant". Whether a patient's text has the phrase is a score of two values, whose area
under the ROC curve is (sensitivity + specificity) / 2 in the direction it points. Nothing
is fitted; that one of many phrases is the best is paid for by Bonferroni's correction of its
hypergeometric p (Fisher's exact test).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tumorboard.records import Bools, Ints
from tumorboard.transforms.note_matches import words_of


@dataclass(frozen=True)
class TellingPhrase:
    """One phrase and what it tells.

    Args:
        phrase: One word or two on end, lower case.
        label: Number of the class that it tells from the rest.
        auroc: Of having the phrase (or of not having it).
        p_value: One-sided, times the phrases and classes looked at.
        n_with: Patients whose text has it.
        n_of_class: Those of them who are of the class.
        n_patients: Patients with a text.
        has: (patients,) whose text has it.
    """

    phrase: str
    label: int
    auroc: float
    p_value: float
    n_with: int
    n_of_class: int
    n_patients: int
    has: Bools


def phrases_of(text: str) -> set[str]:
    """Words of a text and pairs of words on end; numbers are no words."""
    words = words_of(text)
    pairs = {f"{a} {b}" for a, b in pairwise(words) if "#" not in (a, b)}
    return pairs | {word for word in words if "#" not in word}


def telling_phrase(
    phrases: Sequence[frozenset[str]], target: Ints, *, n_classes: int, fewest: int
) -> TellingPhrase | None:
    """The phrase that tells a class best; None where fewer patients than `fewest` have any.

    Args:
        phrases: Phrases of each patient; patients without a text have none and do not take part.
        target: (patients,) class numbers.
        n_classes: Number of classes.
        fewest: A phrase is looked at where so many patients have it and as many have not.
    """
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for number, own in enumerate(phrases):
        for phrase in own:
            holders[phrase].append(number)
    has_text = np.asarray([bool(own) for own in phrases], dtype=np.bool_)
    n = int(has_text.sum())
    of_class = np.bincount(target[has_text], minlength=n_classes)
    looked_at = sorted(p for p, own in holders.items() if fewest <= len(own) <= n - fewest)
    if not looked_at or int((of_class > 0).sum()) < 2:
        return None
    hits = np.stack([np.bincount(target[holders[p]], minlength=n_classes) for p in looked_at])
    n_with = hits.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        area = 0.5 + np.abs(hits / of_class - (n_with - hits) / (n - of_class)) / 2
    area = np.nan_to_num(area, nan=0.5)
    # of phrases that tell as much the longer one says it best
    length = np.asarray([len(p) for p in looked_at])
    row, label = np.unravel_index(int(np.argmax(area + 1e-9 * length[:, None])), area.shape)
    if n_classes == 2:
        label = int(hits[row, 1] / of_class[1] > hits[row, 0] / of_class[0])
    phrase, n_tests = looked_at[row], len(looked_at) * (n_classes if n_classes > 2 else 1)
    has = np.isin(np.arange(len(target)), holders[phrase])
    auroc = float(area[row, label])
    return _phrase(phrase, int(label), auroc, hits[row], of_class, n_tests, has)


def _phrase(
    phrase: str, label: int, auroc: float, hits: Ints, of_class: Ints, n_tests: int, has: Bools
) -> TellingPhrase:
    from scipy.stats import hypergeom

    n, n_with, n_hits = int(of_class.sum()), int(hits.sum()), int(hits[label])
    tails = (
        hypergeom.cdf(n_hits, n, of_class[label], n_with),
        hypergeom.sf(n_hits - 1, n, of_class[label], n_with),
    )
    p_value = min(1.0, 2 * float(min(tails)) * n_tests)
    return TellingPhrase(phrase, label, auroc, p_value, n_with, n_hits, n, has)
