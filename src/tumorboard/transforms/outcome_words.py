"""The words of an outcome, and where texts say them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Labels that say nothing without the outcome's own word beside them.
_PLAIN = frozenset({
    "yes", "no", "true", "false", "none", "other", "others", "unknown", "positive", "negative",
    "event", "absent", "present", "high", "low", "left", "right", "early", "late", "middle", "rest",
})  # fmt: skip
_PLAIN_TARGETS = frozenset({
    "label", "class", "classification", "target", "outcome", "diagnosis", "status", "type", "group",
    "result", "final", "binary", "value", "histology", "grade", "stage",
})  # fmt: skip
_NEGATED = re.compile(
    r"\b(no|not|without|nor|neither|never|denies|denied|free of|negative for|exclud\w*|absence of|"
    r"rul(e|ed|ing) out|r/o|unlikely|suspect\w*|suspicious|suspicion|possible|possibly|risk|"
    r"family|history of|versus|vs\.?|query|differential|whether|screening)\b[^.;\n]{0,60}$",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"^[^.;\n]{0,25}\b(unlikely|excluded|ruled out|not seen|absent)\b|^\s*\?"
)


@dataclass(frozen=True)
class Mentions:
    """What one text says of the classes.

    Args:
        tokens: `<class number>+` for a mention, `<class number>-` for a denied or doubtful one.
        stated: Numbers of the classes that are mentioned without denial.
    """

    tokens: frozenset[str]
    stated: frozenset[int]


def outcome_words(
    target: str, values: Mapping[str, str], classes: Sequence[str]
) -> list[re.Pattern[str] | None]:
    """For each class what names it in a text; None where nothing does.

    A label such as 1, `yes` or IV counts only beside the outcome's own name (`stage IV`); where no
    label of the positive class is a word of its own, the outcome's name stands for it.

    Args:
        target: Column of the outcome.
        values: Label as written in the source -> class.
        classes: Class names, the positive one last.
    """
    names = [
        word
        for word in re.findall(r"[a-z]{4,}", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", target).lower())
        if word not in _PLAIN_TARGETS
    ]
    beside = [word for word in re.findall(r"[a-z]{3,}", target.lower())]
    found: list[list[str]] = []
    for name in classes:
        labels = {name, *(label for label, own in values.items() if own == name)}
        patterns = [pattern for label in sorted(labels) if (pattern := _word(label))]
        patterns += [
            rf"{re.escape(word)}\W{{0,3}}(?:is |of )?{re.escape(label)}(?![a-z0-9])"
            for label in sorted(labels)
            for word in beside
            if not _word(label)
        ]
        found.append(patterns)
    if names and len(classes) == 2 and not any(_word(label) for label in (*classes, *values)):
        found[-1] += [pattern for word in names if (pattern := _word(word))]
    return [
        re.compile(rf"(?<![a-z0-9])(?:{'|'.join(own)})", re.IGNORECASE) if own else None
        for own in found
    ]


def _word(label: str) -> str:
    """Pattern of a label that names its class by itself; "" where it does not."""
    text = " ".join(label.split()).lower()
    if text in _PLAIN or not re.search(r"[a-z]", text):
        return ""
    if re.fullmatch(r"[tnm]\d[a-d]?", text):  # T2 also names pT2 and T2a
        return rf"(?:yp|p|c)?{text}[a-d]?(?![a-z0-9])"
    if len(text) < 4 and not re.search(r"[a-z]\d|\d[a-z]", text):
        return ""
    if re.fullmatch(r"[ivx]+[abc]?\d?", text):  # a Roman number of a stage
        return ""
    ending = r"(?![a-z0-9])"
    if len(text) >= 8 and text.isalpha():  # malignant also names malignancy
        text, ending = text[:-3], r"[a-z]{0,6}(?![a-z0-9])"
    return r"\W+".join(map(re.escape, re.findall(r"\w+", text))) + ending


def mentions(
    texts: Sequence[str | None], words: Sequence[re.Pattern[str] | None]
) -> list[Mentions]:
    """What each text says of each class."""
    known: dict[str, Mentions] = {"": Mentions(frozenset(), frozenset())}
    for text in texts:
        if text and text not in known:
            known[text] = _mentions(text, words)
    return [known[text or ""] for text in texts]


def _mentions(text: str, words: Sequence[re.Pattern[str] | None]) -> Mentions:
    tokens: set[str] = set()
    for k, pattern in enumerate(words):
        for match in pattern.finditer(text) if pattern is not None else ():
            is_denied = bool(
                _NEGATED.search(text[max(0, match.start() - 80) : match.start()])
                or _DENIED_AFTER.search(text[match.end() : match.end() + 40])
            )
            tokens.add(f"{k}{'-' if is_denied else '+'}")
    return Mentions(frozenset(tokens), frozenset(int(t[:-1]) for t in tokens if t.endswith("+")))
