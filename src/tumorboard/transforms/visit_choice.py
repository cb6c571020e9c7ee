"""Which visits of a patient a model may see: the latest ones up to the index date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.formats.visit_table import VisitTable
from tumorboard.records import Floats, Ints


@dataclass(frozen=True)
class ChosenVisits:
    """Visits of every row of a cohort.

    Args:
        index: (rows, visits) number of each visit in its table, the earliest first, -1 for none.
        days: (rows, visits) days from the row's index date, at most 0; NaN for none.
        later: Visit after the index date -> days after it.
        too_close: Visits before the index date, but by fewer days than asked.
        too_early: Visits before the latest ones.
    """

    index: Ints
    days: Floats
    later: Mapping[int, float]
    too_close: frozenset[int]
    too_early: frozenset[int]


def choose_visits(
    table: VisitTable, patient_id: Sequence[str], at: Floats, *, n_visits: int, before_days: float
) -> ChosenVisits:
    """The latest visits of every row, at least so many days before its index date.

    Args:
        table: Visits of everybody.
        patient_id: Patient of each row.
        at: (rows,) index date on the scale of the visits' times; NaN, which allows no visit, where
            it is not known.
        n_visits: At most so many.
        before_days: Days between a visit and the index date, at least.
    """
    of_patient = table.of_patients()
    index = np.full((len(patient_id), n_visits), -1, dtype=np.int64)
    days = np.full(index.shape, np.nan)
    later: dict[int, float] = {}
    too_close: set[int] = set()
    too_early: set[int] = set()
    for row, patient in enumerate(patient_id):
        place = of_patient.get(patient, slice(0, 0))
        own = np.arange(place.start, place.stop)
        since = table.time_days[own] - at[row]
        is_later, is_allowed = since > 0, since <= -before_days
        later |= dict(zip(own[is_later].tolist(), since[is_later].tolist(), strict=True))
        too_close |= set(own[(since <= 0) & ~is_allowed].tolist())
        too_early |= set(own[is_allowed][:-n_visits].tolist())
        kept = own[is_allowed][-n_visits:]
        index[row, : len(kept)] = kept
        days[row, : len(kept)] = table.time_days[kept] - at[row]
    return ChosenVisits(index, days, later, frozenset(too_close), frozenset(too_early))
