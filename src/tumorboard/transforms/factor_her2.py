"""What stains and in-situ hybridisation say of HER2, which is measured by both."""

from __future__ import annotations

import re

from tumorboard.transforms.factor_verdicts import Verdict, verdict

#: A score of 0 stands right behind HER2: elsewhere 0 counts nodes or cells.
_ZERO = re.compile(
    r"\s*[:=(]?\s*(?:(?:by )?(?:IHC|immunohistochemistry|immunostain\w*|stain\w*|score)\s*[:=(]?\s*"
    r"(?:(?:is|was|of)\s+)?){0,2}0\s?\+?(?=\s?/\s?3|(?![\d.,/:-]?\d|\s?(?:%|of|x|out|/|cm|mm)))",
    re.IGNORECASE,
)
_IHC = re.compile(r"(?<![\d.])(?P<score>[0-3])\s?\+|\bscore\s*(?:of\s*)?:?\s*(?P<plain>[0-3])\b")
_STAIN = ("negative", "negative", "equivocal", "positive")
_IN_SITU = re.compile(r"\b(?:[FC]?ISH|in[- ]situ hybridi[sz]ation)\b", re.IGNORECASE)
_STAINED = re.compile(r"\b(?:IHC|immunohistochemistry|immunostain\w*)\b", re.IGNORECASE)
#: What parts the result of one method from that of another.
_PART = re.compile(r",|;|\b(?:and|but|while|whereas|however)\b", re.IGNORECASE)
#: "positive by FISH": the result stands before the method.
_BY = re.compile(r"(?:\bby|\bon|\bwith|\busing|\bvia|\()\s*(?:\w+\s+)?$", re.IGNORECASE)


def of_in_situ(text: str) -> Verdict | None:
    """What FISH, CISH or ISH says behind HER2; None where it says nothing.

    Args:
        text: What stands behind the marker, up to the next one.
    """
    return _of_method(text, _IN_SITU)


def of_stain_word(text: str) -> Verdict | None:
    """What a stain says in words: "negative by IHC"; None where it says nothing, or a score."""
    return None if stain_score(text) else _of_method(text, _STAINED)


def of_stain_score(text: str) -> Verdict | None:
    """The result that the score of a stain means (ASCO/CAP)."""
    stain = stain_score(text)
    return Verdict(_STAIN[stain[0]], stain[1]) if stain else None


def stain_score(text: str) -> tuple[int, int] | None:
    """Score of a stain, and where it ends."""
    zero = _ZERO.match(text)
    if zero:
        return 0, zero.end()
    match = _IHC.search(text)
    return (int(match["score"] or match["plain"]), match.end()) if match else None


def _of_method(text: str, method: re.Pattern[str]) -> Verdict | None:
    """The verdict of a method: in its own part of the text before "by", else behind it."""
    match = method.search(text)
    if match is None:
        return None
    before = text[: match.start()]
    low = max((part.end() for part in _PART.finditer(before)), default=0)
    said = verdict(before[low:]) if _BY.search(before) else None
    if said:
        return Verdict(said.value, match.end())
    found = verdict(text[match.end() :])
    return Verdict(found.value, match.end() + found.end) if found else None
