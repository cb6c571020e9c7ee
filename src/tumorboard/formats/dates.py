"""Dates in columns whose format nobody declared: every format that fits all cells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

#: Formats that are tried; a time of day may follow after a space or a T.
FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%Y%m%d",
)  # fmt: skip


def fitting_formats(cells: Sequence[str | None], declared: str = "") -> tuple[str, ...]:
    """Formats in which every given cell is a date; several where 03/04/2021 could mean two days.

    Args:
        cells: One per row; None is missing.
        declared: The study's format of this column, which is then the only one.
    """
    texts = {cell.strip() for cell in cells if cell is not None and cell.strip()}
    if not texts:
        return ()
    return tuple(
        form
        for form in ((declared,) if declared else FORMATS)
        if all(parse_date(text, form) is not None for text in texts)
    )


def parse_date(cell: str | None, form: str) -> date | None:
    """The day that a cell names in a format, whatever time of day follows; None if it is none."""
    text = (cell or "").strip()
    if not text or not any(character.isdigit() for character in text):
        return None
    for candidate in (text, text.split("T")[0], text.rsplit(" ", 1)[0]):
        try:
            day = datetime.strptime(candidate, form).date()
        except ValueError:
            continue
        if 1900 <= day.year <= 2100:
            return day
    return None
