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
    r"remission|(?:partial|complete|good|major) response|respond(?:ed|ing)|"
    r"(?:fewer|less) (?:\w+ )?(?:seizures?|headaches?|cough|breathless|pain|dyspno?ea|symptoms?)|"
    r"decreas(?:ed|ing)(?: in size)?|reduc(?:ed|tion)|steroids (?:tapered|stopped))\b",
    re.IGNORECASE,
)
_WORSE = re.compile(
    r"\b(?:worse"
    + _WHEN
    + r"|worsen(?:ed|ing)|deteriorat(?:ed|ion|ing)|progression|progress(?:ed|ing)|"
    r"progressive disease|grown|growing|larger|"
    r"more (?:frequent|severe|headaches?|seizures?|cough|breathless|pain|dyspno?ea|symptoms?)|"
    r"increas(?:ed|ing)(?: in size)?|declin(?:ed|ing)|relapse[d]?|recurrence)\b",
    re.IGNORECASE,
)
_STABLE = re.compile(
    r"\b(?:stable|unchanged|no change|as before|no new (?:complaints|symptoms|findings)|"
    r"same as (?:before|last)|status quo)\b",
    re.IGNORECASE,
)


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
