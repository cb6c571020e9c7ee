"""Remarks about fitted models, each said once with how many models it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: Arm, sentence, models of the arm that it is about.
Remark = tuple[str, str, int]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


def said_once(remarks: Iterable[Remark], arms: Sequence[str], n_models: int) -> list[str]:
    """Every remark once; those that differ in their numbers only are one, with ranges.

    Args:
        remarks: What was remarked.
        arms: All arms; those concerned are named where not every one is.
        n_models: Models of all arms together.
    """
    alike: dict[str, list[Remark]] = {}
    for remark in remarks:
        alike.setdefault(_NUMBER.sub("#", remark[1]), []).append(remark)
    lines: list[str] = []
    for each in alike.values():
        concerned = list(dict.fromkeys(arm for arm, _, _ in each))
        named = "" if len(concerned) == len(arms) else f": {', '.join(concerned)}"
        n = sum(count for _, _, count in each)
        lines.append(f"{_spread([text for _, text, _ in each])} ({n} of {n_models} models{named})")
    return lines


def _spread(texts: Sequence[str]) -> str:
    """Sentences that differ in numbers only, as one: each number that differs as a range."""
    ranges: list[str] = []
    for each in zip(*(_NUMBER.findall(text) for text in texts), strict=True):
        low, high = min(each, key=float), max(each, key=float)
        ranges.append(low if low == high else f"{low} to {high}")
    found = iter(ranges)
    return _NUMBER.sub(lambda _: next(found), texts[0])
