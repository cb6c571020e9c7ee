"""Tables of gene expression: which way round, whose, in which unit, each stated and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.gene_identifiers import Ids, name_genes
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.number_matrix import NumberMatrix, read_number_matrix, refuse_twice
from tumorboard.records import Floats

Orientation = Literal["auto", "genes_by_patients", "patients_by_genes"]
Scale = Literal["tpm", "counts", "log2_tpm", "z"]

_SEPARATORS = re.compile(r"[-_. ]")
#: A TCGA barcode names the patient in its first twelve characters, then sample, portion and plate.
_BARCODE = re.compile(r"(tcga-\w\w-\w{4})(-\w+)*")


@dataclass(frozen=True)
class ProfileTable:
    """One profile per patient, patients in rows.

    Args:
        path: The file.
        patients: Their ids.
        names: Names of the columns (genes, features).
        values: (patients, names) NaN where missing.
        places: Where each name stands in the file, for messages.
        notes: Sentences for the report.
    """

    path: Path
    patients: tuple[str, ...]
    names: tuple[str, ...]
    values: Floats
    places: tuple[str, ...]
    notes: tuple[str, ...]


def read_profiles(
    path: Path, patient_ids: Sequence[str], *, orientation: Orientation = "auto",
    id_column: str = "auto",
) -> ProfileTable:  # fmt: skip
    """Read a table of profiles and turn it so that patients are rows.

    Args:
        path: The table; its first column names the rows.
        patient_ids: Patients of the cohort, by which the orientation is seen.
        orientation: As declared; "auto" takes the side on which the patients stand, and says so.
        id_column: Column that names the rows; "auto" is the first.

    Raises:
        InputError: The patients stand on the other side than declared, or nowhere, or twice; a
            cell is no number.
    """
    matrix = read_number_matrix(path, id_column=id_column)
    known = frozenset(patient_ids)
    n_rows, n_columns = (len(known.intersection(side)) for side in (matrix.rows, matrix.columns))
    if not n_rows and not n_columns:
        raise InputError(_no_patient(matrix, known))
    seen: Orientation = "patients_by_genes" if n_rows >= n_columns else "genes_by_patients"
    if orientation not in ("auto", seen):
        raise InputError(
            f"{path.name}: orientation is declared {orientation!r}, but {n_rows:,} patients of the "
            f"cohort name rows and {n_columns:,} name columns. Set orientation = {seen!r}."
        )
    return _profiles(matrix, known, is_turned=seen == "genes_by_patients")


def _profiles(matrix: NumberMatrix, known: frozenset[str], *, is_turned: bool) -> ProfileTable:
    if matrix.faults:
        raise InputError(
            f"{matrix.path.name}: {counted(len(matrix.faults), 'cell is', 'cells are')} no number: "
            f"{listed(matrix.faults)}. Mend them, or leave them empty where not known."
        )
    values: NDArray[np.float64] = matrix.values
    patients, names = matrix.rows, matrix.columns
    places = tuple(f"column {name!r}:" for name in names)
    if is_turned:
        patients, names, values = names, patients, values.T
        places = tuple(f"row {row}" for row in range(2, len(names) + 2))
    refuse_twice(patients, "a patient", matrix.path.name)
    lost = sorted(known.intersection(matrix.texts)) if is_turned else []
    if lost:
        raise InputError(f"{matrix.path.name}: the columns of patients {listed(lost)} hold text.")
    n = len(known.intersection(patients))
    words = "one column" if is_turned else "one row"
    notes = [
        f"{words} per patient, seen by the ids of {n:,} of {counted(len(known), 'patient')} of the "
        f"cohort; {len(patients) - n:,} in the table are not in the cohort"
    ]
    if matrix.texts:
        notes.append(f"columns of text left out: {listed(matrix.texts)}")
    near = near_ids(known.difference(patients), [p for p in patients if p not in known])
    if near:
        notes.append(
            f"{counted(len(near), 'patient is', 'patients are')} without a profile, although the "
            f"table has a like id: {listed([f'{a} ({b})' for a, b in near.items()])}. Spell one "
            "patient one way."
        )
    notes = [f"{matrix.path.name}: {note}" for note in notes]
    return ProfileTable(matrix.path, patients, names, values, places, tuple(notes))


def _no_patient(matrix: NumberMatrix, known: frozenset[str]) -> str:
    near = near_ids(sorted(known), [*matrix.rows, *matrix.columns])
    found = listed([f"{a} ({b} in the table)" for a, b in near.items()])
    remedy = f"Spell one patient one way: {found}." if near else (
        f"The cohort has {listed(sorted(known)[:3])}; the table has rows "
        f"{listed(matrix.rows[:3])} and columns {listed(matrix.columns[:3])}. Add the "
        f"patients; new ones without any profile belong in a folder without {matrix.path.name}."
    )  # fmt: skip
    return f"{matrix.path.name}: no patient of the cohort names a row or a column. {remedy}"


def near_ids(wanted: Sequence[str] | frozenset[str], given: Sequence[str]) -> dict[str, str]:
    """Ids that would be one but for separators, case or the further parts of a TCGA barcode."""
    keys = {_key(name): name for name in given}
    return {name: keys[_key(name)] for name in sorted(wanted) if _key(name) in keys}


def _key(name: str) -> str:
    plain = _SEPARATORS.sub("-", name.strip().casefold())
    match = _BARCODE.fullmatch(plain)
    return match[1] if match else plain


@dataclass(frozen=True)
class ExpressionTable:
    """Profiles of genes, each symbol once.

    Args:
        path: The file.
        patients: Their ids.
        genes: Symbols.
        values: (patients, genes) in the scale of the file, NaN where missing.
        notes: Sentences for the report.
    """

    path: Path
    patients: tuple[str, ...]
    genes: tuple[str, ...]
    values: Floats
    notes: tuple[str, ...]


def read_expression(
    path: Path, patient_ids: Sequence[str], *, orientation: Orientation = "auto",
    ids: Ids = "auto", scale: Scale,
) -> ExpressionTable:  # fmt: skip
    """Read a table of gene expression and bring its names to approved symbols.

    Rows of one gene are added where they are TPM or counts (log2 values after undoing the
    logarithm), averaged where they are z-scores; each is counted in the notes.

    Raises:
        InputError: See `read_profiles` and `name_genes`; infinite values; negative or missing TPM
            or counts.
    """
    table = read_profiles(path, patient_ids, orientation=orientation)
    named = name_genes(table.names, table=path.name, places=table.places, ids=ids)
    _refuse_impossible(table, scale)
    genes = tuple(dict.fromkeys(symbol for symbol in named.symbols if symbol))
    position = {gene: i for i, gene in enumerate(genes)}
    target = np.asarray([position.get(symbol, -1) for symbol in named.symbols], dtype=np.int64)
    notes = [*table.notes, *named.notes]
    values = table.values
    n_each = np.bincount(target[target >= 0], minlength=len(genes))
    if (target < 0).any() or (n_each > 1).any():
        values = _once(values, target, n_each, scale)
    n_twice = int((n_each > 1).sum())
    if n_twice:
        how = {"z": "averaged", "log2_tpm": "added after undoing the logarithm"}.get(scale, "added")
        words = counted(n_twice, "gene stands", "genes stand")
        twice = listed([g for g, n in zip(genes, n_each, strict=True) if n > 1])
        notes.append(f"{path.name}: {words} more than once; {how}: {twice}")
    return ExpressionTable(path, table.patients, genes, values, tuple(notes))


def _once(values: Floats, target: NDArray[np.int64], n_each: NDArray[np.int64], scale: Scale
          ) -> Floats:  # fmt: skip
    """One column per gene: those of genes that stand once are taken, the others put together."""
    first = np.full(len(n_each), -1, dtype=np.int64)
    for column in range(len(target) - 1, -1, -1):
        if target[column] >= 0:
            first[target[column]] = column
    found = values[:, first]
    for gene in np.flatnonzero(n_each > 1):
        own = values[:, target == gene]
        if scale == "z":
            known = np.isfinite(own)
            total = np.where(known, own, 0.0).sum(axis=1)
            n_known = known.sum(axis=1)
            found[:, gene] = np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan)
        elif scale == "log2_tpm":
            found[:, gene] = np.log2(np.sum(2.0**own - 1.0, axis=1) + 1.0)
        else:
            found[:, gene] = own.sum(axis=1)
    return found


def _refuse_impossible(table: ProfileTable, scale: Scale) -> None:
    """Infinite values anywhere; negative or missing values where there can be none."""
    faults = [("infinite", np.isinf(table.values))]
    if scale != "z":
        faults.append(("negative", table.values < 0))
    if scale in ("tpm", "counts"):
        faults.append(("missing", np.isnan(table.values)))
    for word, wrong in faults:
        if not wrong.any():
            continue
        rows, columns = np.nonzero(wrong)
        cells = [
            f"{table.names[c]} of {table.patients[r]}"
            for r, c in zip(rows[:11].tolist(), columns[:11].tolist(), strict=True)
        ]
        more = f", and {len(rows) - 10:,} more" if len(rows) > 10 else ""
        raise InputError(
            f"{table.path.name}: {counted(len(rows), 'value is', 'values are')} {word}, which "
            f"{scale} cannot be: {', '.join(cells[:10])}{more}. "
            "Is the scale another, or the table damaged?"
        )
