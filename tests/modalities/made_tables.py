"""Small cohorts of a table, and the modality read, fitted and applied on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tumorboard.cache import Cache
from tumorboard.modalities.table import MeasuredTable, Table
from tumorboard.records import ArraySpec, Cohort

Cells = list[str | None]


def make_cohort(patients: list[str] | None = None, **columns: Cells) -> Cohort:
    n_rows = len(next(iter(columns.values())))
    ids = tuple(patients or [f"P{k}" for k in range(n_rows)])
    return Cohort(
        name="test", patient_id=ids, unit_id=ids, files={}, table=Path("patients.csv"),
        columns={name: tuple(cells) for name, cells in columns.items()},
        line=tuple(range(2, n_rows + 2)), root=Path(),
    )  # fmt: skip


def read(modality: Table, cohort: Cohort) -> MeasuredTable:
    return modality.read(cohort, name="record", cache=Cache(Path("never-written")))


def fit(modality: Table, cohort: Cohort, rows: list[int] | None = None) -> ArraySpec:
    chosen = np.arange(cohort.n_rows) if rows is None else np.asarray(rows)
    return modality.fit(read(modality, cohort), chosen, weight=np.ones(len(chosen)))


def arrays(modality: Table, cohort: Cohort) -> list[list[float]]:
    return modality.arrays(read(modality, cohort), np.arange(cohort.n_rows)).tolist()
