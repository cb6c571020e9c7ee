"""One item of a reporting guideline, and what a run says to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tumorboard.report.facts import Facts

Status = Literal["reported", "missing", "not applicable"]
STATUSES: tuple[Status, ...] = ("reported", "missing", "not applicable")


@dataclass(frozen=True)
class Answer:
    """What a run says to an item.

    Args:
        status: Whether the item is reported.
        text: The text; what the author must write; or why the item does not apply.
    """

    status: Status
    text: str


@dataclass(frozen=True)
class Item:
    """One item or sub-item.

    Args:
        number: As the guideline numbers it.
        section: Where in an article it belongs.
        applies: `D` to development, `E` to evaluation, `D;E` to both; empty where not divided.
        asks: What is to be reported, in our words.
        answer: What a run says to it.
    """

    number: str
    section: str
    applies: str
    asks: str
    answer: Callable[[Facts], Answer]


@dataclass(frozen=True)
class Checklist:
    """A reporting guideline.

    Args:
        name: Its short name and year.
        source: Where it was published.
        items: In its order.
    """

    name: str
    source: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Answered:
    """An item with the answer of one run."""

    item: Item
    answer: Answer


def fill_in(checklist: Checklist, facts: Facts) -> list[Answered]:
    """Every item with its answer."""
    return [Answered(item, item.answer(facts)) for item in checklist.items]


def count(answered: Sequence[Answered]) -> dict[Status, int]:
    """Status -> items."""
    return {s: sum(a.answer.status == s for a in answered) for s in STATUSES}


def asked(*keys: str) -> Callable[[Facts], Answer]:
    """Only the author knows: the sentences of these keys of `[report]`."""
    return told(lambda facts: "", *keys)


def told(known: Callable[[Facts], str], *keys: str) -> Callable[[Facts], Answer]:
    """What the run knows, and with it the author's sentences, all of which must be there."""

    def answer(facts: Facts) -> Answer:
        said = [facts.said(key) for key in keys]
        absent = [key for key, sentence in zip(keys, said, strict=True) if not sentence]
        parts = [part for part in (known(facts), *said) if part]
        if not absent:
            return Answer("reported", " ".join(parts))
        wanted = f"The author must write [report] {', '.join(absent)} in the study file."
        if parts:
            wanted += f" Known so far: {' '.join(parts)}"
        return Answer("missing", wanted)

    return answer


def known(text: Callable[[Facts], str], *, otherwise: str) -> Callable[[Facts], Answer]:
    """What the run knows; where it knows nothing, what must be done."""

    def answer(facts: Facts) -> Answer:
        found = text(facts)
        return Answer("reported", found) if found else Answer("missing", otherwise)

    return answer


def where(
    applies: Callable[[Facts], bool], inner: Callable[[Facts], Answer], *, why_not: str
) -> Callable[[Facts], Answer]:
    """An item that does not apply to every run."""
    return lambda facts: inner(facts) if applies(facts) else Answer("not applicable", why_not)
