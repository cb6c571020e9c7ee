"""What stands before a biomarker: a result, a question, or what makes it no biomarker."""

from __future__ import annotations

import re

from tumorboard.transforms.factor_verdicts import VARIANT

_DENIES = re.compile(
    r"(?:\bno|\bwithout|\babsence of|\black of|\bnegative for|\bneg for|\bnot have|\brules out"
    r"|(?<!not )(?<!be )\bruled out)\s+"
    r"(?:(?:a|an|any|evidence of|known|activating|detectable|the|mutations? in"
    r"|amplification of)\s+)*$",
    re.IGNORECASE,
)
_AFFIRMS = re.compile(
    r"(?:\bpositive for|\bharbou?r(?:s|ing)|\bmutant|\bmutated|\bpositive)\s+"
    r"(?:(?:a|an|the)\s+)*$",
    re.IGNORECASE,
)
#: A change named before the marker, which stands unless what follows denies it.
_NAMES = re.compile(
    r"(?:\bmutations? (?:in|of)|\bamplification of)\s+(?:(?:a|an|the)\s+)*$", re.IGNORECASE
)
_BEFORE_WORD = re.compile(
    r"(?P<no>wild[- ]?type|negative|un-?methylated)\s+$|(?P<yes>methylated)\s+$", re.IGNORECASE
)
#: What was asked for, or is awaited: naming a change is no result then.
_ASKS = re.compile(
    r"(?:\b(?:test(?:s|ed|ing)?|analy[sz]ed|assay|screen(?:s|ed|ing)?|sent|check(?:ed|ing)?|look(?:ed|"
    r"ing)?|evaluat\w+|assess\w*|investigat\w+|sequenc\w+) for|\bawait(?:s|ed|ing)?|\bpending"
    r"|\bto (?:rule out|exclude|test|check|assess)|\b(?:request|order)(?:ed|ing)?|\bstatus of)\s+"
    r"(?:(?:a|an|any|the|her|his|for|of|in|possible|presence|status|results?|mutations?"
    r"|amplification)\s+)*$",
    re.IGNORECASE,
)
_CHANGE = rf"(?: an?)?(?: \w+)? (?:{VARIANT}|mutations?|rearrangement|fusion|amplification)"
#: A result behind what was asked for: "tested for EGFR and found L858R".
_ANSWERS = re.compile(
    rf"\b(?:found(?! to (?:have|be)\b(?!{_CHANGE}))|positive(?= for\b{_CHANGE})|detected"
    r"|reveal(?:s|ed|ing)|show(?:s|ed|n|ing)|identified|demonstrat(?:es|ed|ing)"
    r"|confirmed)\b|:(?!\s*(?:is |still )?(?:pending|awaited|requested|ordered|to follow))",
    re.IGNORECASE,
)
#: What takes the result away: "none found", "to be confirmed".
_NO_ANSWER = re.compile(
    r"\b(?:none|nothing|not?|never|nor|neither|if|unless|until|(?:to|can|will|may|could) be)"
    r"\s+(?:\w+\s+){0,2}$|\bpending\b",
    re.IGNORECASE,
)
#: "test for EGFR mutation and ALK rearrangement": what is asked of the first is of the second.
_AND = re.compile(r"\s*(?:\w+\s*){0,2}(?:,|/|\b(?:and|or))\s*(?:and\s+|or\s+)?$", re.IGNORECASE)
#: An emergency room: "in the ER", unless a result of the receptor stands right behind.
_ROOM_BEFORE = re.compile(
    r"\b(?:in|to|from|at|via|through)\s+(?:(?:the|our|an?|local|outside|nearby|hospital)\s+)*$",
    re.IGNORECASE,
)
_RECEPTOR = re.compile(
    r"\s*(?:[-+/:=&]|\(?\s*(?:pos|neg|\d|\+|-)|express|status|stain|level|low|high|loss"
    r"|(?:,|and|or)\s*(?:PR|PgR|HER|progest))",
    re.IGNORECASE,
)
#: "no ALK rearrangement or EGFR mutation": what denies the first denies the second.
_OR = re.compile(r"\s*(?:\w+\s+){0,2}(?:or|nor)\s+$", re.IGNORECASE)


def denies(before: str, *, is_next: bool) -> bool:
    """Whether the marker is denied: "no EGFR mutation"; `is_next`: the marker before it was."""
    return bool((is_next and _OR.match(before)) or _DENIES.search(before))


def asks(before: str, *, is_next: bool) -> bool:
    """Whether the marker is asked for: "test for EGFR"; `is_next`: the marker before it was."""
    return bool((is_next and _AND.match(before)) or _ASKS.search(before))


def answers(after: str) -> bool:
    """Whether a result follows what was asked for: "Tested for ALK fusion, which was found"."""
    return any(not _NO_ANSWER.search(after[: match.start()]) for match in _ANSWERS.finditer(after))


def said_before(before: str) -> str:
    """A result that stands before the marker, or ""."""
    word = _BEFORE_WORD.search(before)
    if word:
        return "negative" if word["no"] else "positive"
    return "positive" if _AFFIRMS.search(before) else ""


def names_change(before: str) -> bool:
    """Whether a change of the marker is named: "mutation in EGFR"."""
    return _NAMES.search(before) is not None


def is_room(sentence: str, start: int, end: int) -> bool:
    """Whether ER is the emergency room: "seen in ER, negative work-up"."""
    is_place = sentence[start:end] == "ER" and _ROOM_BEFORE.search(sentence[:start])
    return bool(is_place) and not _RECEPTOR.match(sentence, end)
