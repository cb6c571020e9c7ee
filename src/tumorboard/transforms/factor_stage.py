"""Stage and grade of a tumour."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tumorboard.transforms.factor_mentions import Mention

_PREFIX = r"(?:y|r|a|m)?[cpCP]\s?|y|r"
_T = r"T\s?(?:is|X|[0-4])(?:mi|[a-d]\d?|\([mis]+\))?"
_N = r"N\s?(?:X|[0-3])(?:mi|[a-c])?(?:\s?\((?:sn|mi|i[+-]|mol[+-])\))?"
_M = r"M\s?(?:X|[01])(?:[a-d])?(?:\(i\+\))?"
#: Not where "cm x" parts two dimensions of a size: 3 cm x 2 cm, 19 CM X 17 CM.
_NO_CM = (
    r"(?!(?-i:c\s?m\s[xX]))"
    r"(?!(?:(?<=\d\s)|(?<=\d\s\s)|(?<=\d-))(?!(?-i:cMX))c\s?m\s?x[\s.]*\d)"
)
_GAP = r"[\s,;.:/-]{0,3}"
#: T with N behind it: no MRI sequence or vertebra is written so.
_TNM = re.compile(
    rf"(?<![A-Za-z0-9])(?P<tp>{_PREFIX})?(?P<t>{_T}){_GAP}(?:(?P<np>{_PREFIX})?(?P<n>{_N}))"
    rf"(?:{_GAP}{_NO_CM}(?:(?P<mp>{_PREFIX})?(?P<m>{_M})))?(?![A-Za-z0-9])",
    re.IGNORECASE,
)
#: One part needs a prefix (pT2), or the word stage or a category's name before it.
_PART = re.compile(
    rf"(?<![A-Za-z0-9]){_NO_CM}(?:(?P<p>(?:[yram])?[cp]\s?)(?P<own>{_T}|{_N}|{_M})"
    rf"|(?:(?:[TNM][ -]?(?:stage|category|classification)|stage[d]?(?: as)?|primary tumou?r|TNM)"
    rf"[\s:(]{{1,3}}(?:is |of |as )?)(?P<named>{_T}|{_N}|{_M}))(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_GROUP = re.compile(
    r"\b(?:AJCC |UICC |FIGO |pathologic(?:al)? |clinical |anatomic |prognostic |overall )*"
    r"stage(?: group(?:ing)?)?\s*:?\s*(?:is )?(?P<group>IV|III|II|I|0|[1-4])\s?(?P<sub>[A-C]\d?)?"
    r"(?![A-Za-z0-9]|\.\d)",
    re.IGNORECASE,
)
_ROMAN = {"1": "I", "2": "II", "3": "III", "4": "IV"}
_ARABIC = {roman: digit for digit, roman in _ROMAN.items()}

_ADVERSE = (
    r"(?!\s+(?:\(\w+\)\s+)?(?:neutropenia|an?aemia|anemia|thrombocytopenia|diarrh?o?ea|toxicit\w+"
    r"|mucositis|neuropathy|rash|nausea|fatigue|adverse|murmur|spondylolisthesis|reflux"
    r"|chondro\w+"
    r"|hemorrhoids|varices|dermatitis|pneumonitis|colitis|hepatitis))"
)
_GRADE = re.compile(
    r"(?<![A-Za-z])(?:(?P<system>CNS WHO|WHO(?:/ISUP)?|Fuhrman|Nottingham|Bloom[- ]Richardson|SBR"
    r"|ISUP|FNCLCC|nuclear|histologic(?:al)?|combined|overall|tumou?r)\s*(?:nuclear\s*"
    r"|histologic\s*)?)?"
    r"grade\s*(?P<group>group\s*)?:?\s*(?:is\s*)?(?:G\s?)?(?P<grade>IV|III|II|I"
    r"|[1-5])(?![A-Za-z0-9.]*\d)"
    rf"(?:\s?(?:of|out of|/)\s?(?:3|4|III|IV))?{_ADVERSE}(?![A-Za-z])",
    re.IGNORECASE,
)
_G = re.compile(r"(?<![A-Za-z0-9])G\s?(?P<grade>[1-4])(?!\s?P\s?\d|[A-Za-z0-9])")
_ROMAN_WHO = re.compile(r"\bWHO\s+(?P<grade>IV|III|II|I)\b")
_CLASS = re.compile(
    r"\b(?P<word>high|low|intermediate)[- ]grade\b(?! fever"
    r"| temp)",
    re.IGNORECASE,
)
_DIFFERENTIATED = re.compile(
    r"\b(?P<word>well|moderately|poorly|un)(?:\s*(?:to|-)\s*(?P<worse>moderately|poorly))?"
    r"[\s-]*differentiated\b",
    re.IGNORECASE,
)
#: Differentiation as a grade: College of American Pathologists, histologic grade G1 to G4.
_DIFFERENTIATION = {"well": 1, "moderately": 2, "poorly": 3, "un": 4}
_GLEASON = re.compile(
    r"\bGleason(?:'s)?\s*(?:score|sum|grade|pattern)?\s*:?\s*(?:of\s*)?"
    r"(?:(?P<first>[1-5])\s*\+\s*(?P<second>[1-5])(?:\s*=\s*(?P<total>10|[2-9]))?"
    r"|(?P<only>10|[6-9])\b)",
    re.IGNORECASE,
)
_NOTTINGHAM = re.compile(
    r"\bNottingham\s*(?:histologic(?:al)?\s*|combined\s*)?(?:total\s*)?score\s*:?\s*(?:of\s*)?"
    r"(?P<score>[3-9])\b",
    re.IGNORECASE,
)


def find_stages(sentence: str) -> Iterator[Mention]:
    """TNM categories with their prefix, and stage groups."""
    taken: list[tuple[int, int]] = []
    for match in _TNM.finditer(sentence):
        taken.append(match.span())
        for part in ("t", "n", "m"):
            if match[part]:
                yield _category(match[part], match.span(part))
    for match in _PART.finditer(sentence):
        part = "own" if match["own"] else "named"
        if not any(a <= match.start(part) < b for a, b in taken):
            yield _category(match[part], match.span(part))
    for match in _GROUP.finditer(sentence):
        group = match["group"].upper()
        value = _ROMAN.get(group, group) + (match["sub"] or "").upper()
        yield Mention("stage", "tumor_stage", value, *match.span(), is_result=True)


def _category(text: str, span: tuple[int, int]) -> Mention:
    """One of T, N and M in one spelling: "t 2A" is T2a, "tis" is Tis."""
    words = re.sub(r"\s", "", text)
    value = words[0].upper() + words[1:].lower().replace("x", "X")
    return Mention("stage", f"{words[0].lower()}_stage", value, *span, is_result=True)


def find_grades(sentence: str) -> Iterator[Mention]:
    """Grades: 1 to 4 (WHO, Nottingham, Fuhrman, differentiation), high or low, Gleason."""
    for match in _GRADE.finditer(sentence):
        digit = _ARABIC.get(match["grade"].upper(), match["grade"])
        name = "grade_group" if match["group"] or _is_isup(match["system"]) else "grade"
        if name == "grade_group" or digit != "5":
            yield _number(name, digit, match, float(digit))
    for pattern in (_G, _ROMAN_WHO):
        for match in pattern.finditer(sentence):
            digit = _ARABIC.get(match["grade"], match["grade"])
            yield _number("grade", digit, match, float(digit))
    for match in _CLASS.finditer(sentence):
        yield Mention("grade", "grade_class", match["word"].lower(), *match.span())
    for match in _DIFFERENTIATED.finditer(sentence):
        word = (match["worse"] or match["word"]).lower()
        grade = _DIFFERENTIATION[word]
        yield _number("grade", str(grade), match, float(grade))
    yield from _scores(sentence)


def _number(name: str, value: str, match: re.Match[str], number: float) -> Mention:
    """A grade that the words themselves state, whatever is denied around them."""
    return Mention("grade", name, value, *match.span(), number=number, is_result=True)


def _is_isup(system: str | None) -> bool:
    return (system or "").lower() == "isup"


def _scores(sentence: str) -> Iterator[Mention]:
    """Gleason and Nottingham scores."""
    for match in _GLEASON.finditer(sentence):
        if match["only"]:
            total, value = int(match["only"]), match["only"]
        else:
            total = int(match["first"]) + int(match["second"])
            value = f"{match['first']}+{match['second']}"
            if match["total"] and int(match["total"]) != total:
                continue  # a sum that does not add up says nothing sure
        yield _number("gleason_score", value, match, float(total))
    for match in _NOTTINGHAM.finditer(sentence):
        value = match["score"]
        yield _number("nottingham_score", value, match, float(value))
