"""Names of patients, relatives and staff: A of Safe Harbor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tumorboard.transforms.deidentification.apposition import in_apposition, in_small_letters
from tumorboard.transforms.deidentification.clinical_words import is_of_medicine
from tumorboard.transforms.deidentification.name_lists import (
    EPONYM_NOUNS,
    GIVEN,
    NO_NAMES,
    SURNAMES,
    TITLE_NAMES,
)
from tumorboard.transforms.deidentification.spans import Span
from tumorboard.transforms.deidentification.titles import TITLE

_LABEL = re.compile(
    r"\b(?:(?:patient|pt|full|first|last|given|family|maiden|middle|mother|father|spouse)(?:'s)?\s*"
    r"name|name(?: of (?:patient|physician|surgeon))?|patient|pt|surgeon|pathologist|physician|"
    r"provider|attending|resident|fellow|(?:referring|ordering|requesting)\s"
    r"(?!diagnos|reason|indication|history|service|department|site|facility|date|number)\w+|doctor|"
    r"oncologist|radiologist|nurse|author|contact|next of kin|signature|cc|attn|attention|"
    r"consultant|technologist|cytotechnologist|transcriptionist|assistant|guardian|caregiver)"
    r"\s*(?:\(s\))?\s*:\s*"
    r"|\b(?:dictated|signed|reviewed|verified|reported|submitted|transcribed|requested|ordered|"
    r"interpreted|approved|attested|authenticated|performed|referred|grossed|diagnosed|seen|read|"
    r"prepared|finalized|contacted|notified)"
    r"(?: (?:out|electronically|off))?"
    r"\s*by\s*:?\s+|\b(?:dictated|signed|verified|authenticated)\s*:\s*"
    r"|\b(?:called to|discussed with|communicated to)\s+"
    r"|\b(?:my|his|her|the patient's|patient's) (?:husband|wife|son|daughter|brother|sister|mother|"
    r"father|partner|spouse|friend|aunt|uncle|cousin)(?:,| is| named| called)*\s+"
    r"|\b(?:named|called|known as|surname(?:d)?)\s+"
    r"|(?<![\w/])/s/\s*",  # the mark of a signature
    re.IGNORECASE,
)
#: Labels of one person; "performed by Core Biopsy" and "Test name: Estrogen Receptor" are none.
_PERSON = re.compile(
    r"(?:(?:patient|pt|full|first|last|family|maiden|mother|father|spouse)(?:'s)?\s*name|"
    r"name of (?:patient|physician|surgeon)|patient|pt|surgeon|pathologist|physician|attending|"
    r"resident|referring (?:physician|provider|doctor|clinician)|doctor|oncologist|"
    r"radiologist|next of kin|guardian|/s/|"
    r"(?:(?:electronically |digitally )?signed|dictated|referred)(?: out| electronically)? by)",
    re.IGNORECASE,
)
#: Titles that are also words of notes.
_WEAK_TITLE = re.compile(r"(?:Sister|Nurse|Doctor|Miss|Sir|Dame|Rev|Pastor|DOCTOR|MISS)\b")
_DEGREE = re.compile(
    r"\s*,?\s*\b(?:M\.?D\.?|D\.O\.|Ph\.?D\.?|R\.N\.|RN|FRCPath|FRCP|FCAP|M\.?B\.?B\.?S\.?|MBBCh|"
    r"PA-C|ARNP|NP-C|CRNP)(?!\w)"
)
_WORD = re.compile(r"[^\W\d_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}-][^\W\d_]+)*")
_PARTICLES = re.compile(
    r"van|von|vom|de|der|den|des|del|della|du|da|di|do|dos|la|le|el|al|af|av|bin|ben|ter|ten|zu|"
    "zum|zur|und|st"
)
_BEHIND_INITIAL = re.compile(rf"\.\s*(?:(?:{_PARTICLES.pattern})\s+)*[A-Z]")
_SUFFIX = re.compile(r",?\s+(?:Jr|Sr|II|III|IV)\b\.?")
_BETWEEN = re.compile(r"[ \t]+|,[ \t]*|\.[ \t]*(?=[^\W\d_])")
_AND = re.compile(r"\s*(?:,|/|&|and)\s*")
#: Eponyms that hold a given name or a title, and a town that is a staging system.
_QUOTE = r"['\N{RIGHT SINGLE QUOTATION MARK}]"
_EPONYMS = re.compile(
    rf"\b(?:Sister\s+)?(?:Mary\s+)?Joseph(?:{_QUOTE}?s)?(?=\s+(?:nodul|node|sign))"
    rf"|\bAnn[\s-]Arbor(?=(?:{_QUOTE}s)?[\s:(]+(?:stag|class|system|criteri|clinical|modif"
    r"|[I1-4]|IV\b))|(?<=stage )Ann[\s-]Arbor|\bCharles Bonnet(?=\s+syn)"
    r"|\bAustin Flint(?=\s+mur)|\bMarie Unna\b|\bJames Ewing(?=\s+sarc)"
    r"|\bMiller Fisher(?=\s+(?:syn|var))|\b(?:pouch|cul-de-sac|space) of Douglas\b"
    r"|\bJohn Cunningham(?=\s+vir)",
    re.IGNORECASE,
)
#: What stands before these is the heading of a section.
_HEADING = re.compile(
    r"\s*[:#]|\d|\s+(?:DESCRIPTION|DIAGNOS[EI]S|HISTORY|REPORT|SPECIMENS?|PROCEDURES?|EXAMINATION|"
    r"NUMBER|STUDIES|FINDINGS|STUDY)\b"
)
#: Names have at most so many words.
_MOST = 4


@dataclass(frozen=True)
class FoundName:
    """A name in a note.

    Args:
        span: Where it stands.
        is_certain: Whether the rest of the note may be searched for it: it stands behind a title or
            the label of a person, before a degree, or has a frequent given name.
    """

    span: Span
    is_certain: bool = True


def find_names(text: str) -> Iterator[FoundName]:
    """Names behind a title or a label, before a degree, and full names with a frequent part."""
    eponyms = [match.span() for match in _EPONYMS.finditer(text)]
    return (found for found in _all_names(text) if not _is_in(found.span, eponyms))


def without_eponyms(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Spans of names that are no part of an eponym: "Ann Arbor stage" keeps its Ann."""
    eponyms = [match.span() for match in _EPONYMS.finditer(text)]
    return (span for span in spans if not _is_in(span, eponyms))


def _is_in(span: Span, places: Sequence[tuple[int, int]]) -> bool:
    return any(span.start < end and start < span.end for start, end in places)


def _all_names(text: str) -> Iterator[FoundName]:
    """Names, and eponyms that look like them."""
    lower = {word for word in _WORD.findall(text) if word.islower()}
    for match in _LABEL.finditer(text):
        is_person = bool(_PERSON.match(match[0]))
        for span in _named(_run(text, match.end(), lower)):
            if not is_of_medicine(text[span.start : span.end]):  # "Surgeon: Invasive Ductal"
                yield FoundName(span, is_person and _is_full(text, span))
    for match in TITLE.finditer(text):
        for span in _titled(text, match, lower):
            # "Sister Diabetes", "Nurse Navigator"
            yield FoundName(span, not _WEAK_TITLE.match(match[0]) or _is_frequent(text, span))
    for span in (*_before_degree(text, lower), *_listed(text, lower)):
        yield FoundName(span)
    for span in (*in_small_letters(text), *in_apposition(text)):
        yield FoundName(span, _is_full(text, span))


def _is_full(text: str, span: Span) -> bool:
    """Whether a first name and a surname stand here, with capitals."""
    words = [word for word in _WORD.findall(text, span.start, span.end) if len(word) > 1]
    return sum(word[0].isupper() for word in words) > 1


def _is_frequent(text: str, span: Span) -> bool:
    words = {word.lower() for word in _WORD.findall(text, span.start, span.end)}
    return bool(words & (GIVEN | SURNAMES))


def _titled(text: str, title: re.Match[str], lower: set[str]) -> Iterator[Span]:
    """The name with a capital behind a title; after Drs. the next one too."""
    first = _run(text, title.end(), lower, is_titled=True) or _last_title(text, title)
    yield from _named(first)
    more = _AND.match(text, first[1]) if first else None
    if more and title[0].strip(". ").lower() in ("drs", "dr"):  # Drs. Smith and Jones
        yield from _named(_run(text, more.end(), lower))


def _last_title(text: str, title: re.Match[str]) -> tuple[int, int] | None:
    """The last word of titles in a row with no name behind: "Mr. Pastor denies pain"."""
    words = list(_WORD.finditer(text, title.start(), title.end()))
    is_name = len(words) > 1 and words[-1][0][0].isupper() and _is_surname(words[-1][0])
    if not is_name or _WEAK_TITLE.match(title[0]) or text[title.end() : title.end() + 1] == "[":
        return None
    return words[-1].span()


def _is_surname(title: str) -> bool:
    return title.lower() in TITLE_NAMES or title in ("DENT", "NAT")


def _named(run: tuple[int, int] | None) -> Iterator[Span]:
    if run:
        yield Span(*run, "name", "[NAME]")


def _run(
    text: str, start: int, lower: set[str], *, is_titled: bool = False
) -> tuple[int, int] | None:
    """Start and end of the name that stands here; None where no name does."""
    end, n_words, position, is_more = start, 0, start, False
    while n_words < _MOST:
        match = _WORD.match(text, position)
        if match is None:
            break
        is_initial = len(match[0]) == 1 and match[0].isupper()
        is_new = not n_words or "," in text[position - 2 : position]
        if is_new and _is_title(text, match, lower):
            break
        if _is_name(match[0], lower) or (is_initial and (n_words or _initial_of(text, match))):
            end, n_words, is_more = match.end(), n_words + 1, is_more or not is_initial
            end += is_initial and text[end : end + 1] == "."
        elif not _PARTICLES.fullmatch(match[0].lower()):
            break
        gap = _BETWEEN.match(text, match.end())
        # a full stop ends the sentence, but for an initial; a comma the name, but for "Smith, J."
        if (
            gap is None
            or (gap[0][0] == "." and not is_initial)
            or (gap[0][0] == "," and n_words > 1)
        ):
            break
        position = gap.end()
    if not is_more or _is_heading(text, start, end, is_titled=is_titled):
        return None
    suffix = _SUFFIX.match(text, end)
    return start, suffix.end() if suffix else end


def _is_heading(text: str, start: int, end: int, *, is_titled: bool) -> bool:
    """Whether capitalised words begin a section: "Dr. Doe: benign" is none, "Dr. RESULT:" one."""
    behind = _HEADING.match(text, end)
    if behind is None:
        return False
    own = text[start:end]
    is_name = not own.isupper() or own.lower() in SURNAMES
    return not (is_titled and is_name and behind[0].strip() == ":")


def _initial_of(text: str, match: re.Match[str]) -> bool:
    """Whether a capital letter by itself begins a name: a full stop and a capital follow."""
    return _BEHIND_INITIAL.match(text, match.end()) is not None


def _is_name(word: str, lower: set[str]) -> bool:
    """A capitalised word that is no word of reports; in capitals alone none of this note's."""
    plain = word.lower()
    if len(word) < 2 or not word[0].isupper() or plain in NO_NAMES:
        return False
    if word[1:].islower() or not word.isupper():
        return True
    return plain not in lower and len(word) > 2


def _is_title(text: str, match: re.Match[str], lower: set[str]) -> bool:
    """Whether a title that is also a surname is a title here: a name or title follows it."""
    if match[0].lower() not in TITLE_NAMES:
        return False
    gap = r"\.?\s+" if match[0].lower() in ("med", "ing") else r"\s+"
    behind = re.match(gap, text[match.end() : match.end() + 5])
    word = behind and _WORD.match(text, match.end() + behind.end())
    return bool(word and (_is_name(word[0], lower) or word[0] in ("Dr", "Prof", "Professor")))


def _before_degree(text: str, lower: set[str]) -> Iterator[Span]:
    """Up to four names in front of a degree."""
    for match in _DEGREE.finditer(text):
        words = list(_WORD.finditer(text, max(0, match.start() - 60), match.start()))[::-1]
        start, previous = match.start(), match.start()
        for word in words[:_MOST]:
            gap = text[word.end() : previous]
            is_initial = len(word[0]) == 1 and word[0].isupper()
            if gap.strip(" .,") or "\n" in gap or (gap.strip() == "." and not is_initial):
                break
            if not (is_initial or _is_name(word[0], lower)):
                break
            if start < match.start() and word[0].lower() in TITLE_NAMES:  # Herr Huber, MD
                break
            start = previous = word.start()
        if any(len(word) > 2 for word in _WORD.findall(text, start, match.start())):
            yield Span(start, match.start(), "name", "[NAME]")


def _listed(text: str, lower: set[str]) -> Iterator[Span]:
    """Full names with a frequent given name or surname, and frequent given names alone."""
    for match in _WORD.finditer(text):
        word, plain = match[0], match[0].lower()
        is_given, is_surname = plain in GIVEN, plain in SURNAMES
        if not (is_given or is_surname):
            continue
        if word.islower():
            yield from _in_lower_case(text, match, is_given=is_given)
        elif is_given:
            yield from _with_given(text, match, lower)
        elif re.match(r",? [A-Z]\.(?! ?\d)", text[match.end() : match.end() + 5]):
            yield Span(
                match.start(), match.end() + text[match.end() :].index(".") + 1, "name", "[NAME]"
            )
        elif re.search(r"(?:^|[^\w.])(?:[A-Z]\. ?){1,2}$", text[: match.start()][-8:]):
            initials = re.search(r"(?:[A-Z]\. ?){1,2}$", text[: match.start()][-8:])
            yield Span(
                match.start() - len(initials[0] if initials else ""), match.end(), "name", "[NAME]"
            )


def _with_given(text: str, match: re.Match[str], lower: set[str]) -> Iterator[Span]:
    """A given name with what belongs to it: initials, surname behind it, or before a comma."""
    behind = re.match(r"(?:'s)?\s+([a-zA-Z]+)", text[match.end() : match.end() + 30])
    if behind and behind[1].lower() in EPONYM_NOUNS:
        return
    before = re.search(r"([^\W\d_][\w'-]+),\s*$", text[: match.start()][-40:])
    if before and _is_name(before[1], lower):
        start = match.start() - len(before[0])
        yield Span(start, match.end(), "name", "[NAME]")
    run = _run(text, match.start(), lower - {match[0].lower()})
    if run:
        yield Span(*run, "name", "[NAME]")


def _in_lower_case(text: str, match: re.Match[str], *, is_given: bool) -> Iterator[Span]:
    """Both names, in a note without capitals (john smith): both have to be frequent."""
    behind = re.match(r"\s+([a-z]+)\b", text[match.end() : match.end() + 30])
    if is_given and behind and behind[1] in SURNAMES:
        yield Span(match.start(), match.end() + behind.end(), "name", "[NAME]")
