"""Patient ids of a table: text, never empty, and never two spellings of one patient."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, listed, shown


def check_patient_ids(
    cells: Sequence[str | None], *, column: str, lines: Sequence[int], table: Path
) -> tuple[list[str], list[str]]:
    """Patient ids without surrounding spaces, and notes.

    Args:
        cells: One per row; None where the cell holds a declared missing code.
        column: Name of the id column.
        lines: Line of each row.
        table: The table, for messages.

    Raises:
        InputError: Rows without an id, ids with control characters, ids that differ only in case.
    """
    empty = [str(line) for line, cell in zip(lines, cells, strict=True) if not (cell or "").strip()]
    if empty:
        raise InputError(
            f"{table.name}, column {column}: no patient id in row {listed(empty)}. "
            "Every row needs one."
        )
    ids = [str(cell).strip() for cell in cells]
    first: dict[str, int] = {}
    for row, patient in enumerate(ids):
        first.setdefault(patient, row)
    odd = [
        f"row {lines[row]}: {shown(patient)}"
        for patient, row in first.items()
        if any(unicodedata.category(character) == "Cc" for character in patient)
    ]
    if odd:
        raise InputError(
            f"{table.name}, column {column}: control characters in {listed(odd)}. Remove them."
        )
    _refuse_near_matches(first, column, lines, table)
    n_padded = sum(patient != cell for patient, cell in zip(ids, cells, strict=True))
    if not n_padded:
        return ids, []
    note = f"spaces around the patient id were removed in {counted(n_padded, 'row')}"
    return ids, [f"{table.name}: {note}"]


def _refuse_near_matches(
    first: dict[str, int], column: str, lines: Sequence[int], table: Path
) -> None:
    """`case001` and `Case001` would be two patients, perhaps on two sides of a split."""
    spellings: dict[str, list[str]] = {}
    for patient in first:
        key = unicodedata.normalize("NFKC", patient).casefold()
        spellings.setdefault(key, []).append(patient)
    near = [
        " and ".join(f"{shown(patient)} (row {lines[first[patient]]})" for patient in group)
        for group in spellings.values()
        if len(group) > 1
    ]
    if near:
        raise InputError(
            f"{table.name}, column {column}: ids that differ only in case or letter form: "
            f"{listed(near)}. Spell one patient one way, or give two patients two ids."
        )
