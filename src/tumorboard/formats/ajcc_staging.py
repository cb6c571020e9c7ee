"""Stage group of non-small-cell lung cancer from T, N and M: AJCC / UICC, 6th and 7th edition.

Spellings of clinical tables are read ("T2a", "pN0", "2", "M1b", "Not Collected"), nothing is
guessed: T2 without a or b has two stage groups in the 7th edition, and keeps both.

Source:
    7th edition: Goldstraw et al. 2007, J Thorac Oncol 2:706, Table 3 (AJCC Cancer Staging Manual,
    7th edition, 2010, chapter 25). 6th edition: Mountain 1997, Chest 111:1710, Table 2 (unchanged
    in the AJCC Cancer Staging Manual, 6th edition, 2002).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, listed, shown

Edition = Literal[6, 7]
EDITIONS: tuple[Edition, Edition] = (6, 7)
Part = Literal["T", "N", "M"]
PARTS: tuple[Part, Part, Part] = ("T", "N", "M")

#: Stage groups in their order; "occult" is a tumour seen in cells alone (TX N0 M0).
GROUPS = ("occult", "0", "IA", "IB", "IIA", "IIB", "IIIA", "IIIB", "IV")

#: What each part of a stage is split into: the finest categories of both editions.
_FINEST: Mapping[str, tuple[str, ...]] = {
    "T0": ("T0",), "TIS": ("Tis",), "T1": ("T1a", "T1b"), "T1A": ("T1a",), "T1B": ("T1b",),
    "T2": ("T2a", "T2b"), "T2A": ("T2a",), "T2B": ("T2b",), "T3": ("T3",), "T4": ("T4",),
    "TX": ("TX",), "N0": ("N0",), "N1": ("N1",), "N2": ("N2",), "N3": ("N3",), "M0": ("M0",),
    "M1": ("M1a", "M1b"), "M1A": ("M1a",), "M1B": ("M1b",),
    # nodes or metastases that were not assessed may be any
    "NX": ("N0", "N1", "N2", "N3"), "MX": ("M0", "M1a", "M1b"),
}  # fmt: skip
_SPELLING: Mapping[Part, re.Pattern[str]] = {
    part: re.compile(rf"(?:stage\s*)?[cpyra]{{0,3}}{part}?\s*(is|[0-4x][ab]?)(?:\.0+)?", re.I)
    for part in PARTS
}
#: M0: T -> groups of N0, N1, N2; N3 is IIIB whatever the T, and M1 is IV whatever the rest.
_GROUPS: Mapping[Edition, Mapping[str, tuple[str, str, str]]] = {
    6: {
        "T1a": ("IA", "IIA", "IIIA"), "T1b": ("IA", "IIA", "IIIA"), "T2a": ("IB", "IIB", "IIIA"),
        "T2b": ("IB", "IIB", "IIIA"), "T3": ("IIB", "IIIA", "IIIA"), "T4": ("IIIB", "IIIB", "IIIB"),
    },
    7: {
        "T1a": ("IA", "IIA", "IIIA"), "T1b": ("IA", "IIA", "IIIA"), "T2a": ("IB", "IIA", "IIIA"),
        "T2b": ("IIA", "IIB", "IIIA"), "T3": ("IIB", "IIIA", "IIIA"),
        "T4": ("IIIA", "IIIA", "IIIB"),
    },
}  # fmt: skip
_WITHOUT_NODES = {"Tis": "0", "TX": "occult"}


def categories(cell: str, part: Part) -> frozenset[str]:
    """The finest categories that a cell may stand for: "T1a"; "N2"; T1a and T1b for a plain "1".

    Args:
        cell: As it is written; a number alone is a category of `part`.
        part: What the column holds.

    Returns:
        Empty where the cell is no spelling of `part`.
    """
    match = _SPELLING[part].fullmatch(cell.strip())
    return frozenset(_FINEST.get(f"{part}{match[1].upper()}", ())) if match else frozenset()


def possible_groups(t: str, n: str, m: str, *, edition: Edition = 7) -> frozenset[str]:
    """Every stage group that T, N and M may have, in their spellings.

    Empty where no group is defined for them: a carcinoma in situ with positive nodes, or a cell
    that is no T, N or M.
    """
    return frozenset(
        group
        for own_n in categories(n, "N")
        for own_t in _tumours(t, own_n)
        for own_m in categories(m, "M")
        if (group := _group(own_t, own_n, own_m, edition))
    )


def stage_group(t: str, n: str, m: str, *, edition: Edition = 7) -> str:
    """The stage group, such as "IIIA"; "" where there is none or where it may be several."""
    groups = possible_groups(t, n, m, edition=edition)
    return next(iter(groups)) if len(groups) == 1 else ""


def _tumours(t: str, n: str) -> frozenset[str]:
    """Categories of T; one that was not assessed may be any, but is occult without nodes."""
    found = categories(t, "T")
    return frozenset(_GROUPS[7]) if "TX" in found and n != "N0" else found


def _group(t: str, n: str, m: str, edition: Edition) -> str:
    if m != "M0":
        return "IV"
    if t in _WITHOUT_NODES and n == "N0":
        return _WITHOUT_NODES[t]
    if n == "N3" and t != "Tis":
        return "IIIB"
    of_nodes = _GROUPS[edition].get(t)
    return of_nodes[int(n[1])] if of_nodes else ""


def stage_groups(
    columns: Mapping[Part, Sequence[str | None]], names: Mapping[Part, str], *,
    lines: Sequence[int], patient_ids: Sequence[str], table: Path, edition: Edition = 7,
) -> list[str | None]:  # fmt: skip
    """Stage group of every row; None where a part is missing or the group may be several.

    Args:
        columns: Cells of T, N and M; None is missing.
        names: Names of their columns, for messages.
        lines: Line of each row.
        patient_ids: Patient of each row.
        table: The table, for messages.
        edition: Of the AJCC manual.

    Raises:
        InputError: Cells that are no T, N or M; T, N and M that no stage group has; all rows.
    """
    where = [f"row {line} patient {who}" for line, who in zip(lines, patient_ids, strict=True)]
    _refuse_spellings(columns, names, where, table)
    groups: list[str | None] = []
    faults: list[str] = []
    for at, t, n, m in zip(where, *(columns[part] for part in PARTS), strict=True):
        if t is None or n is None or m is None:
            groups.append(None)
            continue
        found = possible_groups(t, n, m, edition=edition)
        if not found:
            faults.append(f"{at}: {t} {n} {m}")
        groups.append(next(iter(found)) if len(found) == 1 else None)
    if faults:
        raise InputError(
            f"{table.name}: {counted(len(faults), 'row')} with T, N and M that have no stage group "
            f"in the AJCC's edition {edition}: {listed(faults)}. Mend the cells, or leave them "
            "empty where they are not known."
        )
    return groups


def _refuse_spellings(
    columns: Mapping[Part, Sequence[str | None]], names: Mapping[Part, str],
    where: Sequence[str], table: Path,
) -> None:  # fmt: skip
    faults = [
        f"{where[row]}: {names[part]} {shown(cell)}"
        for part in PARTS
        for row, cell in enumerate(columns[part])
        if cell is not None and not categories(cell, part)
    ]
    if faults:
        raise InputError(
            f"{table.name}: {counted(len(faults), 'cell')} that spell no T, N or M: "
            f"{listed(faults)}. Expected a spelling such as T2a, N0, M1b or a number; a code that "
            "means not known belongs into cohort.missing."
        )
