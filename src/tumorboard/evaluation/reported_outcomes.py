"""Whether what notes report of the course goes with the measured change of volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.records import Ints

#: Rows and columns of the table: what a report says, and the change that it would go with.
REPORTED = ("better", "stable", "worse")
MEASURED = ("shrinking", "within error", "growing")


@dataclass(frozen=True)
class Agreement:
    """Visits by what was reported and what was measured since the visit before.

    Args:
        counts: (3, 3) visits: rows as `REPORTED`, columns as `MEASURED`.
        n_patients: Patients that they are of.
        n_silent: Visits whose note reports nothing, or better and worse alike.
        share: Share of visits on the diagonal; NaN without any.
        kappa: Agreement beyond chance, weights linear in the distance; NaN where undefined.
    """

    counts: Ints
    n_patients: int
    n_silent: int
    share: float
    kappa: float


def agreement(
    patients: Sequence[str], reported: Sequence[str], measured: Sequence[str]
) -> Agreement:
    """Compare reports with measured changes, visit by visit.

    Args:
        patients: Patient of each visit.
        reported: One of `REPORTED`, or "" where nothing is reported.
        measured: One of `MEASURED`, or "" at the first visit, which has no change.

    Source:
        Weighted kappa: Cohen, Psychol Bull 1968; 70: 213.
    """
    rows = [
        (person, REPORTED.index(said), MEASURED.index(change))
        for person, said, change in zip(patients, reported, measured, strict=True)
        if said in REPORTED and change in MEASURED
    ]
    counts = np.zeros((3, 3), dtype=np.int64)
    for _, said, change in rows:
        counts[said, change] += 1
    n_silent = sum(
        said not in REPORTED and change in MEASURED
        for said, change in zip(reported, measured, strict=True)
    )
    total = int(counts.sum())
    share = float(np.trace(counts)) / total if total else float("nan")
    return Agreement(counts, len({person for person, *_ in rows}), n_silent, share, _kappa(counts))


def _kappa(counts: Ints) -> float:
    total = counts.sum()
    if not total:
        return float("nan")
    seen = counts / total
    chance = np.outer(seen.sum(axis=1), seen.sum(axis=0))
    weight = np.abs(np.arange(3)[:, None] - np.arange(3)[None])
    expected = float((weight * chance).sum())
    return 1 - float((weight * seen).sum()) / expected if expected else float("nan")
