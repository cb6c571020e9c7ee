"""What every kind of clinical factor is found as: a mention in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "site", "side", "lobe", "size", "stage", "grade", "histology", "biomarker", "treatment",
    "symptom", "history",
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "site", "side", "lobe", "size", "stage", "grade", "histology", "biomarker", "treatment",
    "symptom", "history",
)  # fmt: skip


@dataclass(frozen=True)
class Mention:
    """One clinical factor in a sentence, before the sentence's context is asked.

    Args:
        kind: Kind of factor.
        name: What is said something of: `er`, `size_mm`, `headache`; a column's name.
        value: What is said, in one spelling: "positive", "left", "T2a", "cisplatin".
        start: First character in the sentence.
        end: One behind the last.
        number: The value as a number in `unit`; NaN where it is none.
        unit: Unit of the number: "mm", "%", "pack-years", or "".
        code: ICD-O-3 morphology code of a histology, or "".
        is_result: Whether "negative" is a result that the mention itself states.
    """

    kind: Kind
    name: str
    value: str
    start: int
    end: int
    number: float = float("nan")
    unit: str = ""
    code: str = ""
    is_result: bool = False


#: First characters of words.
_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

#: Words that a sentence about a tumour, or about what was taken of it, holds.
TUMOUR = re.compile(
    r"\b(?:tumou?rs?|mass(?:es)?|lesions?|nodules?|neoplasms?|cancers?|sarcomas?"
    r"|malignan\w+|metasta\w+|\w*(?:gli|blast|cyt|carcin)omas?|meningiomas?"
    r"|melanomas?|lymphomas?|adenomas?|biops\w+|specimens?|resect\w+|\w+ectomy|craniotomy|polyps?"
    r"|enhanc\w+|flair|hyperintens\w+|infiltrat\w+|primary|site)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Lexicon:
    """Expressions and what each of them means, as one expression.

    Args:
        pattern: One group per expression and first character.
        values: What each group means.
    """

    pattern: re.Pattern[str]
    values: tuple[str, ...]


def lexicon(entries: Mapping[str, str]) -> Lexicon:
    """One expression for all entries; of two that fit at a place the earlier counts.

    At every word only the entries that can begin with its first character are tried.

    Args:
        entries: Value -> expression without groups that capture.
    """
    words = [
        (value, alternative, _first_of(alternative))
        for value, pattern in entries.items()
        for alternative in _alternatives(pattern)
    ]
    parts: list[str] = []
    values: list[str] = []
    for character in _CHARACTERS:
        own: dict[str, list[str]] = {}
        for value, alternative, first in words:
            if character in first:
                own.setdefault(value, []).append(alternative)
        if own:
            groups = "|".join(f"({'|'.join(some)})" for some in own.values())
            parts.append(f"(?={character})(?:{groups})")
            values += own
    joined = rf"(?<![A-Za-z])(?:{'|'.join(parts)})(?![A-Za-z])"
    return Lexicon(re.compile(joined, re.IGNORECASE), tuple(values))


def find_words(words: Lexicon, sentence: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Value and place of every entry of a lexicon in a sentence."""
    for match in words.pattern.finditer(sentence):
        yield words.values[(match.lastindex or 1) - 1], match


def first_characters(pattern: str) -> frozenset[str]:
    """Letters and digits, small, that what an expression matches can begin with.

    For expressions of plain words, groups, classes and look-around; where one begins with anything
    else, all characters.
    """
    found: set[str] = set()
    for alternative in _alternatives(pattern):
        found |= _first_of(alternative)
    return frozenset(found)


def _first_of(text: str) -> set[str]:
    """First characters of an expression without alternatives at its top."""
    found: set[str] = set()
    i = 0
    while i < len(text):
        end = _end_of(text, i)
        atom = text[i:end]
        is_optional = text[end : end + 1] in ("?", "*")
        i = end + is_optional
        if atom.startswith(("(?=", "(?!", "(?<")):
            continue
        found |= _of_atom(atom)
        if not is_optional:
            return found
    return set(_CHARACTERS)


def _of_atom(atom: str) -> set[str]:
    if atom.startswith("(?:"):
        return set(first_characters(atom[3:-1]))
    if atom.startswith("[") and not set(atom[1:-1]) & set("^-\\"):
        return set(atom[1:-1].lower())
    return {atom.lower()} if atom.lower() in _CHARACTERS else set(_CHARACTERS)


def _end_of(text: str, i: int) -> int:
    """Where the group, class, escape or character that begins at `i` ends."""
    if text[i] == "\\":
        return i + 2
    if text[i] == "[":
        return text.index("]", i) + 1
    if text[i] != "(":
        return i + 1
    i += 1
    while text[i] != ")":
        i = _end_of(text, i)
    return i + 1


def _alternatives(pattern: str) -> list[str]:
    """Parts of an expression between the bars at its top."""
    parts, i, start = [], 0, 0
    while i < len(pattern):
        if pattern[i] == "|":
            parts.append(pattern[start:i])
            start = i + 1
        i = _end_of(pattern, i)
    return [*parts, pattern[start:]]
