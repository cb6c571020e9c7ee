"""Columns of a cohort by patient: rows joined, so that a patient with many images counts once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.formats.tables import is_number
from tumorboard.records import Cohort, Floats, Ints, Outcomes
from tumorboard.transforms.separation import Separation, by_category, by_order, ranges

MISSING = "missing"
#: Up to this many different numbers are categories as well.
_FEW_NUMBERS = 30


@dataclass(frozen=True)
class Patients:
    """One entry per patient and class (a patient with lesions of two classes has two).

    Args:
        patient_id: One per entry.
        target: (entries,) class numbers.
        row: Rows that have an outcome.
        entry: Entry of each of these rows.
        classes: Names of the classes.
    """

    patient_id: tuple[str, ...]
    target: Ints
    row: Ints
    entry: Ints
    classes: tuple[str, ...]

    @property
    def is_comparable(self) -> bool:
        """Whether two classes have at least two patients each."""
        return int((np.bincount(self.target, minlength=2) >= 2).sum()) >= 2

    def means(self, values: Floats) -> Floats:
        """Mean of each entry's rows where there is a number, else NaN."""
        own = values[self.row]
        seen = np.isfinite(own)
        n = len(self.patient_id)
        total = np.bincount(self.entry[seen], weights=own[seen], minlength=n)
        count = np.bincount(self.entry[seen], minlength=n)
        return np.divide(total, count, out=np.full(n, np.nan), where=count > 0)

    def unions(self, tokens: Sequence[Iterable[str]]) -> list[frozenset[str]]:
        """Categories that any of an entry's rows has."""
        found: list[set[str]] = [set() for _ in self.patient_id]
        for row, entry in zip(self.row.tolist(), self.entry.tolist(), strict=True):
            found[entry].update(tokens[row])
        return [frozenset(own) for own in found]


def patients_of(cohort: Cohort, outcomes: Outcomes) -> Patients:
    """Patients with an outcome, in order of first appearance."""
    known: dict[tuple[str, int], int] = {}
    rows = np.flatnonzero(outcomes.kept)
    target = np.asarray(outcomes.target, dtype=np.int64)
    entry = [known.setdefault((cohort.patient_id[r], int(target[r])), len(known)) for r in rows]
    return Patients(
        patient_id=tuple(patient for patient, _ in known),
        target=np.asarray([k for _, k in known], dtype=np.int64),
        row=rows,
        entry=np.asarray(entry, dtype=np.int64),
        classes=outcomes.classes,
    )


def numbers_of(cells: Sequence[str | None]) -> Floats | None:
    """Cells as numbers with NaN where missing; None where a cell is no number."""
    texts = [None if cell is None or not cell.strip() else cell.strip() for cell in cells]
    if not any(texts) or not all(is_number(text) for text in set(texts) if text):
        return None
    return np.asarray([float(text) if text else np.nan for text in texts])


def ordered_codes(cells: Sequence[str | None]) -> Ints:
    """Cells as numbers in the order of their values, equal where they are; -1 where missing."""
    numbers = numbers_of(cells)
    texts = ["" if cell is None else " ".join(cell.casefold().split()) for cell in cells]
    values = np.asarray(texts) if numbers is None else numbers
    is_missing = np.asarray([not text for text in texts], dtype=np.bool_)
    _, code = np.unique(values, return_inverse=True)
    return np.where(is_missing, -1, code.reshape(-1).astype(np.int64))


def categories_of(cells: Sequence[str | None], separator: str = "") -> list[tuple[str, ...]]:
    """Categories of each cell; an empty cell is the category `missing`."""
    found: list[tuple[str, ...]] = []
    for cell in cells:
        words = (cell or "").split(separator) if separator else [cell or ""]
        found.append(tuple(word.strip() for word in words if word.strip()) or (MISSING,))
    return found


def shape_of(text: str) -> str:
    """A name without its numbers, so that the numbers of single patients tell nothing."""
    return re.sub(r"\d+", "0", text)


def separations(
    cells: Sequence[str | None], patients: Patients, *, separator: str = ""
) -> list[Separation]:
    """Every way in which one column can tell the classes: order, range, category, missing."""
    n_classes = len(patients.classes)
    found: list[Separation] = []

    def categories(tokens: Sequence[Iterable[str]], way: str) -> None:
        joined = patients.unions(tokens)
        if len(set(joined)) > 1:
            found.append(by_category(joined, patients.target, n_classes=n_classes, way=way))

    numbers = numbers_of(cells)
    if numbers is not None:
        means = patients.means(numbers)
        if len(np.unique(means[np.isfinite(means)])) > 1:
            found.append(by_order(means, patients.target, n_classes=n_classes))
            found.append(
                by_category(ranges(means), patients.target, n_classes=n_classes, way="range")
            )
    if numbers is None or len(set(cells)) <= _FEW_NUMBERS:
        categories(categories_of(cells, separator), "category")
    if numbers is None:
        found += _by_name(cells, patients, categories)
    empty = [(str(cell is None or not cell.strip()),) for cell in cells]
    if len(set(empty)) > 1:
        categories(empty, "missing")
    return found


def _by_name(
    cells: Sequence[str | None],
    patients: Patients,
    categories: Callable[[Sequence[Iterable[str]], str], None],
) -> list[Separation]:
    """Names such as `malignant_012` tell by their words, names such as `P12` by their number."""
    shapes = [(shape_of((cell or MISSING).strip()),) for cell in cells]
    n_names, n_shapes = len(set(cells)), len(set(shapes))
    if n_shapes == n_names:
        return []
    categories(shapes, "name")
    if n_names < len(patients.patient_id) / 2:
        return []
    digits = [re.findall(r"\d+", cell or "") for cell in cells]
    numbers = patients.means(np.asarray([float(d[-1][:15]) if d else np.nan for d in digits]))
    return [by_order(numbers, patients.target, n_classes=len(patients.classes), way="number")]
