"""What a note says of the time since the visit before: better, stable or worse."""

from __future__ import annotations

import re
from typing import Literal

from tumorboard.transforms.sentence_context import contexts, sentences

Course = Literal["better", "stable", "worse", ""]

#: What says when a complaint is felt, not how it goes: "worse in the morning".
_WHEN = (
    r"(?! (?:in the (?:morning|evening|night)|at night|at rest|on (?:exertion|standing|lying)|"
    r"when|while|lying|after (?:meals|eating)|with (?:exertion|movement|breathing|rest))\b)"
)
_BETTER = re.compile(
    r"\b(?:improv(?:ed|ing|ement|es)|better"
    + _WHEN
    + r"|shrunk(?:en)?|smaller|regress(?:ed|ion|ing)|"
    r"shrank|shrinking|remission|(?:partial|complete|good|major) response|respond(?:ed|ing)|"
    r"(?:fewer|less) (?:\w+ )?(?:seizures?|headaches?|cough|breathless|pain|dyspno?ea|symptoms?)|"
    r"decreas(?:ed|ing)(?: in size)?|reduc(?:ed|tion)|steroids (?:tapered|stopped))\b",
    re.IGNORECASE,
)
_WORSE = re.compile(
    r"\b(?:worse"
    + _WHEN
    + r"|worsen(?:ed|ing)|deteriorat(?:ed|ion|ing)|progression|progress(?:ed|ing)|"
    r"progressive disease|grown|growing|grew|larger|bigger|enlarged|enlarging|"
    r"more (?:frequent|severe|headaches?|seizures?|cough|breathless|pain|dyspno?ea|symptoms?)|"
    r"increas(?:ed|ing)(?: in size)?|declin(?:ed|ing)|relapse[d]?|recurrence)\b",
    re.IGNORECASE,
)
_STABLE = re.compile(
    r"\b(?:stable|unchanged|no change|as before|no new (?:complaints|symptoms|findings)|"
    r"same as (?:before|last)|status quo)\b",
    re.IGNORECASE,
)


#: What stands for a category of response, in the words that `reported_course` reads. Letters before
#: it tell the criteria: i (iRECIST), ir (immune-related), m (modified).
_CATEGORIES = (
    (re.compile(r"\bnon-?CR ?/ ?non-?PD\b", re.IGNORECASE), "stable disease"),
    (re.compile(r"\b(?:i|ir|m)?CR\b", re.IGNORECASE), "complete response"),
    (re.compile(r"\b(?:i|ir|m)?PR\b", re.IGNORECASE), "partial response"),
    (re.compile(r"\b(?:i|ir|m)?SD\b", re.IGNORECASE), "stable disease"),
    (re.compile(r"\b(?:i[UC]|ir|m|i)?PD\b", re.IGNORECASE), "progressive disease"),
    (re.compile(r"\bprogressive(?! disease)\b", re.IGNORECASE), "progressive disease"),
    (re.compile(r"\b(?:growth|increase|enlargement)\b", re.IGNORECASE), "larger"),
    (re.compile(r"\b(?:shrinkage|decrease|response)\b", re.IGNORECASE), "smaller"),
    (re.compile(r"^\s*same\s*$", re.IGNORECASE), "stable"),
)
#: Cells that say in so many words that nothing is reported.
_NOTHING = re.compile(
    r"\s*(?:NE|not evaluable|inevaluable|not assessed|baseline|first|none|n/?a|unknown|[-\u2013?]*)"
    r"\s*",
    re.IGNORECASE,
)
_MIXED = re.compile(r"\b(?:mixed|dissociated|pseudo-?progress)", re.IGNORECASE)


def reported_outcome(cell: str) -> Course | None:
    """The course in a cell of an outcome such as "PD"; None where the cell cannot be read.

    CR and PR are better, SD is stable, PD is worse; "" where the cell says that nothing is
    reported, as NE does.

    Args:
        cell: A category of response, a word, or a sentence.

    Source:
        Names of categories: Eisenhauer et al., Eur J Cancer 2009; 45: 228 (RECIST 1.1) and
        Seymour et al., Lancet Oncol 2017; 18: e143 (iRECIST).
    """
    if _NOTHING.fullmatch(cell):
        return ""
    if "?" in cell or _MIXED.search(cell):
        return None
    text = cell
    for pattern, words in _CATEGORIES:
        text = pattern.sub(words, text)
    return reported_course(text) or None


def reported_course(text: str) -> Course:
    """The course that a note reports; "" where it reports none, or better and worse alike.

    What is denied ("no progression", "has not improved") is stable; what lies in the past, may be,
    is planned or is of somebody else does not count. Improvement and worsening outweigh what is
    stable beside them (a stable weight beside a growing headache).

    Args:
        text: The note of one visit, or a word such as "stable".
    """
    counts = {"better": 0, "stable": 0, "worse": 0}
    for start, end in sentences(text):
        sentence = text[start:end]
        found = [
            (word, match.span())
            for word, pattern in (("better", _BETTER), ("worse", _WORSE))
            for match in pattern.finditer(sentence)
        ]
        around = contexts(sentence, [span for _, span in found])
        for (word, _), context in zip(found, around, strict=True):
            if context.temporality != "recent" or context.experiencer == "other":
                continue
            if not context.uncertain:
                counts["stable" if context.negated else word] += 1
        counts["stable"] += len(_STABLE.findall(sentence))
    if counts["better"] != counts["worse"]:
        return "better" if counts["better"] > counts["worse"] else "worse"
    return "stable" if counts["stable"] and not counts["better"] else ""
