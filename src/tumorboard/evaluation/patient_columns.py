"""Columns of the cohort by patient: their values, and the groups that they divide patients into."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tumorboard.errors import StudyError
from tumorboard.records import Floats

#: Name of the group of patients without a value, and of those whose rows differ.
MISSING, SEVERAL = "missing", "several values"
#: A column of numbers with at most so many different ones is taken as categories.
MAX_CODES = 6


@dataclass(frozen=True)
class Grouping:
    """How one column divides the patients.

    Args:
        column: Its name.
        groups: Group -> ids of its patients, in the order of the report; the groups of patients
            without a value and with several values last.
        cuts: Where numbers are cut, ascending; empty for categories.
        note: How the groups were made, in words.
        n_differing: Patients whose rows hold different values.
    """

    column: str
    groups: Mapping[str, tuple[str, ...]]
    cuts: tuple[float, ...]
    note: str
    n_differing: int


def columns_by_patient(
    columns: Mapping[str, Sequence[str | None]], patient_id: Sequence[str], names: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Column -> patient -> value: "" where every row is empty, `SEVERAL` where rows differ.

    Args:
        columns: Column -> one cell per row; None where missing.
        patient_id: Patient of each row.
        names: Columns wanted.

    Raises:
        StudyError: No such column.
    """
    found: dict[str, dict[str, str]] = {}
    for name in names:
        if name not in columns:
            raise StudyError(
                f"{name!r} is not a column of the cohort table. Known: {', '.join(columns)}."
            )
        values: dict[str, set[str]] = {patient: set() for patient in patient_id}
        for patient, cell in zip(patient_id, columns[name], strict=True):
            if cell:
                values[patient].add(cell)
        found[name] = {p: _one_of(seen) for p, seen in values.items()}
    return found


def _one_of(seen: set[str]) -> str:
    if len(seen) > 1:
        return SEVERAL
    return next(iter(seen), "")


def numbers_of(values: Mapping[str, str]) -> dict[str, float] | None:
    """Patient -> number, NaN without one; None where a value is not a finite number."""
    found: dict[str, float] = {}
    for patient, cell in values.items():
        if cell in ("", SEVERAL):
            found[patient] = math.nan
            continue
        try:
            number = float(cell)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        found[patient] = number
    return found


def group_patients(
    column: str, values: Mapping[str, str], *, cuts: Sequence[float] = ()
) -> Grouping:
    """Divide the patients by one column.

    Numbers are cut at `cuts`, or at the tertiles of these patients; columns with at most
    `MAX_CODES` different numbers are categories unless cuts are given.

    Args:
        column: Its name.
        values: Patient -> value, as `columns_by_patient` gives them.
        cuts: Upper ends of the groups but the last, ascending.

    Raises:
        StudyError: Cuts for a column that holds something else than numbers.
    """
    numbers = numbers_of(values)
    if numbers is None and cuts:
        raise StudyError(f"{column!r} has cut points, but does not hold numbers only.")
    known = np.asarray([x for x in (numbers or {}).values() if not math.isnan(x)])
    n_differing = sum(value == SEVERAL for value in values.values())
    aside = {
        MISSING: tuple(p for p, value in values.items() if value == ""),
        SEVERAL: tuple(p for p, value in values.items() if value == SEVERAL),
    }
    aside = {name: members for name, members in aside.items() if members}
    if numbers is None or not (cuts or len(np.unique(known)) > MAX_CODES):
        levels = sorted({v for v in values.values() if v not in ("", SEVERAL)}, key=_natural)
        groups = {v: tuple(p for p, value in values.items() if value == v) for v in levels}
        return Grouping(column, groups | aside, (), "categories as they stand", n_differing)
    used = tuple(sorted(float(cut) for cut in cuts)) or _tertiles(known)
    names = _names(used)
    number = np.asarray([numbers[p] for p in values])
    which = np.searchsorted(used, number, side="left")
    patients = list(values)
    groups = {
        name: tuple(patients[i] for i in np.flatnonzero((which == k) & ~np.isnan(number)))
        for k, name in enumerate(names)
    }
    how = "declared cut points" if cuts else "tertiles of these patients"
    note = f"numbers cut at {', '.join(f'{cut:g}' for cut in used)} ({how})"
    groups = {name: members for name, members in groups.items() if members}
    return Grouping(column, groups | aside, used, note, n_differing)


def _tertiles(known: Floats) -> tuple[float, ...]:
    """Thirds of the patients; fewer cuts where many have the same number."""
    return tuple(dict.fromkeys(float(f"{x:.4g}") for x in np.quantile(known, [1 / 3, 2 / 3])))


def _names(cuts: Sequence[float]) -> list[str]:
    """`up to 45`, `above 45 to 61`, `above 61`."""
    texts = [f"{cut:g}" for cut in cuts]
    between = [f"above {a} to {b}" for a, b in pairwise(texts)]
    return [f"up to {texts[0]}", *between, f"above {texts[-1]}"]


def _natural(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text
