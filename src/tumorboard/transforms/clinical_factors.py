"""Clinical factors of a note: what it says of the tumour and the patient, and where it says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tumorboard.transforms.factor_anatomy import find_lobes, find_sides, find_sites
from tumorboard.transforms.factor_biomarkers import find_biomarkers
from tumorboard.transforms.factor_histology import find_histologies
from tumorboard.transforms.factor_history import find_history, find_symptoms
from tumorboard.transforms.factor_mentions import KINDS, TUMOUR, Kind, Mention
from tumorboard.transforms.factor_size import find_sizes
from tumorboard.transforms.factor_stage import find_grades, find_stages
from tumorboard.transforms.factor_treatments import find_treatments
from tumorboard.transforms.sentence_context import (
    Context,
    Experiencer,
    Temporality,
    contexts,
    sentences,
)
from tumorboard.transforms.treatment_course import treatment_courses

_FINDERS: Mapping[Kind, Callable[[str], Iterator[Mention]]] = {
    "site": find_sites,
    "side": find_sides,
    "lobe": find_lobes,
    "size": find_sizes,
    "stage": find_stages,
    "grade": find_grades,
    "histology": find_histologies,
    "biomarker": find_biomarkers,
    "treatment": find_treatments,
    "symptom": find_symptoms,
    "history": find_history,
}
#: Kinds that count in sentences about the tumour only, where a note has such sentences.
_PLACES: frozenset[Kind] = frozenset({"site", "side", "lobe"})
#: Headings whose section speaks of relatives, of what was, or of what shall be.
_SECTION = re.compile(
    r"(?:(?<=\n)|(?<=\. )|^)[ \t]*(?P<heading>[A-Z][A-Za-z][A-Za-z /&-]{0,40}):", re.MULTILINE
)
_FAMILY = re.compile(r"family (?:medical |cancer )?(?:history|hx)|FH", re.IGNORECASE)
_PAST = re.compile(
    r"(?:past|prior|previous) .*(?:history|hx)|PMHX?|PSHX?|(?:medical|surgical) history",
    re.IGNORECASE,
)
#: A result, which denies no treatment: "tumor resected, margins negative".
_RESULT = re.compile(r"\bnegative\b(?! for\b)", re.IGNORECASE)
_PLAN = re.compile(r"\b(?:plans?|recommendations?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Factor:
    """One fact that a note states, and where.

    Args:
        kind: Kind of factor, such as "biomarker".
        name: What the value is of, such as `er`: the column it goes to.
        value: "positive", "left", "T2a", "32 mm".
        number: The value in `unit`; NaN where it is no number.
        unit: "mm", "%", "pack-years" or "".
        code: ICD-O-3 morphology code of a histology, or "".
        start: First character in the note.
        end: One behind the last.
        negated: The note says that it is not so.
        uncertain: The note says that it may be so.
        temporality: Now, of the past, or feared or planned.
        experiencer: The patient, or somebody else.
    """

    kind: Kind
    name: str
    value: str
    number: float
    unit: str
    code: str
    start: int
    end: int
    negated: bool
    uncertain: bool
    temporality: Temporality
    experiencer: Experiencer


def extract_factors(text: str, *, kinds: Sequence[Kind] = KINDS) -> tuple[Factor, ...]:
    """Clinical factors of a note in the order of the text.

    Every factor keeps the span of the text that states it: `text[factor.start : factor.end]`.
    Organs, sides and lobes count where the sentence speaks of a tumour; in a note without such a
    sentence all count. A cancer of a relative becomes `family_history`, one of the patient's past
    `previous_cancer`.

    Args:
        text: The note.
        kinds: Kinds of factors to look for.
    """
    sections = _sections(text)
    found: list[tuple[Factor, bool]] = []
    for start, end in sentences(text):
        sentence = text[start:end]
        mentions = [mention for kind in kinds for mention in _FINDERS[kind](sentence)]
        if not mentions:
            continue
        is_tumour = TUMOUR.search(sentence) is not None
        around = contexts(sentence, [(m.start, m.end) for m in mentions])
        around = _with_courses(sentence, mentions, around)
        for mention, context in zip(mentions, around, strict=True):
            placed = _in_section(context, start + mention.start, sections)
            factor = _factor(mention, placed, start)
            if factor is not None:
                found.append((factor, is_tumour))
    told = {factor.kind for factor, is_tumour in found if is_tumour} & _PLACES
    kept = [factor for factor, is_tumour in found if is_tumour or factor.kind not in told]
    return tuple(sorted(dict.fromkeys(kept), key=lambda factor: (factor.start, factor.end)))


def _with_courses(
    sentence: str, mentions: Sequence[Mention], around: Sequence[Context]
) -> list[Context]:
    """Contexts, with what became of treatments: refused, planned or stopped."""
    places = [i for i, mention in enumerate(mentions) if mention.kind == "treatment"]
    treatments = [(mentions[i].name, mentions[i].start, mentions[i].end) for i in places]
    told = list(around)
    own = _RESULT.sub(lambda match: "x" * len(match.group()), sentence)
    if own != sentence and places:
        spans = [(start, end) for _, start, end in treatments]
        for i, context in zip(places, contexts(own, spans), strict=True):
            told[i] = context
    for i, course in zip(places, treatment_courses(sentence, treatments), strict=True):
        context = told[i]
        if course == "denied":
            told[i] = replace(context, negated=True, uncertain=False, temporality="recent")
        elif course == "planned" and not context.negated:
            told[i] = replace(context, temporality="hypothetical")
        elif course == "past" and context.temporality == "recent" and not context.negated:
            told[i] = replace(context, temporality="historical")
    return told


def _factor(mention: Mention, context: Context, offset: int) -> Factor | None:
    """A mention with its context; None for a cancer of now, which is histology."""
    name = mention.name
    if name == "cancer":
        if context.experiencer == "other":
            name = "family_history"
        elif context.temporality == "historical":
            name = "previous_cancer"
        else:
            return None
    return Factor(
        kind=mention.kind, name=name, value=mention.value, number=mention.number,
        unit=mention.unit, code=mention.code,
        start=offset + mention.start, end=offset + mention.end,
        negated=context.negated and not mention.is_result, uncertain=context.uncertain,
        temporality=context.temporality, experiencer=context.experiencer,
    )  # fmt: skip


def _sections(text: str) -> list[tuple[int, str]]:
    """Start of each section, and of what it is: "family", "past", "plan" or neither."""
    found: list[tuple[int, str]] = []
    for match in _SECTION.finditer(text):
        heading = match["heading"]
        words = {"family": _FAMILY, "past": _PAST, "plan": _PLAN}
        what = next((word for word, pattern in words.items() if pattern.search(heading)), "")
        found.append((match.start(), what))
    return found


def _in_section(context: Context, place: int, sections: Sequence[tuple[int, str]]) -> Context:
    """What the heading above says as well, where the sentence itself says nothing of it."""
    above = [what for start, what in sections if start <= place]
    what = above[-1] if above else ""
    experiencer: Experiencer = "other" if what == "family" else context.experiencer
    temporality = context.temporality
    if temporality == "recent" and what in ("past", "plan"):
        temporality = "historical" if what == "past" else "hypothetical"
    return Context(context.negated, context.uncertain, temporality, experiencer)
