"""Clinical factors as cells of a table: one value per note and column, missing where not said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tumorboard.records import Floats
from tumorboard.transforms.category_columns import Categories
from tumorboard.transforms.clinical_factors import Factor

#: What a factor that is only possible counts as: a value of its own, a stated one, or nothing.
Uncertain = Literal["possible", "stated", "left_out"]

#: Kinds of which a column says "yes" or "no".
_PRESENCE = frozenset({"treatment", "symptom", "history"})
#: Of the kinds above, columns with values of their own.
_VALUED = frozenset({"smoking", "treatment_setting"})
#: Columns that hold every value of a note; the others hold the last one that it states.
_SEVERAL = frozenset({"anatomic_site", "side", "lobe", "histology"})
_MAIN = re.compile(r"[TNM](?:is|X|\d)|IV|I{1,3}|0")


@dataclass(frozen=True)
class NoteCells:
    """What one note says, by column; a column that is not here is not mentioned."""

    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


def cells_of(factors: Iterable[Factor], *, uncertain: Uncertain = "possible") -> NoteCells:
    """Cells of one note.

    Of numbers the largest size, else the last one; of categories all organs, sides, lobes and
    histologies, else the last one, since notes stand in the order of time. What is stated now comes
    before what was, and what is certain before what is possible. Symptoms, treatments and diseases
    are `yes`, or `no` where the note denies them; treatments of the past are columns `previous_*`.
    What is feared, planned or a relative's does not count, but for `family_history`.

    Args:
        factors: Factors of the note in the order of its text.
        uncertain: What counts that is only possible: `possible` makes it a category of its own (no
            number), `stated` takes it as stated, `left_out` as not mentioned.
    """
    by_column: dict[str, list[Factor]] = {}
    for factor in factors:
        if _counts(factor) and not (factor.uncertain and uncertain == "left_out"):
            by_column.setdefault(_column(factor), []).append(factor)
    numbers: dict[str, float] = {}
    categories: dict[str, tuple[str, ...]] = {}
    for column, own in by_column.items():
        if own[0].kind in _PRESENCE and column not in _VALUED and np.isnan(own[0].number):
            categories[column] = (_presence(own, uncertain),)
            continue
        stated = _chosen([factor for factor in own if not factor.negated], uncertain)
        if stated and np.isfinite(stated[-1].number) and column not in _GRADES:
            if not (stated[-1].uncertain and uncertain == "possible"):
                numbers[column] = _number(column, stated)
        elif stated:
            values = [_value(factor, uncertain) for factor in stated]
            categories[column] = tuple(dict.fromkeys(values if column in _SEVERAL else values[-1:]))
    return NoteCells(numbers, categories)


#: Columns whose numbers are categories.
_GRADES = frozenset({"grade", "grade_group"})


def _counts(factor: Factor) -> bool:
    if factor.temporality == "hypothetical":
        return False
    if factor.kind == "symptom" and factor.temporality == "historical":
        return False
    return (factor.experiencer == "other") == (factor.name == "family_history")


def _column(factor: Factor) -> str:
    is_past = factor.kind == "treatment" and factor.temporality == "historical"
    return f"previous_{factor.name}" if is_past else factor.name


def _presence(factors: Sequence[Factor], uncertain: Uncertain) -> str:
    affirmed = [factor for factor in factors if not factor.negated]
    if not affirmed:
        return "no"
    is_possible = uncertain == "possible" and all(factor.uncertain for factor in affirmed)
    return "possible" if is_possible else "yes"


def _chosen(factors: Sequence[Factor], uncertain: Uncertain) -> list[Factor]:
    """The factors that hold now, if any, else those of the past; of these the certain, if any."""
    chosen = list(factors)
    narrower: tuple[Callable[[Factor], bool], ...] = (
        lambda factor: factor.temporality == "recent",
        lambda factor: not factor.uncertain or uncertain == "stated",
    )
    for rule in narrower:
        chosen = [factor for factor in chosen if rule(factor)] or chosen
    return chosen


def _number(column: str, factors: Sequence[Factor]) -> float:
    numbers = [factor.number for factor in factors]
    return max(numbers) if column == "size_mm" else numbers[-1]


def _value(factor: Factor, uncertain: Uncertain) -> str:
    """The value as a category: of stages the main category alone, T2 for T2a and III for IIIA."""
    value = factor.value
    if factor.kind == "stage":
        main = _MAIN.match(value)
        value = main.group() if main else value
    return f"possible {value}" if factor.uncertain and uncertain == "possible" else value


def number_column(cells: Sequence[NoteCells], column: str) -> Floats:
    """(notes,) one column of numbers, NaN where a note does not mention it."""
    return np.asarray([cell.numbers.get(column, np.nan) for cell in cells], dtype=np.float64)


def category_column(cells: Sequence[NoteCells], column: str) -> tuple[Categories, ...]:
    """One column of categories, None where a note does not mention it."""
    return tuple(cell.categories.get(column) for cell in cells)
