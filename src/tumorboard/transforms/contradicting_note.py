"""A note that says the opposite: sides and places swapped, to see what a model makes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Words that trade places; each pair in both directions.
_PAIRS = (
    ("left", "right"), ("left-sided", "right-sided"), ("leftward", "rightward"),
    ("anterior", "posterior"), ("superior", "inferior"), ("upper", "lower"),
    ("frontal", "occipital"), ("temporal", "parietal"), ("medial", "lateral"),
    ("central", "peripheral"), ("proximal", "distal"), ("ventral", "dorsal"),
    ("cranial", "caudal"), ("apical", "basal"), ("inner", "outer"),
    ("supratentorial", "infratentorial"),
)  # fmt: skip
_OPPOSITES: Mapping[str, str] = {word: other for a, b in _PAIRS for word, other in ((a, b), (b, a))}
_WORDS = re.compile(
    rf"\b({'|'.join(sorted(map(re.escape, _OPPOSITES), key=len, reverse=True))})\b", re.IGNORECASE
)


def contradict(text: str) -> tuple[str, int]:
    """The text with every word of side or place turned into its opposite, and how many there were.

    A text without such a word is returned as it is: it cannot be contradicted this way.
    """
    return _WORDS.subn(_opposite, text)


def _opposite(match: re.Match[str]) -> str:
    word = match.group(0)
    other = _OPPOSITES[word.lower()]
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() else other
