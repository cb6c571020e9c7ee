"""Statements cut out of notes, so that a model has to find the answer elsewhere.

The ways that reports state a stage follow the notation of the UICC and AJCC: prefixes c, p, y, r,
a, m; T, N and M with their suffixes; groups in Roman numerals. Scanned reports have l and I for 1
and O for 0. MR sequences (T2-weighted) are no stage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tumorboard.errors import StudyError, nearest

_EDGE = r"(?<![A-Za-z0-9])"
#: Capitals mean the category: "CT 2" is an image, "no 3" a number, "mm" a length.
_PREFIX = r"(?:(?-i:[ycpram]{1,3}|Y?P)[\s-]?)?"
_NEXT = (
    r"(?![a-z]{2}|\d"
    r"|[\s-]?(?:weight|w\b|flair|signal|hyperint|hypoint|sequence|image|post|fse|tse))"
)
_BRACKET = r"(?:\s?\((?:m|mult\w*|sn|i[+-]|mol[+-]|\d+)\))?"
#: What an AJCC table says of a category behind it, up to the end of the sentence.
_MEANING = r"(?:\s?[:=]\s?(?!\s?[ycpram]{0,3}[TNM][0-4Xx])[^.;\n]{0,200})?"
_T = (
    rf"{_EDGE}{_PREFIX}(?-i:T)[\s:-]{{0,2}}(?:[0-4](?:[a-d]\d?)?|is|mi|[1l]mi|x){_BRACKET}{_NEXT}"
    rf"{_MEANING}"
)
_PT = (
    rf"{_EDGE}[yra]?p\s?(?-i:T)[\s:-]{{0,2}}(?:[0-4IlO][a-d]?\d?|is|x){_BRACKET}(?![a-z]{{2}})"
    rf"{_MEANING}"
    rf"|{_EDGE}pt[0-4](?:[a-d]\d?)?{_NEXT}{_MEANING}|\bt[0-4x][a-d]?(?=\s?n[0-3x])"
)
#: NO is a word of denial, but for a category in front of an M.
_N = (
    rf"{_EDGE}{_PREFIX}(?-i:N)[\s:-]?(?:[0-3](?:[a-c]|mi)?|x){_BRACKET}(?![a-z]{{2}}|\d){_MEANING}"
    rf"|{_EDGE}(?-i:p\s?NO|NO(?=,?\s?p?M[0O1Xx]\b)){_BRACKET}(?!\w)"
    rf"|{_EDGE}pn[0-3x][a-c]?\b|(?<=[0-4x])n[0-3x](?=\s?m[01x]\b)"
)
_M = (
    rf"{_EDGE}{_PREFIX}(?-i:M)(?:[01][a-c]?|x|(?-i:O)){_BRACKET}(?![a-z]{{2}}|\d|\w){_MEANING}"
    rf"|{_EDGE}pm[01x]\b|(?<=[0-3x])m[01x]\b"
)
_LETTER = r"(?:p|c|yp|yc)?\s?"
_ROMAN = r"(?:IV|I{1,3}|[0-4])(?:[ABC]\d?)?"


def _category(letter: str) -> str:
    """Statements such as: T stage: 2, stage T 2, primary tumour (pT): 2."""
    return (
        rf"(?:\b{_LETTER}{letter}[\s-]?(?:stage|category|classification)"
        rf"|\bstage\s{_LETTER}{letter}|\({_LETTER}{letter}\))\s*(?:is|of)?\s*[:=]?\s*{_LETTER}{letter}?\s?[0-4xX][a-d]?\b"
    )


#: Name of a statement -> patterns of the ways that reports make it, in any case.
STATEMENTS: dict[str, tuple[str, ...]] = {
    "t_stage": (_category("T"), _PT, _T),
    "n_stage": (_category("N"), _N),
    "m_stage": (_category("M"), _M),
    "stage": (
        rf"\b(?:(?:AJCC|UICC|TNM|FIGO|anatomic|prognostic|clinical|pathologic(?:al)?|overall|tumou?r|"
        rf"summary)\s)*stag(?:e|ing)(?:\s(?:group(?:ing)?|is|of))*\s*[:=]?\s*{_ROMAN}\b",
        rf"\bFIGO\s*[:=]?\s*{_ROMAN}\b",
        r"\bDukes'?\s*(?:stage\s*)?[:=]?\s*[A-D]\d?\b",
    ),
    "grade": (
        r"\b(?:(?:WHO|ISUP|Fuhrman|Nottingham|Edmondson|SBR|Bloom[ -]Richardson|FIGO|nuclear|"
        r"histolog\w+|overall|combined|tumou?r|high|low|intermediate|final)[\s-])*grade(?:\s(?:group|is|"
        r"of))*\s*[:=,]?\s*(?:G?[1-4]\b|IV\b|I{1,3}\b|high\b|low\b|intermediate\b)(?:\s?(?:/|of)\s?"
        r"(?:[1-4]|IV|III?)\b)?",
        r"\b(?:high|low|intermediate)[\s-]grade\b",
        rf"{_EDGE}G[\s-]?[1-4](?:\s?-\s?G?[1-4])?\b(?!\s?(?:cells|phase))",
        r"\b(?:well|moderately|poorly|un)[\s-]*(?:to\s(?:well|moderately|poorly)\s)?differentiated\b",
        r"\bGleason\b[^.;\n]{0,40}?\d\s?\+\s?\d(?:\s?=\s?\d+)?",
        r"\b(?:Gleason|Nottingham|Bloom[ -]Richardson|SBR)(?:\s\w+)?\s(?:score|sum)\s*[:=]?\s*\d+"
        r"(?:\s?/\s?\d+)?",
    ),
    "side": (
        r"\b(?:left|right)(?:[\s-]sided)?\b|\bbilateral(?:ly)?\b|\b(?:lt|rt)\b\.?|\bunilateral\b",
    ),
}


class Scrubber:
    """Takes statements out of texts.

    Args:
        statements: Names among `STATEMENTS`, or a regular expression between slashes.

    Raises:
        StudyError: No such name, or no regular expression.
    """

    def __init__(self, statements: Sequence[str]) -> None:
        self._patterns = [pattern for statement in statements for pattern in _compiled(statement)]

    def scrub(self, text: str) -> tuple[str, int]:
        """The text without the statements, and how many there were."""
        n = 0
        for pattern in self._patterns:
            text, found = pattern.subn(" ", text)
            n += found
        return (
            ("\n".join(" ".join(line.split()) for line in text.split("\n")), n) if n else (text, 0)
        )


def _compiled(statement: str) -> list[re.Pattern[str]]:
    if len(statement) > 2 and statement.startswith("/") and statement.endswith("/"):
        try:
            return [re.compile(statement[1:-1], re.IGNORECASE)]
        except re.error as error:
            raise StudyError(f"scrub: {statement} is no regular expression ({error}).") from None
    if statement not in STATEMENTS:
        raise StudyError(
            f"scrub: {statement!r} is not a known statement. "
            f"{nearest(statement, list(STATEMENTS))} Or write a regular expression between slashes."
        )
    return [re.compile(pattern, re.IGNORECASE) for pattern in STATEMENTS[statement]]
