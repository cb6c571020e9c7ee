"""How large a tumour is: the largest of the dimensions that a note gives, in mm."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tumorboard.transforms.factor_mentions import Mention

_NUMBER = r"\d{1,3}(?:[.,]\d{1,2})?"
_UNIT = r"(?:mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)"
_AXIS = r"(?:\s*(?:AP|SI|ML|CC|TR|transverse|craniocaudal|anteroposterior|[LWH]))?"
_MEASURE = re.compile(
    rf"(?<![\w.,/])(?P<first>{_NUMBER})\s*-?\s*(?P<unit1>{_UNIT})?{_AXIS}"
    rf"(?:\s*(?:x|\u00d7|\*|by)\s*(?P<second>{_NUMBER})\s*(?P<unit2>{_UNIT})?{_AXIS}"
    rf"(?:\s*(?:x|\u00d7|\*|by)\s*(?P<third>{_NUMBER})\s*(?P<unit3>{_UNIT})?{_AXIS})?)?"
    r"(?![\w\u00b2\u00b3^/]|\s*Hg|[.,]\d)",
    re.IGNORECASE,
)
#: A bound of a definition ("T1: 2 cm or less") is no measurement.
_BOUND_BEFORE = re.compile(
    r"(?:than|least|most|up to|over|under|within|exceed\w*|every|[<>\u2264\u2265=~]"
    r"|by)\s*(?:or equal to\s*)?$",
    re.IGNORECASE,
)
_BOUND_AFTER = re.compile(
    r"\s*(?:or\.? (?:less|more|smaller|greater|larger)|but not)", re.IGNORECASE
)
#: A distance: "1 cm from the margin", "2 cm above the carina".
_DISTANCE = re.compile(
    r"\s*(?:away|from|above|below|proximal|distal|deep to|lateral to|medial to|superior|inferior"
    r"|anterior|posterior|behind|into|inside|beyond|slices?|sections?|thick\w*|margins?|clearance"
    r"|midline shift|shift)",
    re.IGNORECASE,
)
#: What the measure is of, right before it: "Breslow depth 1.2 mm", "sentinel node: 4 mm".
_OTHER_BEFORE = re.compile(
    r"(?:\b(?:breslow|depth|thickness|margins?|distance)(?: of \w+)?|\bnodes?|\binvasion)"
    r"\s*[:=]?\s*(?:(?:is|was|of|at|by)\s+)*$",
    re.IGNORECASE,
)
_TUMOUR = (
    r"tumou?rs?|mass(?:es)?|lesions?|nodules?|neoplasms?|cancers?|\w*(?:carcin|gli|blast|cyt)omas?"
    r"|meningiomas?|sarcomas?|melanomas?|adenomas?|polyps?"
    r"|metastas[ei]s"
    r"|focus|foci|opacity"
)
_OTHER = (
    r"specimen|nodes?|margins?|fragments?|pieces?|slices?|sections?|lumpectomy|mastectomy"
    r"|colon|ellipse|skin|tissue|cores?|scar|incision|catheter|cavity|cysts?|kidney|liver|spleen"
    r"|uterus|ovary|ovaries|breast|lobe|shift|duct|aorta|aneurysm|wall|stone|calculus|tube"
    r"|segment"
    r"|depth|nipple|distance|thickness|bowel|prostate|gland|thyroid|lymph|aggregate|container|invasion"
)
#: A tumour right behind a measure and what describes it: "1.8 cm invasive ductal carcinoma".
_DESCRIBED = re.compile(
    r"\s+(?:(?!(?:in|of|on|at|to|from|with|within|without|and|or|by|the|is|was|has|had|for|no|near"
    rf"|between|into|through|over|along|containing|involving|showing|measuring|{_OTHER})\b)[A-Za-z][A-Za-z-]*\s+){{0,4}}(?:{_TUMOUR}|IDC|ILC|HCC|RCC|SCC|NSCLC|GBM)\b",
    re.IGNORECASE,
)
_NOUNS = re.compile(rf"\b(?:(?P<tumour>{_TUMOUR})|(?P<other>{_OTHER}))\b", re.IGNORECASE)


def find_sizes(sentence: str) -> Iterator[Mention]:
    """Sizes of tumours in mm: of "3.2 x 2.1 x 1.8 cm" the largest; a comma may be the decimal sign.

    A measure belongs to the tumour right behind it ("breast 1.8 cm ductal carcinoma"), else to the
    nearest noun: a tumour, or a specimen, node, margin, slice, of which it is none. Distances
    ("from", "above") and bounds ("2 cm or less") are none either.
    """
    measures = list(_MEASURE.finditer(sentence))
    nouns = list(_NOUNS.finditer(sentence)) if measures else []
    for match in measures:
        size_mm = _largest_mm(match)
        if size_mm is None or _is_no_size(sentence, match):
            continue
        if _DESCRIBED.match(sentence, match.end()) or _is_of_tumour(match, nouns):
            value = f"{size_mm:g} mm"
            yield Mention("size", "size_mm", value, *match.span(), size_mm, "mm", is_result=True)


def _largest_mm(match: re.Match[str]) -> float | None:
    """The largest dimension in mm; None where no unit is given."""
    units = [match["unit1"], match["unit2"], match["unit3"]]
    last = next((unit for unit in reversed(units) if unit), None)
    if last is None:
        return None
    sizes: list[float] = []
    for text, unit in zip((match["first"], match["second"], match["third"]), units, strict=True):
        if text:
            factor = 10.0 if (unit or last).lower().startswith("c") else 1.0
            sizes.append(round(float(text.replace(",", ".")) * factor, 3))
    return max(sizes) if max(sizes) > 0 else None


def _is_no_size(sentence: str, match: re.Match[str]) -> bool:
    """Whether it is a bound, a distance, or of a depth, margin or node named right before."""
    after = sentence[match.end() : match.end() + 24]
    return bool(
        _BOUND_BEFORE.search(sentence[max(0, match.start() - 24) : match.start()])
        or _OTHER_BEFORE.search(sentence[max(0, match.start() - 48) : match.start()])
        or _BOUND_AFTER.match(after)
        or _DISTANCE.match(after)
    )


def _is_of_tumour(match: re.Match[str], nouns: list[re.Match[str]]) -> bool:
    """Whether the nearest noun is a tumour; a sentence without a noun speaks of it."""
    if not nouns:
        return True

    def gap(noun: re.Match[str]) -> int:
        # "a 2 cm mass": the noun behind counts as nearer than one before at the same distance
        if noun.start() >= match.end():
            return noun.start() - match.end()
        return max(0, match.start() - noun.end()) + 1

    return min(nouns, key=gap)["tumour"] is not None
