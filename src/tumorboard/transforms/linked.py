"""Things that are linked in pairs, joined into groups."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def linked_groups(links: Iterable[Sequence[T]]) -> list[tuple[T, ...]]:
    """Groups of what is linked directly or through others, in order of first appearance.

    Args:
        links: Things that belong together, two or more at a time.
    """
    group_of: dict[T, dict[T, None]] = {}
    for link in links:
        groups = {id(g): g for g in (group_of.get(item, {item: None}) for item in link)}
        # The smaller groups join the largest, so that every item moves rarely.
        first, *rest = sorted(groups.values(), key=len, reverse=True)
        for group in rest:
            first.update(group)
            group_of.update(dict.fromkeys(group, first))
        group_of.update(dict.fromkeys(link, first))
    found = {id(group): group for group in group_of.values() if len(group) > 1}
    return [tuple(group) for group in found.values()]
