"""Identifiers of HIPAA Safe Harbor taken out of notes, and counts of what was taken.

45 CFR 164.514(b)(2): names, places below a state, dates but for the year, ages over 89, telephone
and fax numbers, e-mail, social security, record, account, licence, vehicle and device numbers, web
and network addresses. Rules, no model: they miss what follows no rule (a rare name that never
stands with a title, label or first name; a village without "lives in"), so a site must look at a
sample of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tumorboard.transforms.deidentification.clinical_words import has_clinical
from tumorboard.transforms.deidentification.dates import find_ages, find_dates
from tumorboard.transforms.deidentification.known import find_known
from tumorboard.transforms.deidentification.learnt import find_learnt
from tumorboard.transforms.deidentification.names import FoundName, find_names, without_eponyms
from tumorboard.transforms.deidentification.numbers import find_numbers
from tumorboard.transforms.deidentification.places import find_places
from tumorboard.transforms.deidentification.spans import Span

#: Rules in order of trust: where two find the same letters, the first one names them.
_RULES: tuple[Callable[[str], Iterable[Span]], ...] = (
    find_numbers,
    find_dates,
    find_ages,
    find_places,
)


@dataclass(frozen=True)
class Deidentified:
    """A note without identifiers.

    Args:
        text: The note, each identifier replaced by a tag such as `[NAME]` or `[DATE 2019]`.
        counts: Category -> how many were replaced.
    """

    text: str
    counts: Mapping[str, int]


def deidentify(text: str, *, known: Sequence[str] = (), learnt: Sequence[str] = ()) -> Deidentified:
    """Replace identifiers in a note by tags.

    A name that a rule found is also taken out where its parts stand alone; see `find_learnt`.

    Args:
        text: The note.
        known: What the study knows of this patient: the name, a record number.
        learnt: Names found in other notes of this patient; see `names_in`.
    """
    spans = list(find_known(text, known)) if known else []
    for rule in _RULES:
        spans += rule(text)
    names = list(find_names(text))
    spans += [name.span for name in names]
    spans += without_eponyms(text, find_learnt(text, [*learnt, *_certain(text, names)]))
    merged = _merged(spans)
    parts: list[str] = []
    start = 0
    for span in merged:
        parts += [text[start : span.start], span.tag]
        start = span.end
    parts.append(text[start:])
    return Deidentified("".join(parts), Counter(span.category for span in merged))


def names_in(text: str) -> tuple[str, ...]:
    """Names in a note that its patient's other notes may be searched for."""
    return _certain(text, find_names(text))


def _certain(text: str, names: Iterable[FoundName]) -> tuple[str, ...]:
    """Names to search for, none of them a word of medicine."""
    spans = (name.span for name in names if name.is_certain)
    found = dict.fromkeys(text[span.start : span.end] for span in spans)
    return tuple(name for name in found if not has_clinical(name))


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Spans in the order of the text; overlapping ones become one, named by the first rule."""
    order = sorted(enumerate(spans), key=lambda item: (item[1].start, item[0]))
    merged: list[tuple[int, Span]] = []
    for rank, span in order:
        if merged and span.start < merged[-1][1].end:
            old_rank, old = merged[-1]
            end = max(old.end, span.end)
            best = old if old_rank <= rank else span
            merged[-1] = (min(rank, old_rank), Span(old.start, end, best.category, best.tag))
        else:
            merged.append((rank, span))
    return [span for _, span in merged]
