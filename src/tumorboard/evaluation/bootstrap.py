"""The patient bootstrap: all replicates at once, as weights of the patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tumorboard.records import Floats

#: Cells of replicates x patients worked on at once: 128 KiB of weights stay in the processor's
#: cache, and below the size from which the C library asks the system for every array anew (1.6
#: times slower).
_CELLS = 2**14
#: Share of the replicates that must be defined for an interval.
_DEFINED = 0.5


def resample(n_patients: int, n_replicates: int, rng: np.random.Generator) -> Floats:
    """How often each patient was drawn: (replicates, patients), every row summing to `n_patients`.

    Drawing one index after the other gives the multinomial counts of a sample with replacement.
    """
    drawn = rng.integers(n_patients, size=(n_replicates, n_patients))
    drawn += np.arange(n_replicates)[:, None] * n_patients
    counts = np.bincount(drawn.ravel(), minlength=n_replicates * n_patients)
    return counts.reshape(n_replicates, n_patients).astype(np.float64)


def bootstrap(
    statistic: Callable[[Floats], Floats], *, n_patients: int, n_replicates: int,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """Value of a statistic in every resample of the patients.

    Args:
        statistic: Weights (replicates, patients) to values (replicates, ...).
        n_patients: Patients that are drawn from, with replacement and without strata.
        n_replicates: Number of resamples.
        rng: Source of the draws; the same state gives the same resamples whatever the statistic is.

    Source:
        Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 13.
    """
    step = max(1, min(n_replicates, _CELLS // max(n_patients, 1)))
    pieces = [
        statistic(resample(n_patients, min(step, n_replicates - start), rng))
        for start in range(0, n_replicates, step)
    ]
    return np.concatenate(pieces)


def percentile_interval(values: Floats) -> tuple[float, float, int]:
    """2.5 % and 97.5 % points of the replicates, and how many replicates were undefined (NaN).

    Replicates in which a class is absent, or a quotient has nothing below the line, are left out;
    where they are more than half the interval is empty.
    """
    defined = values[~np.isnan(values)]
    n_undefined = len(values) - len(defined)
    if len(defined) < max(1.0, _DEFINED * len(values)):
        return float("nan"), float("nan"), n_undefined
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high), n_undefined
