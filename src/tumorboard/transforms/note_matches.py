"""Pairs of free texts of different patients that are one text, boilerplate left aside.

A text becomes its shingles: runs of four words, lower case, without punctuation, every number alike
(a copied note often has its numbers changed, and a template has them everywhere). Shingles that
more than a few patients have are boilerplate and do not count. Two texts match where what remains
is the same or nearly so (Jaccard index; Broder 1997). Pairs are found through the shingles that
they share, each of which only a few patients have: exact, and linear in the number of texts.
Two texts that are equal word for word, numbers included, match as well where they are so
improbable among the other texts that chance hardly gives such a pair (transforms/note_chance.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from tumorboard.transforms.chance_matches import CHANCE_PAIRS
from tumorboard.transforms.note_chance import chance_of_texts

#: Words of a shingle.
_SHINGLE = 4
#: A shingle of more patients than this, or than this share of them, is boilerplate.
_BOILERPLATE, _BOILERPLATE_SHARE = 3, 0.005
#: Two texts share at least so many shingles that are no boilerplate: 11 and 13 words on end.
_SAME_TEXT, _NEARLY_SAME_TEXT = 8, 10
#: Share of such shingles in common from which two texts are nearly the same.
_SIMILARITY = 0.6
#: Shorter texts that are equal word for word are phrases, not notes.
_EQUAL_WORDS = 12
#: A column holds free text where half of its cells have at least so many words, ...
_WORDS = 8
#: ... and at least so many cells differ, so that a category with a long name is none.
_DIFFERENT = 0.2

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class NoteMatch:
    """Two texts that are one.

    Args:
        first: Number of the first text.
        second: Number of the second one.
        similarity: Share of the shingles in common, boilerplate left aside; 1 for equal texts.
        is_identical: Equal but for case, punctuation, spaces and numbers.
    """

    first: int
    second: int
    similarity: float
    is_identical: bool


def is_free_text(cells: Sequence[str | None]) -> bool:
    """True where a column of the table holds sentences, not numbers or categories."""
    given = [cell for cell in cells if cell and cell.strip()]
    long = [cell for cell in given if len(cell.split()) >= _WORDS]
    return len(long) >= max(2, len(given) / 2) and len(set(given)) >= _DIFFERENT * len(given)


def find_note_matches(texts: Sequence[str | None], owner: Sequence[object]) -> list[NoteMatch]:
    """Pairs of texts of different owners that are one text.

    Args:
        texts: One per row; None and short texts match nothing.
        owner: Whose text it is.
    """
    words = [words_of(text or "") for text in texts]
    rare = _rare_shingles(words, owner)
    sharing: defaultdict[str, list[int]] = defaultdict(list)
    own: set[tuple[object, str]] = set()
    for number, shingles in enumerate(rare):
        text = (owner[number], " ".join(words[number]))
        if text not in own:  # a patient's note may stand in each of the patient's rows
            own.add(text)
            for shingle in shingles:
                sharing[shingle].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in sharing.values():
        shared.update(pair for pair in combinations(numbers, 2) if owner[pair[0]] != owner[pair[1]])
    matches = {pair: NoteMatch(*pair, 1.0, is_identical=True) for pair in _equal(texts, owner)}
    for (first, second), n_shared in shared.items():
        is_identical = words[first] == words[second]
        similarity = n_shared / len(rare[first] | rare[second])
        enough = _SAME_TEXT if is_identical else _NEARLY_SAME_TEXT
        if n_shared >= enough and similarity >= _SIMILARITY:
            matches[first, second] = NoteMatch(first, second, similarity, is_identical)
    return [matches[pair] for pair in sorted(matches)]


def words_of(text: str) -> list[str]:
    """Words of a text in lower case, without punctuation, every number as #."""
    return [_NUMBER.sub("#", word) for word in _words(text)]


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _equal(texts: Sequence[str | None], owner: Sequence[object]) -> list[tuple[int, int]]:
    """Pairs that are equal word for word, which few patients are and chance does not explain."""
    holders: defaultdict[tuple[str, ...], dict[object, int]] = defaultdict(dict)
    for number, text in enumerate(texts):
        holders[tuple(_words(text or ""))].setdefault(owner[number], number)
    most = _most_holders(owner)
    shared = [
        list(own.values())
        for words, own in holders.items()
        if 1 < len(own) <= most and len(words) >= _EQUAL_WORDS
    ]
    if not shared:
        return []
    given = [number for own in holders.values() for number in own.values()]
    place = {number: k for k, number in enumerate(given)}
    words = [_words(texts[number] or "") for number in given]
    plain = [words_of(texts[number] or "") for number in given]
    chances = chance_of_texts(words, plain, [place[numbers[0]] for numbers in shared])
    n = len(set(owner))
    return [
        (min(pair), max(pair))
        for numbers, q in zip(shared, chances, strict=True)
        if q * n * (n - 1) / 2 < CHANCE_PAIRS
        for pair in combinations(numbers, 2)
    ]


def _most_holders(owner: Sequence[object]) -> int:
    return max(_BOILERPLATE, int(_BOILERPLATE_SHARE * len(set(owner))))


def _rare_shingles(words: Sequence[Sequence[str]], owner: Sequence[object]) -> list[set[str]]:
    """Shingles of each text that are no boilerplate."""
    every = [
        {" ".join(text[k : k + _SHINGLE]) for k in range(len(text) - _SHINGLE + 1)}
        for text in words
    ]
    owners: defaultdict[str, set[object]] = defaultdict(set)
    for shingles, person in zip(every, owner, strict=True):
        for shingle in shingles:
            owners[shingle].add(person)
    most = _most_holders(owner)
    return [{s for s in shingles if len(owners[s]) <= most} for shingles in every]
