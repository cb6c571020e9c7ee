"""Whether a treatment that a sentence names was refused, is planned, or has been stopped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tumorboard.transforms.context_lexicon import LAST, LISTED

#: What became of a treatment; "" says nothing beyond the sentence's context.
TreatmentCourse = Literal["denied", "planned", "past", ""]

_BE = (
    r"(?:is|are|was|were|has|have|had|be|been|being|now|then|later|subsequently|ultimately|finally"
    r"|eventually|initially|currently|still|also|soon|recently)"
)
_PLANNED = (
    r"(?:planned|scheduled|recommended|offered|considered(?!\s+(?:successful|complete|adequate"
    r"|curative|definitive|sufficient|radical|a|an|the|to)\b)|advised|proposed|discussed|suggested"
    r"|deferred|postponed|awaited|pending|under consideration)"
)
_GIVEN = (
    r"(?:given|done|performed|administered|started|received|pursued|undertaken|delivered|begun"
    r"|carried out|accepted|commenced|initiated)"
)
#: Up to five words that say of what or where: "radiotherapy to the left breast".
_WORD = rf"(?!(?:{_BE}|and|but|which|who|not|{_GIVEN}|completed)\b)[\w'/-]+"
_OF = rf"(?:\s+(?:for|of|to|in|at|with|on|by)(?:\s+{_WORD}){{1,5}}?)?"
_GAP = rf"(?:\)|\s*\([^()]*\))?(?:\s+(?:therapy|treatment|regimen|course))?{_OF}"
_WHO = rf"(?:(?:the\s+)?(?:patient|pt|she|he|they|family|it|{_BE})\s+)*"

_NAIVE = re.compile(r"[\s-]*na(?:i|\u00ef|i\u0308)ve\b", re.IGNORECASE)
_DENIED = re.compile(
    rf"{_GAP}[\s,]+(?:{_BE}\s+)*(?:(?:{_PLANNED}|indicated)\b{_OF}[\s,]+)?"
    rf"(?:(?:but|and|yet|though|although|however|which)[\s,]+)?{_WHO}"
    r"(?:(?:not|never|will not be)\s+(?:been\s+|be\s+)?"
    rf"(?:{_GIVEN}|required|needed|indicated|feasible|possible|offered)"
    r"|(?:did|does|do|would)\s+not\s+(?:start|receive|undergo|want|accept|wish|agree|proceed)"
    r"|refused|declined|rejected|withheld|cancell?ed|omitted|contraindicated)\b",
    re.IGNORECASE,
)
_PLAN = re.compile(
    rf"{_GAP}\s+(?:(?P<be>(?:{_BE}\s+)+){_PLANNED}|{_PLANNED}"
    r"|to\s+(?:start|begin|commence|follow)(?![\w-]| of\b|[- ]up\b)"
    r"|(?P<will>will\s+(?:start|begin|commence|follow)|(?:will|to|should)\s+be\s+"
    rf"(?:{_GIVEN}|scheduled|planned|considered|offered|arranged)))\b",
    re.IGNORECASE,
)
_PLAN_BEFORE = re.compile(
    r"(?:(?:\bwill|(?<!on )(?<!proceeded )(?<!prior )(?<!able )\bto)\s+(?:start|begin|commence)"
    r"|\bawait(?:s|ing)|\bplan(?:s|ning)?(?: for)?)"
    r"\s+(?:(?:a|the|her|his|with|on|adjuvant|neoadjuvant|systemic|palliative)\s+)*$",
    re.IGNORECASE,
)
_STOPPED = re.compile(
    rf"{_GAP}(?:[\s,]+(?:{_BE}|started|begun|initiated|given|and|but|which))*[\s,]+"
    r"(?:stopped|discontinued|ceased|halted|terminated|withdrawn)\b"
    r"(?!\s+(?:\w+ing|alcohol)\b)",
    re.IGNORECASE,
)
_STOPPED_BEFORE = re.compile(
    r"(?<!was )(?<!were )(?<!been )(?<!not )(?<!never )\b(?:discontinued|stopped|ceased|came off)"
    r"\s+(?:(?:her|his|the|taking|adjuvant)\s+)*$",
    re.IGNORECASE,
)
_RESUMED = re.compile(r"\b(?:re-?(?:started|initiated|introduced|challenged)|resumed)\b", re.I)
#: What was planned and came: "surgery was recommended and performed", "; she received 50 Gy".
_CAME = re.compile(
    rf"\b(?:and|then|but|which)\s+{_WHO}(?:successfully\s+|promptly\s+)?"
    rf"(?:{_GIVEN}|completed|tolerated|underwent|taken|took)\b"
    r"|[;,]\s*(?:(?:the\s+)?patient|pt|she|he|they)\s+(?:has\s+|had\s+|then\s+|later\s+)*"
    r"(?:received|completed|took|taken|given)\s+(?:\d|(?:it|this|all|a total)\b)",
    re.IGNORECASE,
)
#: What follows a verb that has no object behind it.
_NO_OBJECT = re.compile(
    r"\s+(?:for|in|on|at|to|with|by|during|it|this|here|yet|after|before|per|given|as|once|when|next"
    r"|while|if|again|today|tomorrow|early|late|this|January|February|March|April|May|June|July"
    r"|August|September|October|November|December|\d)",
    re.IGNORECASE,
)
#: Who had the treatment has it: "underwent lumpectomy and radiotherapy planned".
_HAD = re.compile(
    r"\b(?:underwent|received|receives|receiving|completed|after|following|s/p|status post|post|had"
    r"|started|on)\s+(?:[\w-]+\s+){0,3}$",
    re.IGNORECASE,
)
_PART_OF = re.compile(r"\s*(?:with|using|of|consisting of|:|\()\s*(?:\w+\s+)?", re.IGNORECASE)
_LISTED = re.compile(
    r"\s*(?:,?\s*\b(?:and|or)\b|,|/|\+|&)\s*(?:(?:then|possibly|the)\s+)?", re.IGNORECASE
)
_JOINS = re.compile(r"\b(?:and|or)\b|[/+&]", re.IGNORECASE)
_ONE = re.compile(r"[\s,]*(?:is|was|has)\b", re.IGNORECASE)
_MANY = re.compile(r"[\s,]*(?:are|were|have)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Named:
    """A treatment, the end of the one before it and the start of the one behind it."""

    name: str
    start: int
    end: int
    low: int
    high: int


def treatment_courses(
    sentence: str, treatments: Sequence[tuple[str, int, int]]
) -> list[TreatmentCourse]:
    """What became of each treatment of a sentence, as the words behind it say.

    "Radiotherapy was considered but not given" and "chemo-naive" deny it; "craniotomy planned" and
    "chemotherapy to start" plan it; "letrozole discontinued" puts it into the past. A treatment
    shares what is said of the next in a list ("surgery and radiotherapy are planned") and of its
    own drug ("chemotherapy with cisplatin was not given").

    Args:
        sentence: One sentence; offsets count its characters.
        treatments: Class, start and end of each treatment.
    """
    order = sorted(range(len(treatments)), key=lambda i: treatments[i][1:])
    found: list[TreatmentCourse] = [""] * len(treatments)
    behind: tuple[_Named, TreatmentCourse] | None = None
    for i in reversed(order):
        name, start, end = treatments[i]
        low = max((b for _, _, b in treatments if b <= start), default=0)
        high = min((a for _, a, _ in treatments if a >= end), default=len(sentence))
        named = _Named(name, start, end, low, high)
        found[i] = _own(sentence, named)
        if behind and not found[i] and _shares(sentence, named, *behind):
            found[i] = behind[1]
        behind = named, found[i]
    return found


def _own(sentence: str, named: _Named) -> TreatmentCourse:
    """What the words around a treatment say of it alone."""
    if _NAIVE.match(sentence, named.end):
        return "denied"
    has_had = _HAD.search(sentence[named.low : named.start]) is not None
    rest = sentence[named.end : named.high]
    if not has_had and _fits(sentence, _DENIED.match(sentence, named.end), named):
        return "denied"
    if _STOPPED_BEFORE.search(sentence[named.low : named.start]) or _STOPPED.match(rest):
        return "" if _RESUMED.search(rest) else "past"
    if _PLAN_BEFORE.search(sentence[named.low : named.start]):
        return "planned"
    plan = _PLAN.match(sentence, named.end)
    if has_had or plan is None or plan.end() > named.high or _CAME.search(rest):
        return ""
    is_verb = plan["be"] or plan["will"]
    return "planned" if is_verb or _fits(sentence, plan, named) else ""


def _fits(sentence: str, match: re.Match[str] | None, named: _Named) -> bool:
    """Whether words are of this treatment: no other stands in them, nor do they have an object."""
    if match is None or match.end() > named.high:
        return False
    is_last = LAST.match(sentence, match.end()) or _NO_OBJECT.match(sentence, match.end())
    return is_last is not None


def _shares(sentence: str, named: _Named, behind: _Named, course: TreatmentCourse) -> bool:
    """Whether what is said of the treatment behind is said of this one too."""
    if not course:
        return False
    between = sentence[named.end : behind.start]
    if named.start == behind.start:
        return True  # both halves of "chemoradiotherapy"
    if not between.strip(" -\n"):
        return named.name == "treatment_setting"  # "adjuvant chemotherapy"
    if _HAD.search(sentence[named.low : named.start]):
        return False
    is_same = named.name == behind.name
    if is_same and _PART_OF.fullmatch(between):
        return True
    if not _LISTED.fullmatch(between):
        return False
    if is_same or _MANY.match(sentence, behind.end) or LISTED.match(sentence, behind.end):
        return True
    if not _JOINS.search(between):
        return False  # "mastectomy, radiation recommended": the operation was done
    return course == "planned" and not _ONE.match(sentence, behind.end)
