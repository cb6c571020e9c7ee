"""Columns that hold T, N and M, and the stage that they spell together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tumorboard.formats.ajcc_staging import (
    EDITIONS,
    PARTS,
    Edition,
    Part,
    categories,
    possible_groups,
)
from tumorboard.transforms.patient_columns import MISSING, Patients, separations
from tumorboard.transforms.separation import Separation, by_category

Cells = Sequence[str | None]

#: A word of a column's name that says which part it is: `T`, `pN`, `ypT`.
_WORD = re.compile(r"([cpyra]{0,3})([tnm])")
#: A cell that says by itself which part it is: `T2a`, `pN0`.
_LETTERED = re.compile(r"\s*[cpyra]{0,3}([tnm])(is|[0-4x][ab]?)\s*", re.IGNORECASE)
#: Share of the given cells that must be a category; tables hold a few codes of their own.
_MOST = 0.95
#: What stands for a part without a column, or without a value.
_ANY: Mapping[Part, str] = {"T": "TX", "N": "NX", "M": "MX"}


@dataclass(frozen=True)
class Staging:
    """Columns of one staging, such as the pathological one.

    Args:
        columns: Part -> its column; at least two parts.
    """

    columns: Mapping[Part, str]

    @property
    def parts(self) -> tuple[Part, ...]:
        """What it has columns of, in the order T, N, M."""
        return tuple(part for part in PARTS if part in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns, in the order T, N, M."""
        return tuple(self.columns[part] for part in self.parts)

    def groups(self, cells: Mapping[str, Cells], edition: Edition) -> list[tuple[str, ...]]:
        """The stage group of each row as one category; several groups joined by "or".

        Args:
            cells: Column -> one cell per row.
            edition: Of the AJCC manual.
        """
        spelled: dict[tuple[str | None, ...], tuple[str, ...]] = {}
        rows = list(zip(*(cells[name] for name in self.names), strict=True))
        for row in set(rows):
            own = {part: _known(cell, part) for part, cell in zip(self.parts, row, strict=True)}
            t, n, m = (own.get(part) or _ANY[part] for part in PARTS)
            found = possible_groups(t, n, m, edition=edition) if any(own.values()) else ()
            spelled[row] = (" or ".join(sorted(found)) or MISSING,)
        return [spelled[row] for row in rows]


def find_stagings(columns: Mapping[str, Cells]) -> list[Staging]:
    """Every staging of which at least two of T, N and M have a column.

    A column is one of them by its cells, which must be categories of that part, and by its name
    ("Pathological T stage", "clinical.N.Stage", "pT") or by the letter in its cells ("N0").

    Args:
        columns: Column -> cells; those that may be part of a staging.
    """
    found: dict[str, dict[Part, str]] = {}
    for name, cells in columns.items():
        given = [cell for cell in cells if cell is not None and cell.strip()]
        part = _part(name, given)
        if part is not None:
            found.setdefault(_kind(name), {}).setdefault(part, name)
    return [Staging(own) for own in found.values() if len(own) > 1]


def by_stage(staging: Staging, cells: Mapping[str, Cells], patients: Patients) -> Separation | None:
    """How well the stage group tells the classes, in the edition of the manual that fits better.

    None where one column alone tells as much.

    Args:
        staging: Columns of T, N and M.
        cells: Column -> one cell per row.
        patients: Who has which class.
    """
    found: list[Separation] = []
    for edition in EDITIONS:
        groups = patients.unions(staging.groups(cells, edition))
        if len(set(groups)) > 1:
            found.append(by_category(groups, patients.target, n_classes=len(patients.classes)))
    best = max(found, key=lambda separation: separation.macro, default=None)
    alone = [s.macro for name in staging.names for s in separations(cells[name], patients)]
    return best if best is not None and best.macro > max(alone, default=0.5) else None


def _part(name: str, given: Sequence[str]) -> Part | None:
    if not given:
        return None
    words = [match[2].upper() for word in _words(name) if (match := _WORD.fullmatch(word))]
    letters = {match[1].upper() if (match := _LETTERED.fullmatch(c)) else "" for c in set(given)}
    named = set(words) if len(set(words)) == 1 else letters
    for part in PARTS:
        if named == {part}:
            n_fitting = sum(bool(categories(cell, part)) for cell in given)
            return part if n_fitting >= _MOST * len(given) else None
    return None


def _kind(name: str) -> str:
    """Which staging a column belongs to: clinical, pathological or neither."""
    words = _words(name)
    for kind, start in (("clinical", "clin"), ("pathological", "path")):
        prefixed = {kind[0] + part.lower() for part in PARTS}
        if any(word.startswith(start) or word in prefixed for word in words):
            return kind
    return ""


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name)
    return re.findall(r"[a-z]+", spaced.lower())


def _known(cell: str | None, part: Part) -> str:
    return cell if cell is not None and categories(cell, part) else ""
