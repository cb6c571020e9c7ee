"""One identifier found in a note."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Where an identifier stands and what replaces it.

    Args:
        start: First letter.
        end: Behind the last letter.
        category: What it is: name, date, age, phone, ...
        tag: What stands there afterwards.
    """

    start: int
    end: int
    category: str
    tag: str


def spans_of(
    pattern: re.Pattern[str], text: str, category: str, *, tag: str = "", group: str | int = 0
) -> Iterable[Span]:
    """A span for each match of a pattern, or of one of its groups."""
    for match in pattern.finditer(text):
        if match[group]:
            yield Span(
                match.start(group), match.end(group), category, tag or f"[{category.upper()}]"
            )
