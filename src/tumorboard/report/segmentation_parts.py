"""Pieces of the sections of a segmentation: a drawing, a table or pictures with their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from tumorboard.report.number_format import Cell, interval, number
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import real


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    name: str
    cells: Sequence[Cell]
    small: str = ""
    is_primary: bool = False


@dataclass(frozen=True)
class Part:
    """One drawing, table or gallery; what is empty is not shown.

    Args:
        heading: Above it.
        name: Of the drawing's file.
        svg: The drawing.
        caption: Below the drawing.
        head: Columns of the table.
        rows: Its rows.
        note: Below the table.
        pictures: `address` and `title` of each.
        width: Least width of a picture.
    """

    heading: str = ""
    name: str = ""
    svg: str = ""
    caption: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Row] = ()
    note: str = ""
    pictures: Sequence[Mapping[str, str]] = ()
    width: str = "220px"


def section_of(anchor: str, title: str, lead: str, parts: Sequence[Part]) -> Section:
    """A section of these parts, in order."""
    words = [{**vars(part), "svg": Markup(part.svg)} for part in parts]
    return Section(anchor, title, lead, fill("segmentation.html", parts=words))


def difference_cell(found: Mapping[str, Any] | None, *, value: str = "difference") -> Cell:
    """A difference with its sign and interval; a dash where there is none."""
    if found is None:
        return Cell(number(float("nan")))
    low, high = real(found["ci_low"]), real(found["ci_high"])
    return Cell(number(real(found[value]), signed=True), interval(low, high, signed=True))


def mean_cell(found: Mapping[str, Any] | None, *, value: str = "mean") -> Cell:
    """A mean with its interval."""
    if found is None:
        return Cell(number(float("nan")))
    return Cell(number(real(found[value])), interval(real(found["ci_low"]), real(found["ci_high"])))


def with_patients(cell: Cell, n: int) -> Cell:
    """The same cell, with the number of patients behind it in small."""
    return replace(cell, interval=f"{cell.interval}; n {n}".removeprefix("; "))


def quarters_cell(found: Mapping[str, Any]) -> Cell:
    """A median with the quartiles."""
    return Cell(number(real(found["median"])), interval(real(found["q1"]), real(found["q3"])))


def uncontradicted_words(found: Mapping[str, Sequence[int]]) -> str:
    """How many notes hold no word of side or place, which the contradicting control leaves alone.

    Args:
        found: Arm -> such notes, and all notes that were tested; empty where not counted.
    """
    said = {arm: f"{n} of {total} notes" for arm, (n, total) in found.items()}
    each = [f"{words} ({arm})" for arm, words in said.items()]
    alike = next(iter(said.values()), "") if len(set(said.values())) < 2 else ", ".join(each)
    rule = "A note without a word of side or place cannot be contradicted and stays as it is"
    return f"{rule}: {alike}." if said else f"{rule}."
