"""Biomarkers and their results: receptors, mutations, rearrangements, methylation, percentages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tumorboard.transforms.factor_her2 import (
    of_in_situ,
    of_stain_score,
    of_stain_word,
    stain_score,
)
from tumorboard.transforms.factor_leads import (
    answers,
    asks,
    denies,
    is_room,
    names_change,
    said_before,
)
from tumorboard.transforms.factor_mentions import Mention, find_words, lexicon
from tumorboard.transforms.factor_verdicts import SIGN, VARIANT, Verdict, verdict

_MARKERS = lexicon(
    {
        "er": r"ER(?=[ \-+/:,=(]|$|\b)(?! (?:visit|physician|doctor|department|room))"
        r"|o?estrogen[ -]receptors?(?:\s*\(ER\))?|ER[ -]?alpha",
        "pr": r"PR(?=[ \-+/:,=(]|\b)(?! interval)|PgR|progesterone[ -]receptors?(?:\s*\((?:PR"
        r"|PgR)\))?",
        "her2": r"HER-?2(?:[/ -]?neu)?|c?erbB-?2|ERBB2",
        "ki67": r"Ki-?\s?67|MIB-?1|proliferation (?:index|rate)",
        "egfr": r"EGFR",
        "alk": r"(?:EML4[-/ ])?ALK(?! ?phos)",
        "ros1": r"ROS-?1",
        "ret": r"RET(?= (?:fusion|rearrange|mutation))",
        "met_exon14": r"MET exon 14(?: skipping)?",
        "kras": r"K-?RAS",
        "nras": r"N-?RAS",
        "braf": r"BRAF",
        "pik3ca": r"PIK3CA",
        "ntrk": r"NTRK[123]?",
        "pdl1": r"PD-?L1(?:\s*\(?22C3\)?)?",
        "idh1": r"IDH-?1|IDH(?!-?2)(?![a-z])",
        "idh2": r"IDH-?2",
        "mgmt": r"MGMT",
        "codeletion_1p19q": r"1p[/ -]{0,3}(?:and )?19q",
        "atrx": r"ATRX",
        "tert": r"TERT",
        "h3k27m": r"H3 ?K27M?",
        "msi": r"microsatellite(?= (?:instab|stab))|MSI(?=[- ]?(?:H|L|high|low|status"
        r"|stable)?\b)|MSS"
        r"|(?:d|p)MMR|MMR|mismatch repair",
        "brca1": r"BRCA-?1",
        "brca2": r"BRCA-?2",
        "tp53": r"TP53|p53",
        "p16": r"p16(?:INK4a)?",
        "hpv": r"HPV(?:[- ]?16)?|human papilloma ?virus",
        "cd117": r"CD117|c-kit",
        "ar_v7": r"AR-V7",
        "psa": r"PSA|prostate[- ]specific antigen",
        "cea": r"CEA|carcinoembryonic antigen",
        "ca125": r"CA[- ]?125",
        "ca19_9": r"CA[- ]?19[-.]9",
        "afp": r"AFP|alpha-?fetoprotein",
        "ldh": r"LDH",
    }
)
#: Markers whose number is a percentage of cells, and those measured in blood.
_PERCENT = {"er", "pr", "ki67", "pdl1", "p16", "tp53"}
_BLOOD = {
    "psa": "ng/ml", "cea": "ng/ml", "ca125": "U/ml", "ca19_9": "U/ml", "afp": "ng/ml", "ldh": "U/l",
}  # fmt: skip
_JOINT = re.compile(r"\s*(?:,|/|&|and|or|,\s*and|,\s*or)\s*", re.IGNORECASE)
_VARIANT = re.compile(rf"[\s:(]*(?P<name>{VARIANT})(?!\w)", re.IGNORECASE)
#: Markers with a variant each that share what follows, where a list ends in "and" or a colon.
_PAIR = re.compile(rf"\s*\(?{VARIANT}\)?\s*(?:&|/|,|,?\s*(?:and|or|nor)\b)\s*", re.IGNORECASE)
_NEXT = rf"\s*[\w-]+\s+\(?{VARIANT}\)?"
_LISTED = re.compile(
    rf"\s*\(?{VARIANT}\)?(?:,{_NEXT})*(?:\s*:|,?\s*(?:&|/|and|or|nor){_NEXT})", re.IGNORECASE
)
_TRIPLE = re.compile(r"\btriple[- ]negative\b", re.IGNORECASE)

#: Names of a repair state that are a result by themselves.
_REPAIR = {"mss": "negative", "pmmr": "negative", "dmmr": "positive"}
_NUMBER = re.compile(
    r"(?P<less>[<\u2264]\s*)?(?P<low>\d{1,3}(?:\.\d+)?)\s*(?:-|to"
    r"|\u2013)?\s*(?P<high>\d{1,3}(?:\.\d+)?)?\s*%"
)
_LEVEL = re.compile(r"^[^\d.;]{0,24}?(?P<level>\d{1,5}(?:[.,]\d+)?)(?!\s?(?:%|/\d|-\d))")
_SCORE = re.compile(r"\b(?:CPS|TPS)\b[^\d%]{0,12}(?P<score>\d{1,3})(?!\d)", re.IGNORECASE)
#: Where the stretch of a result ends; a variant behind a semicolon is still of the same gene.
_METHOD = r"\b(?:[FC]?ISH|IHC|in[- ]situ hybridi[sz]ation|immunohistochemistry)\b"
_AFTER_END = re.compile(
    rf"(?:;(?!\s*{VARIANT}|\s*(?:\w+\s+){{0,2}}{_METHOD})|\.)(?!\d)"
    rf"|\b(?:but|while|whereas)\b(?!\s*(?:\w+\s+){{0,3}}{_METHOD})",
    re.IGNORECASE,
)
#: Longest stretch, in characters, in which a result follows its marker.
_REACH = 70


@dataclass(frozen=True)
class _Group:
    """Markers named together, which share a result, and the text on both sides of them."""

    markers: tuple[tuple[str, int, int], ...]
    before: str
    after: str
    is_denied: bool = False
    is_asked: bool = False

    @property
    def own(self) -> str:
        """Name of the only marker, or ""."""
        return self.markers[0][0] if len(self.markers) == 1 else ""


def find_biomarkers(sentence: str) -> Iterator[Mention]:
    """Markers with a result: positive, negative, equivocal, or a number.

    Markers in a list share a result ("ER and PR positive"). A marker without a result ("EGFR
    testing is pending") is no factor. The result of a percentage is a number in %; a HER2 score of
    0 or 1+ is negative, 2+ equivocal, 3+ positive (ASCO/CAP guideline, Wolff et al., J Clin Oncol
    2018;36:2105), and a FISH result in the same sentence decides over it; a stain that is said in
    words ("negative by IHC") stays a mention of its own before it.
    """
    for match in _TRIPLE.finditer(sentence):
        for name in ("er", "pr", "her2"):
            yield _mention(name, "negative", *match.span())
    for group in _groups(sentence):
        said = _result(group)
        stained = of_stain_word(group.after) if group.own == "her2" else None
        if said and stained and of_in_situ(group.after):
            _, start, end = group.markers[0]
            yield _mention("her2", stained.value, start, end + stained.end)
            # of two results the later counts: that of FISH, wherever it stands
            said = replace(said, end=max(said.end, stained.end))
        for name, start, end in group.markers:
            value = _REPAIR.get(sentence[start:end].lower(), said.value if said else "")
            yield from _numbers(name, group, start, end)
            if value and name not in ("ki67", *_BLOOD):
                length = said.end if said and group.own else 0
                yield _mention(name, value, start, end + length)
            if value == "positive" and said:
                yield from _variants(name, sentence, end, said if group.own else None)


def _mention(name: str, value: str, start: int, end: int) -> Mention:
    return Mention("biomarker", name, value, start, end, is_result=True)


def _variants(name: str, sentence: str, end: int, said: Verdict | None) -> Iterator[Mention]:
    """The variant that was found, such as G12C: the verdict's; in a list that behind the marker."""
    behind = _VARIANT.match(sentence, end) if said is None else None
    spans = [behind.span("name")] if behind else []
    spans += [(end + start, end + stop) for start, stop in (said.variants[:1] if said else ())]
    for start, stop in spans:
        text = " ".join(sentence[start:stop].split())
        yield _mention(f"{name}_variant", text, start, stop)


def _groups(sentence: str) -> list[_Group]:
    """Markers of a sentence with the stretches in which their results stand."""
    joined: list[list[tuple[str, int, int]]] = []
    for value, match in find_words(_MARKERS, sentence):
        if value == "er" and is_room(sentence, match.start(), match.end()):
            continue
        marker = (value, *match.span())
        if joined and _is_joined(sentence, joined[-1][-1][2], marker):
            joined[-1].append(marker)
        else:
            joined.append([marker])
    groups: list[_Group] = []
    for i, markers in enumerate(joined):
        low = joined[i - 1][-1][2] if i else 0
        high = joined[i + 1][0][1] if i + 1 < len(joined) else len(sentence)
        end = markers[-1][2]
        after = _AFTER_END.split(sentence[end:high])[0][:_REACH]
        before = re.split(r"[;]|\.(?!\d)", sentence[low : markers[0][1]])[-1]
        is_denied = denies(before, is_next=bool(groups) and groups[-1].is_denied)
        is_asked = asks(before, is_next=bool(groups) and groups[-1].is_asked)
        groups.append(_Group(tuple(markers), before, after, is_denied, is_asked))
    return groups


def _is_joined(sentence: str, low: int, marker: tuple[str, int, int]) -> bool:
    """Whether a marker shares its result with the one that ends at `low`."""
    between = sentence[low : marker[1]]
    if _JOINT.fullmatch(between):
        return True
    # "KRAS G12C and BRAF V600E: negative"; "KRAS G12C and BRAF wild-type" are two results
    listed = _LISTED if between.rstrip().endswith(",") else _VARIANT
    return bool(_PAIR.fullmatch(between) and listed.match(sentence, marker[2]))


def _result(group: _Group) -> Verdict | None:
    """What is said of the markers; its end counts from behind them."""
    said = "negative" if group.is_denied else said_before(group.before)
    if said:
        found = verdict(group.after)
        return Verdict(said, 0, found.variants if found and found.value == said else ())
    sign = SIGN.match(group.after)
    signed = (
        Verdict("positive" if "+" in sign["sign"] else "negative", sign.end()) if sign else None
    )
    if signed and group.own != "her2":
        return signed
    found = of_in_situ(group.after) if group.own == "her2" else None
    found = found or verdict(group.after)
    if found and not (found.is_bare and group.is_asked and not answers(group.after)):
        return found
    if signed:
        return signed
    if group.is_asked:
        return _of_percent(group)
    if names_change(group.before):
        return Verdict("positive", 0)
    if group.own == "msi" and re.match(r"[- ]?H\b", group.after):
        return Verdict("positive", 2)
    stain = of_stain_score(group.after) if group.own == "her2" else None
    return stain or _of_percent(group)


def _of_percent(group: _Group) -> Verdict | None:
    """Receptors from their share of stained cells: at least 1 % is positive (ASCO/CAP 2020)."""
    match = _NUMBER.search(group.after) if group.own in ("er", "pr") else None
    if match is None:
        return None
    is_negative = match["less"] or float(match["low"]) < 1
    return Verdict("negative" if is_negative else "positive", match.end())


def _numbers(name: str, group: _Group, start: int, end: int) -> Iterator[Mention]:
    """Percentages, levels in blood, and the score of a HER2 stain."""
    if name in _PERCENT and group.own:
        percent = _NUMBER.search(group.after)
        score = _SCORE.search(group.after) if name == "pdl1" else None
        if percent:
            number = _middle(percent)
            yield _number(name, "percent", number, "%", start, end, f"{number:g} %")
        elif score:
            number = float(score["score"])
            yield _number(name, "score", number, "", start, end, f"{number:g}")
    elif name in _BLOOD and group.own:
        level = _LEVEL.search(group.after)
        if level:
            number = float(level["level"].replace(",", "."))
            unit = _BLOOD[name]
            yield Mention(
                "biomarker", name, f"{number:g} {unit}", start, end, number, unit, is_result=True
            )
    elif name == "her2" and group.own:
        stain = stain_score(group.after)
        if stain:
            score = stain[0]
            yield _number(name, "ihc", score, "+", start, end, f"{score}+" if score else "0")


def _number(
    name: str, what: str, number: float, unit: str, start: int, end: int, value: str
) -> Mention:
    column = "ki67" if name == "ki67" else f"{name}_{what}"
    return Mention("biomarker", column, value, start, end, number, unit, is_result=True)


def _middle(match: re.Match[str]) -> float:
    """A percentage; the middle of a range, half of a bound such as "<1 %"."""
    low = float(match["low"])
    if match["high"]:
        return (low + float(match["high"])) / 2
    return low / 2 if match["less"] else low
