"""Names that their sentence tells: behind "patient" or "wife", before a verb, in small letters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tumorboard.transforms.deidentification.name_lists import (
    GIVEN,
    NO_NAMES,
    NO_RELATIVES,
    NO_TITLED,
    SURNAMES,
)
from tumorboard.transforms.deidentification.places import is_department
from tumorboard.transforms.deidentification.spans import Span
from tumorboard.transforms.deidentification.titles import BARE_TITLE, LOWER_TITLE

_WORD = re.compile(r"[^\W\d_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}-][^\W\d_]+)*")
#: Behind "patient" two capitalised words are a name where a comma parts them or a verb follows.
_TITLE_CASE = r"[A-Z][a-zà-ÿ]+(?:['-][A-Z]?[a-zà-ÿ]+)?"
_VERBS = (
    r"(?:is|was|has|had|came|presents|presented|reports|reported|denies|states|stated|says|said|"
    r"agrees|agreed|who|will|underwent|tolerated|returns|returned|lives|complains|seen|visits|"
    r"called|at bedside|accompanied|brought|present|here)\b"
)
_PATIENT = re.compile(
    rf"\b[Pp]atient(?:,\s+(?P<set>{_TITLE_CASE}(?: {_TITLE_CASE}){{1,3}})(?=,)"
    rf"|\s+(?P<name>{_TITLE_CASE}(?: {_TITLE_CASE}){{1,2}})(?=\s+{_VERBS}))"
)
#: A spouse or child by the first name, without "his" or "her" before.
_RELATIVE = re.compile(
    rf"\b(?:[Ww]ife|[Hh]usband|[Ss]pouse|[Ff]ianc[ée]e?)\s+(?P<name>{_TITLE_CASE})(?=\s+{_VERBS}|\s*[,.;(]"
    rf"|\s*$)|\b(?:[Ss]on|[Dd]aughter|[Pp]artner)\s+(?P<child>{_TITLE_CASE})(?=\s+{_VERBS})",
    re.MULTILINE,
)
_VERB_BEHIND = re.compile(rf"\s+{_VERBS}")
#: An initial and a surname, where only a person can do what follows: "M. Dubois denies".
_INITIAL = re.compile(
    rf"(?<![\w.])(?P<name>[A-Z]\. {_TITLE_CASE})(?=\s+(?:denies|denied|states|says|said|"
    r"agrees|agreed|complains|complained|tolerated|lives|underwent|reports|presented)\b)"
)
#: A name where a department should stand: "Referring Service: Jane Roe", no "ENT" and no "Urology".
_UNIT = re.compile(
    r"\b(?i:(?:referring|ordering|requesting)\s(?:service|department|site|facility))\s*:[ \t]*"
    r"(?P<name>(?![A-Z]{1,4}\b)[A-Z][\w'-]+(?:,?[ \t](?:[A-Z]\.|[A-Z][\w'-]*)){0,2})"
    r"(?=[ \t]*(?:[.,;\n(]|$|[ \t]{2}))"
)
_UNIT_WORDS = """
unknown internal vascular cardiac cardiothoracic thoracic plastic colorectal ortho neuro onc heme
hem gyn obstetrics transplant palliative dermatologic primary acute observation general endocrine
"""
_UNITS = frozenset(_UNIT_WORDS.split())


def in_small_letters(text: str) -> Iterator[Span]:
    """Names in small letters behind titles."""
    for match in LOWER_TITLE.finditer(text):
        if match["name"] not in NO_NAMES:
            yield Span(match.start("name"), match.end("name"), "name", "[NAME]")
    yield from _behind_bare_titles(text)


def in_apposition(text: str) -> Iterator[Span]:
    """Names behind "patient" or a department's label, and first names of a spouse or a child."""
    for pattern in (_PATIENT, _RELATIVE, _INITIAL):
        for match in pattern.finditer(text):
            group = match.lastgroup or 0
            words = [word.lower() for word in _WORD.findall(match[group]) if len(word) > 1]
            if not NO_RELATIVES.intersection(words):
                yield Span(match.start(group), match.end(group), "name", "[NAME]")
    yield from _in_place_of_units(text)


def _in_place_of_units(text: str) -> Iterator[Span]:
    """Names behind the label of a department: a first name, or no word of departments."""
    for match in _UNIT.finditer(text):
        words = {word.lower() for word in _WORD.findall(match["name"])}
        if words & GIVEN or not (words & _UNITS or is_department(match["name"])):
            yield Span(match.start("name"), match.end("name"), "name", "[NAME]")


def _behind_bare_titles(text: str) -> Iterator[Span]:
    """Names in small letters behind dr, mr, mrs and ms; MR and MS are also words of medicine."""
    for match in BARE_TITLE.finditer(text):
        name = match["name"]
        is_frequent = name in SURNAMES or name in GIVEN
        if name in NO_TITLED or re.search(r"(?:gram|graph|scop)\w*$", name):
            continue
        if is_frequent or not match["mr"] or _VERB_BEHIND.match(text, match.end()):
            yield Span(match.start("name"), match.end("name"), "name", "[NAME]")
