"""How rows and cells appear in messages: quoted, cut, at most ten of them."""

from __future__ import annotations

from collections.abc import Sequence

#: How many rows a message lists before it counts the rest.
LISTED = 10


def shown(cell: str | None) -> str:
    """A cell for a message: quoted, control characters escaped, cut at 40 characters."""
    text = "" if cell is None else cell
    return repr(text if len(text) <= 40 else text[:37] + "...")


def listed(items: Sequence[str]) -> str:
    """The first ten items, and how many more there are."""
    more = f", and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return ", ".join(items[:LISTED]) + more


def counted(n: int, singular: str, plural: str = "") -> str:
    """`1 row`, `3 rows`; with an irregular plural where one is given."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"
