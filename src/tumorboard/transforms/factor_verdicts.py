"""What is said behind a biomarker: positive, negative or equivocal, and of which variant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tumorboard.transforms.factor_mentions import find_words, lexicon

#: Names of variants, such as G12C.
VARIANT = (
    r"(?:G1[23][ACDRSV]|Q61[A-Z]|V600[EK]|L858R|T790M|C797S|R132[HCGSL]|R172\w"
    r"|exon \d{1,2}(?: (?:deletion|skipping|insertion|L858R))?|del(?:etion)? ?19)"
)
#: An answer behind a change that was asked for.
_NONE = r"(?:none(?! of)|nil|no(?=\s*(?:$|[.,;)])))"
#: Nouns that state a change by themselves unless a verdict follows, but not where they are a test.
_NO_TEST = r"(?! (?:analysis|testing|status|panel|pending|not (?:tested|done|performed)))"
#: Words behind a marker by what they do; the first that fits at a place counts.
_WORDS = lexicon(
    {
        # "cannot be excluded" says nothing: the sentence's context makes it possible
        "open": r"(?:not|cannot|never) (?:yet )?(?:be |been )?(?:\w+ly )?(?:excluded|ruled out)"
        r"|(?:to|must|should) be (?:excluded|ruled out)",
        "negative": r"negative(?! for)|neg(?! for)|excluded|ruled out"
        r"|(?:mutations?|variants?|alterations?|rearrangements?|fusions?|amplification|co-?deletion"
        r"|(?:over-?)?expression|instability)(?: detected| found| identified)?\s*[:=]?\s*"
        rf"{_NONE}|{VARIANT}\s*[:=]\s*{_NONE}|(?:high|instability)(?:,|:| is| was| has been)?"
        r" (?:excluded|ruled out|absent|not (?:detected|identified|seen|found|present))"
        r"|not (?:been )?(?:detect(?:ed|able)|amplified"
        r"|identified|mutated|(?:over-?)?expressed|rearranged|present|seen|found|noted|co-?deleted"
        r"|(?:hyper-?)?methylated|positive|deficient|high|demonstrated|observed)"
        r"|non-?(?:amplified|mutated|rearranged|reactive|(?:hyper)?methylated|codeleted)"
        r"|wild[- ]?type|wt|absent|intact"
        r"|(?:no|without) (?:evidence of |known |activating |pathogenic |detectable )*(?:mutations?"
        r"|variants?|alterations?|amplification|rearrangements?|expression|fusions?|methylation"
        r"|co-?deletion|over-?expression|loss of (?:nuclear )?expression)"
        r"(?:(?: was| were| is)? (?:detected|identified|found|seen|present))?"
        r"|un-?methylated|not (?:co-?deletion|rearrangement)|proficient"
        r"|stable|MSS|undetect\w+|0(?=\s?(?:\+|/\s?3|\)))|1\+(?!\s?\+)|score 0",
        "denies": rf"(?:no|without|absence of|(?:negative|neg) for)(?= (?:\w+ ){{0,2}}{VARIANT})",
        "equivocal": r"equivocal|indeterminate|2\+(?!\s?\+)|borderline",
        "variant": VARIANT,
        "finding": rf"mutations?{_NO_TEST}|rearrangement{_NO_TEST}|fusion{_NO_TEST}"
        rf"|amplification{_NO_TEST}|co-?deletion{_NO_TEST}|pathogenic variants?"
        rf"|exon 19 del\w*|over-?expression|instability{_NO_TEST}",
        "positive": r"positive(?! for)|pos(?! for)|detected|amplified|mutated|mutant|rearranged"
        r"|over-?express\w+|3\+|(?:hyper-?)?methylated|methylation present|co-?deleted|deficient"
        r"|high|present|expressed|carrier|reactive"
        r"|(?:diffusely|strongly|weakly|focally) positive|loss of (?:nuclear )?expression",
    }
)
#: What parts a named variant from the words behind it: another subject, or a company.
_FOREIGN = re.compile(r",\s*(?!(?:is|was|were|which)\b)[A-Za-z]|\bwith\b", re.IGNORECASE)
#: "T790M: none" speaks of that variant; one joined by "and" before it shares the answer.
_OWN_ANSWER = re.compile(rf"{VARIANT}\s*[:=]", re.IGNORECASE)
_IS_VARIANT = re.compile(VARIANT, re.IGNORECASE)
_JOINED = re.compile(r"\s*(?:,?\s*\b(?:and|or|nor)\b|/|&)\s*", re.IGNORECASE)
#: A variant that was asked for only.
_ASKED = re.compile(
    r"\s*(?:mutations?\s+)?(?:(?:mutation|variant)?\s*(?:analysis|test\w*|status|sequencing|assay)"
    r"|(?:results? |reports? )?(?:(?:is|are|was|were) )?(?:still )?(?:pending|awaited|outstanding"
    r"|requested|ordered|to follow|not (?:done|performed|tested)))\b(?!\s*[:=])",
    re.IGNORECASE,
)
#: A sign in place of a word: ER+, IDH1 R132H (-).
SIGN = re.compile(r"\s*[:=]?\s*\(?(?P<sign>\+{1,3}|[-\u2212\u2013](?![\w\s]))\)?(?!\d)")


@dataclass(frozen=True)
class Verdict:
    """What is said, of what, and where the words end.

    Args:
        value: positive, negative or equivocal.
        end: Behind the last character that says it.
        variants: Places of the variants of which it is said.
        is_named: Whether it is said of a variant or a change that is named, not of the marker.
        is_bare: Whether naming the change is all that says it: "EGFR mutation".
    """

    value: str
    end: int
    variants: tuple[tuple[int, int], ...] = ()
    is_named: bool = False
    is_bare: bool = False


def verdict(text: str) -> Verdict | None:
    """The verdict on a marker in the text behind it; None where there is none.

    A variant that is named counts as found unless what follows denies it ("L858R not detected"); of
    several a found one decides over those that were not, else the first verdict counts.

    Args:
        text: What stands behind the marker, up to the next one.
    """
    said = list(_verdicts(text))
    found = [one for one in said if one.value == "positive" and one.is_named]
    found.sort(key=lambda one: not one.variants)
    return next(iter(found + said), None)


def _verdicts(text: str) -> Iterator[Verdict]:
    """Every verdict in the order of the text."""
    named: list[re.Match[str]] = []
    lead: Verdict | None = None  # the verdict before what it speaks of: "positive: L858R"
    is_denying = False
    for kind, match in find_words(_WORDS, text):
        if kind == "open":
            continue
        behind = text[named[-1].end() : match.start()] if named else ""
        is_joined = (
            bool(named) and _IS_VARIANT.fullmatch(named[-1].group()) and _JOINED.fullmatch(behind)
        )
        is_own = _OWN_ANSWER.match(match.group()) and not is_joined
        if kind == "denies" or is_own or _FOREIGN.search(behind):
            yield from _stated(text, named, lead)
            named = []
        if kind in ("variant", "finding"):
            named.append(match)
        elif kind == "denies":
            lead, is_denying = Verdict("negative", match.end()), True
        elif not (is_denying and named and kind == "positive"):  # "no L858R detected"
            own = _on(Verdict(kind, match.end()), named)
            yield own
            lead, is_denying, named = (None if own.variants else own), False, []
    yield from _stated(text, named, lead)


def _on(verdict: Verdict, named: list[re.Match[str]]) -> Verdict:
    """A verdict with the variants that stand before or behind it."""
    variants = tuple(m.span() for m in named if re.fullmatch(VARIANT, m.group(), re.IGNORECASE))
    return replace(verdict, variants=variants, is_named=bool(named))


def _stated(text: str, named: list[re.Match[str]], lead: Verdict | None) -> Iterator[Verdict]:
    """What is named without a verdict behind it: as a verdict before it, a sign or itself says."""
    if not named:
        return
    end = named[-1].end()
    sign = SIGN.match(text, end)
    if lead is not None:
        yield _on(replace(lead, end=end), named)
    elif sign:
        value = "positive" if "+" in sign["sign"] else "negative"
        yield _on(Verdict(value, sign.end()), named)
    elif not _ASKED.match(text, end):
        yield _on(Verdict("positive", end, is_bare=True), named)
