"""A second source joined by patient id, or, where a study says so, paired at random."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Cohort

#: Column that says whose record a row has, where records were paired at random.
RECORD_OF = "record_of"
_SIMULATED = 'evaluation.pairing = "simulated"'


def join_records(cohort: Cohort, records: Cohort) -> Cohort:
    """Columns of `records` for the patients of `cohort`; who has none has empty cells.

    Args:
        cohort: The patients whose rows are kept.
        records: One row per patient.

    Raises:
        StudyError: No patient is in both: they are strangers.
        InputError: A patient with several records, or a column that both have.
    """
    row_of = _row_of(records)
    joined = [row_of.get(patient, -1) for patient in cohort.patient_id]
    known = {p for p, row in zip(cohort.patient_id, joined, strict=True) if row >= 0}
    if not known:
        raise StudyError(
            f"cohort.records: none of the {counted(len(cohort.patients), 'patient')} of "
            f"{cohort.table.name} (such as {cohort.patients[0]!r}) is among the "
            f"{counted(len(records.patients), 'patient')} of {records.table.name} (such as "
            f"{records.patients[0]!r}): they are strangers. Use one patient id in both; only if "
            f"pairs of strangers are what you want, set {_SIMULATED}, and every output says so."
        )
    n_without, n_left = len(cohort.patients) - len(known), len(set(row_of) - known)
    note = (
        f"records joined by patient id: {counted(len(known), 'patient')} of both, {n_without} of "
        f"{cohort.table.name} without a record, {n_left} records of nobody here"
    )
    return _with_columns(cohort, records, joined, note)


def pair_strangers(cohort: Cohort, records: Cohort, *, seed: int) -> Cohort:
    """A record of another person for every row, drawn without regard to the outcome.

    Records are dealt out in a random order, all of them before any is used again. Whatever a model
    gains from such a record is an artefact: the pair says nothing about a patient.

    Args:
        cohort: The patients whose rows are kept.
        records: Records of other people.
        seed: Of the draw; row i of a cohort is always dealt the same record.

    Raises:
        StudyError: Some patients have records of their own: real pairs are there.
    """
    row_of = _row_of(records)
    own = [patient for patient in cohort.patients if patient in row_of]
    if own:
        raise StudyError(
            f"evaluation.pairing: simulated, but {counted(len(own), 'patient')} of "
            f"{len(cohort.patients)} have records of their own ({listed(own)}). Remove the key: "
            "records are joined by patient id."
        )
    rng = np.random.default_rng(seed)
    n_rounds = -(-cohort.n_rows // records.n_rows)
    dealt = np.concatenate([rng.permutation(records.n_rows) for _ in range(n_rounds)])
    rows = [int(row) for row in dealt[: cohort.n_rows]]
    note = (
        f"SIMULATED PAIRING: each of {cohort.n_rows} rows has the record of another person, drawn "
        f"at random among {counted(len(records.patients), 'patient')} of {records.table.name}"
    )
    paired = _with_columns(cohort, records, rows, note)
    owner = tuple(records.patient_id[row] for row in rows)
    return replace(paired, columns={**paired.columns, RECORD_OF: owner})


def _row_of(records: Cohort) -> dict[str, int]:
    """Patient -> row of `records`."""
    often = Counter(records.patient_id)
    several = [patient for patient, n in often.items() if n > 1]
    if several:
        raise InputError(
            f"cohort.records: {records.table.name} has several rows for "
            f"{counted(len(several), 'patient')} ({listed(several)}), so it does not say which "
            "belongs to the patient. Expected one row per patient; for hospital tables rows = "
            '"patient".'
        )
    return {patient: row for row, patient in enumerate(records.patient_id)}


def _with_columns(cohort: Cohort, records: Cohort, rows: list[int], note: str) -> Cohort:
    ids = {name for name, cells in records.columns.items() if cells == records.patient_id}
    names = [name for name in records.columns if name not in ids]
    twice = [name for name in names if name in cohort.columns]
    if twice:
        raise InputError(
            f"cohort.records: column {twice[0]!r} of {records.table.name} is also a column of "
            f"{cohort.table.name} ({len(twice)} such). Rename it in one of them. "
            f"{nearest(twice[0], [n for n in names if n not in twice])}"
        )
    columns = {
        name: tuple(records.columns[name][row] if row >= 0 else None for row in rows)
        for name in names
    }
    return replace(
        cohort,
        columns={**cohort.columns, **columns},
        records=(*cohort.records, *records.records),
        notes=(*cohort.notes, *records.notes, note),
        known_later={**cohort.known_later, **records.known_later},
    )
