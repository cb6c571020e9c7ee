"""Whether a mention in a sentence is negated, possible, of the past, or of somebody else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tumorboard.transforms.context_lexicon import (
    ANSWER,
    BREAK,
    CLAUSE,
    ENDS,
    ENDS_BEFORE,
    FOR,
    FREE,
    LAST,
    LAST_WORDS,
    LISTED,
    MEASURE,
    NOT_GIVEN,
    OWN_REACH,
    PARENTHESES,
    REACH,
    REFUSALS,
    TRIGGERS,
    WHO,
    Direction,
    Meaning,
    first_word,
)

Temporality = Literal["recent", "historical", "hypothetical"]
Experiencer = Literal["patient", "other"]

#: What stands before a heading's colon where all that follows is of the past, or of relatives.
_SENTENCE_END = re.compile(
    r"(?<!\b[A-Z])(?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\bNo)"
    r"[.!?][\"')\]]?\s+(?=[A-Z0-9(*\-])|\n\s*\n|\n\s*(?=[-*\u2022]\s|\d{1,2}[.)]\s)"
    r"|\n(?=[A-Z][A-Za-z /&-]{1,40}:)"
)
_NOT_FREE = re.compile(r"\b(?:not|no longer|never)\s+(?:yet\s+|been\s+)?$", re.IGNORECASE)
#: The measure of a time before: "35 mm, previously 42 mm".
_PAST_MEASURE = re.compile(
    r"\s*(?:(?:it|was|measured|measuring|of|at|about|approximately)\s+)*\d[\d.,]*\s*-?(?:x|by|mm|cm)",
    re.IGNORECASE,
)
#: What somebody had, behind what was not given: "not given chemotherapy and underwent surgery".
_GIVEN_END = re.compile(
    r"\b(?:after|following|before|despite)\b|\b(?:and|then|who)\s+(?:(?:she|he|they|then|later"
    r"|subsequently|only)\s+)*(?:underwent|received|had|has|was|were|started|began|completed)\b"
    r"|,\s*(?:[\w-]+\s+){0,5}?(?:is|are|was|were|has|had|underwent|received)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
#: Characters of a sentence; what is longer is no sentence.
_LONGEST = 1500


@dataclass(frozen=True)
class Context:
    """What a sentence says of one mention in it.

    Args:
        negated: It is said not to be there.
        uncertain: It is possible, suspected or to be excluded.
        temporality: `historical`: it was; `hypothetical`: it may come, or is planned.
        experiencer: `other`: a relative or somebody else has it.
    """

    negated: bool = False
    uncertain: bool = False
    temporality: Temporality = "recent"
    experiencer: Experiencer = "patient"


@dataclass(frozen=True)
class _Trigger:
    """A phrase found in a sentence, and the stretch of the sentence that it speaks of."""

    start: int
    end: int
    meaning: Meaning
    direction: Direction


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence or listed item; line breaks within a sentence do not count."""
    cuts = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    found: list[tuple[int, int]] = []
    for start, end in pairwise(cuts):
        while end - start > _LONGEST:
            # text without full stops is cut between words, so that reading time stays in proportion
            cut = text.rfind(" ", start + 1, start + _LONGEST)
            cut = cut if cut > start else start + _LONGEST
            found.append((start, cut))
            start = cut
        found.append((start, end))
    return [(start, end) for start, end in found if text[start:end].strip()]


def contexts(sentence: str, spans: Sequence[tuple[int, int]]) -> list[Context]:
    """Context of each mention in a sentence, after NegEx and ConText.

    A phrase such as "denies" speaks of what follows it until a word that ends its reach ("but",
    "presents"), the end of the sentence, or a number of words; "is ruled out" speaks of what stands
    before it. A longer phrase holds the shorter ones inside it: "no increase" negates nothing. What
    was, in parentheses, is of what stands in them: "35 mm (previously 42 mm)".

    Args:
        sentence: One sentence; offsets count its characters.
        spans: Start and end of each mention.

    Source:
        Chapman et al., J Biomed Inform 2001;34:301-310 (NegEx); Harkema et al., J Biomed Inform
        2009;42:839-851 (ConText).
    """
    if not spans:
        return []
    triggers = _triggers(sentence)
    breaks = [match.start() for match in BREAK.finditer(sentence)]
    return [_context(sentence, span, triggers, breaks) for span in spans]


def _triggers(sentence: str) -> list[_Trigger]:
    """Phrases of the sentence without those inside a longer one."""
    found: list[_Trigger] = []
    answers = {match.start("no") for match in ANSWER.finditer(sentence)}
    for word in _WORD.finditer(sentence):
        if word.start() in answers:
            continue  # "Hypertension: no, diabetes: yes"
        for phrases in TRIGGERS.get(first_word(word.group()), ()):
            match = phrases.pattern.match(sentence, word.start())
            if match:
                direction = phrases.direction
                is_last = LAST.match(sentence, match.end()) is not None
                words = " ".join(match.group().lower().split())
                if is_last and words in LAST_WORDS:
                    direction = "before"  # "prior radiotherapy denied": nothing follows
                elif not is_last and words in NOT_GIVEN and WHO.search(sentence[: word.start()]):
                    direction = "after"
                found.append(_Trigger(*match.span(), phrases.meaning, direction))
    return [t for t in found if t.meaning != "pseudo" and not any(_holds(o, t) for o in found)]


def _holds(outer: _Trigger, inner: _Trigger) -> bool:
    """Whether a longer phrase takes another's meaning away; relatives stay relatives."""
    if inner.meaning == "other" and outer.meaning != "pseudo":
        return False
    is_longer = outer.end - outer.start > inner.end - inner.start
    return is_longer and outer.start <= inner.start and inner.end <= outer.end


def _context(
    sentence: str, span: tuple[int, int], triggers: Sequence[_Trigger], breaks: Sequence[int]
) -> Context:
    meanings = {t.meaning for t in triggers if _reaches(sentence, t, span, breaks)}
    if ANSWER.match(sentence, span[1]) or FREE.match(sentence, span[1]):
        meanings.add("negated")
    if FREE.match(sentence, span[1]) and _NOT_FREE.search(sentence[: span[0]]):
        meanings.discard("negated")  # "no longer pain-free"
    temporality: Temporality = "recent"
    if "hypothetical" in meanings:
        temporality = "hypothetical"
    elif "historical" in meanings and "recent" not in meanings:
        temporality = "historical"
    return Context(
        negated="negated" in meanings and "uncertain" not in meanings,
        uncertain="uncertain" in meanings,
        temporality=temporality,
        experiencer="other" if "other" in meanings else "patient",
    )


def _reaches(
    sentence: str, trigger: _Trigger, span: tuple[int, int], breaks: Sequence[int]
) -> bool:
    """Whether a phrase speaks of a mention."""
    start, end = span
    if trigger.start < end and start < trigger.end:
        return False  # a mention that holds the phrase says it itself
    is_after = start >= trigger.end
    if trigger.direction not in ("both", "after" if is_after else "before"):
        return False
    low, high = (trigger.end, start) if is_after else (end, trigger.start)
    if any(low <= cut < high for cut in breaks):
        return False
    between = sentence[low:high]
    if trigger.meaning == "historical" and _is_aside(sentence, trigger, span, between):
        return False
    phrase = sentence[trigger.start : trigger.end].lower()
    is_ended = _is_ended(between, phrase, trigger.meaning) if is_after else _is_cut(between, phrase)
    if is_ended or (is_after and _is_past_given(sentence, phrase, span, low)):
        return False
    reach = REACH.get((trigger.meaning, "after" if is_after else "before"))
    reach = OWN_REACH.get(phrase, reach)
    return reach is None or len(_WORD.findall(between)) <= reach


def _is_aside(sentence: str, trigger: _Trigger, span: tuple[int, int], between: str) -> bool:
    """Whether what was is another measure, or what parentheses hold, not the mention."""
    is_before = span[1] <= trigger.start
    if is_before and (MEASURE.search(between) or _PAST_MEASURE.match(sentence, trigger.end)):
        return True
    own = next(
        (m for m in PARENTHESES.finditer(sentence) if m.start() < trigger.start < m.end()), None
    )
    if own is None or own.start() < span[0] < own.end():
        return False
    words = sentence[trigger.end : own.end()]
    return _WORD.search(words) is not None or MEASURE.search(own.group()) is not None


def _is_ended(between: str, phrase: str, meaning: Meaning) -> bool:
    """Whether a word between a phrase and the mention behind it ends the phrase's reach."""
    if REFUSALS.intersection(phrase.split()) and FOR.search(between):
        return True
    ends = ENDS.get(meaning)
    return ends is not None and ends.search(between) is not None


def _is_past_given(sentence: str, phrase: str, span: tuple[int, int], low: int) -> bool:
    """Whether a mention stands behind what ends the reach of "was not given"."""
    if " ".join(phrase.split()) not in NOT_GIVEN:
        return False
    end = _GIVEN_END.search(sentence, low)
    return end is not None and end.start() < span[0]


def _is_cut(between: str, phrase: str) -> bool:
    """Whether a phrase that reaches backwards stops before a mention."""
    if CLAUSE.search(between):
        return True
    return ENDS_BEFORE.search(between) is not None and not LISTED.match(f"{between}{phrase}")
