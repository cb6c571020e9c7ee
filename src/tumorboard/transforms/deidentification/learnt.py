"""Names that a note itself tells: found once by a rule, they go where they stand alone too.

"Patient: Hiroshi Tanaka. Tanaka reports pain": the second Tanaka follows no rule. Each part of a
name that was found is therefore looked for in the whole note, where it has a capital:

* a name that is no word of notes goes everywhere, but not before the noun of an eponym ("Tanaka
  sign") or a hyphen ("Tanaka-1"); "Tanaka's cancer" is the patient's;
* a name that is also a word (Stone, Long, May), an eponym (Gleason) or a word in small letters of
  this very note, or that was found in capitals without a comma or a frequent name, goes only where
  a person must be meant: "Stone denies", "told Stone", "Stone's wife". "Kidney Stone" and
  "Gleason 3+4" stay;
* in small letters only the full name goes;
* words of medicine go nowhere: "Dr. Ductal" tells nothing of "Ductal carcinoma".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tumorboard.transforms.deidentification.clinical_words import has_clinical, is_clinical
from tumorboard.transforms.deidentification.name_lists import (
    EPONYM_NOUNS,
    GIVEN,
    SURNAMES,
    WORD_NAMES,
)
from tumorboard.transforms.deidentification.spans import Span

_WORD = re.compile(r"[^\W\d_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}-][^\W\d_]+)*")
#: In names, and no name: particles in capitals, suffixes, degrees.
_NO_PARTS_WORDS = """
van von vom der den des del della di do dos la le el al af av bin ter ten zum zur und de da du
jr sr ii iii iv md rn phd
"""
_NO_PARTS = frozenset(_NO_PARTS_WORDS.split())
#: Shorter names are looked for only where a person must be meant: Li, Ng, Wu.
_SHORTEST = 3
#: What only a person does, behind the name.
_DOES = re.compile(
    r"\s+(?:also\s+|still\s+|then\s+|now\s+|has\s+|had\s+)?(?:denie[sd]|reports|states|stated|says|said|"
    r"agree[sd]|complain(?:s|ed|ing)|tolerate[sd]|live[sd]|works|worked|smoke[sd]|drinks|feels|felt|"
    r"wishes|wished|wants|wanted|understands|understood|consent(?:s|ed)|decline[sd]|refuse[sd]|ask(?:s|ed)|"
    r"c[ao]mes?|calls|called|verbalize[sd]|walks|walked|underwent|endorse[sd]|visit(?:s|ed)|died|"
    r"recommend(?:s|ed)|is\s+an?\s+\d|is\s+(?:here|doing|feeling)|was\s+(?:told|advised|counsell?ed|informed|"
    r"admitted|discharged|accompanied))\b"
    r"|'s\s+(?:wife|husband|son|daughter|mother|father|sister|brother|family|partner|spouse)\b",
    re.IGNORECASE,
)
#: What is done to a person, before the name.
_DONE = re.compile(
    r"\b(?:[Bb]y|[Tt]old|[Aa]sked|[Cc]alled|[Ss]aw|[Mm]et|[Cc]ontacted|[Ii]nformed|[Aa]dvised|Dear)\s$"
)
_MORE_NOUNS = "phenomenon reflex triad fracture cyst tube hernia pattern thickness protocol trial"
_NOUNS = EPONYM_NOUNS.union(_MORE_NOUNS.split(" "))
#: A patient has these too: "Tanaka's cancer".
_OWN_NOUNS = """
bodies body cancer cells disease drain flap gland grade lymphoma needle node operation patch scale
procedure sarcoma score stage staging suture tumor tumour type test fracture cyst hernia
"""
_OWN = frozenset(_OWN_NOUNS.split())
_EPONYM = re.compile(
    rf"[\s-]+(?:{'|'.join(sorted(_NOUNS))})s?\b|'s\s+(?:{'|'.join(sorted(_NOUNS - _OWN))})s?\b|-\w",
    re.IGNORECASE,
)


def find_learnt(text: str, names: Sequence[str]) -> Iterator[Span]:
    """Full names in any case, and their parts with a capital where they stand alone.

    Args:
        text: The note.
        names: Names as they were found, in this note or in another one of the patient.
    """
    parts: set[str] = set()
    sure: set[str] = set()
    rest = text
    for name in sorted(set(names)):
        if has_clinical(name):
            continue
        words = _WORD.findall(name)
        full = [word.lower() for word in words if len(word) > 1 and word.lower() not in _NO_PARTS]
        parts.update(word for word in full if not is_clinical(word))
        # behind a label in capitals a heading looks like a name: "DOCTOR: BILATERAL SIMPLE"
        if not name.isupper() or "," in name or (GIVEN | SURNAMES).intersection(full):
            sure.update(full)
        if len(full) < 2:
            continue
        is_words = WORD_NAMES.issuperset(full)
        # a full stop between them ends a sentence, but for an initial
        joined = "".join(
            rf"{re.escape(word)}(?:\.\s*|[\s,]+)" if len(word) == 1 else rf"{re.escape(word)}[\s,]+"
            for word in words[:-1]
        )
        joined += re.escape(words[-1])
        whole = re.compile(rf"(?<!\w){joined}(?!\w)", re.IGNORECASE)
        rest = whole.sub(" ", rest)
        for match in whole.finditer(text):
            if match[0][0].isupper() or not is_words:
                yield Span(match.start(), match.end(), "name", "[NAME]")
    if parts:
        in_small = frozenset(word for word in _WORD.findall(rest) if word.islower())
        yield from _alone(text, parts, in_small | WORD_NAMES | (parts - sure))


def _alone(text: str, parts: set[str], words: frozenset[str]) -> Iterator[Span]:
    """Parts of names with a capital; those that are also words where a person must be meant."""
    either = "|".join(map(re.escape, sorted(parts, key=lambda part: (-len(part), part))))
    for match in re.finditer(rf"(?<![\w-])(?:{either})(?!\w)", text, re.IGNORECASE):
        part = match[0]
        if not part[0].isupper() or _EPONYM.match(text, match.end()):
            continue
        # in capitals a short name is also an abbreviation
        is_short = len(part) < (_SHORTEST + 1 if part.isupper() else _SHORTEST)
        is_doubtful = is_short or part.lower() in words
        if not is_doubtful or _is_person(text, match):
            yield Span(match.start(), match.end(), "name", "[NAME]")


def _is_person(text: str, match: re.Match[str]) -> bool:
    """Whether only a person can be meant: by what it does, or what is done to it."""
    before = text[max(0, match.start() - 20) : match.start()]
    return bool(_DOES.match(text, match.end()) or _DONE.search(before))
