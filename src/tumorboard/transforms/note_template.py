"""Sentences written from a row of the cohort table; what is not known is not said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.messages import counted, listed, shown

_BRACES = re.compile(r"\{([^{}]*)\}")
#: A clause ends where a sentence does, or at a semicolon; 3.2 and e.g. hold no such end.
_END = re.compile(r"(?<=[.;!?])\s+")

Words = Mapping[str, Mapping[str, str]]


def columns_of(template: str, *, where: str) -> tuple[str, ...]:
    """Columns that a template names, each once.

    Raises:
        StudyError: It names none, or its braces do not pair.
    """
    rest = _BRACES.sub("", template)
    columns = tuple(dict.fromkeys(_BRACES.findall(template)))
    if not columns or "" in columns or "{" in rest or "}" in rest:
        raise StudyError(
            f"{where}: {template!r} needs columns in pairs of braces, such as "
            "'Tumour of the {side} breast.'"
        )
    return columns


def fill(
    template: str, cells: Mapping[str, Sequence[str | None]], values: Words, *,
    lines: Sequence[int], patient_id: Sequence[str], table: Path,
) -> tuple[str, ...]:  # fmt: skip
    """One text per row; a clause with a missing cell is left out.

    Args:
        template: Sentences with columns in braces.
        cells: Column -> one cell per row, None where missing.
        values: Column -> code -> the words that say it.
        lines: Line of each row.
        patient_id: Patient of each row.
        table: The table, for messages.

    Raises:
        InputError: Codes that `values` does not name; every row at fault is listed.
    """
    _refuse_unknown(cells, values, lines=lines, patient_id=patient_id, table=table)
    clauses = [(clause, _BRACES.findall(clause)) for clause in _END.split(template)]
    texts: list[str] = []
    for row in range(len(lines)):
        known = [
            (clause, columns)
            for clause, columns in clauses
            if all((cells[column][row] or "").strip() for column in columns)
        ]
        said = [
            _BRACES.sub(lambda m, row=row: _word(cells[m[1]][row], values.get(m[1], {})), clause)
            for clause, _ in known
        ]
        # clauses without any column say nothing of this patient
        texts.append(" ".join(said) if any(columns for _, columns in known) else "")
    return tuple(texts)


def _word(cell: str | None, words: Mapping[str, str]) -> str:
    text = (cell or "").strip()
    return words.get(text, text)


def _refuse_unknown(
    cells: Mapping[str, Sequence[str | None]], values: Words, *, lines: Sequence[int],
    patient_id: Sequence[str], table: Path,
) -> None:  # fmt: skip
    for column, words in values.items():
        faults = [
            f"row {line} patient {patient}: {shown(cell)}"
            for cell, line, patient in zip(cells[column], lines, patient_id, strict=True)
            if cell is not None and cell.strip() and cell.strip() not in words
        ]
        if faults:
            n = counted(len(faults), "code is", "codes are")
            raise InputError(
                f"{table.name}, column {column}: {n} not among values.{column} "
                f"({', '.join(words)}): {listed(faults)}. Say what they mean."
            )
