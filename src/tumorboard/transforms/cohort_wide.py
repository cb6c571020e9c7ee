"""Traces that a computation over all patients leaves in a column of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tumorboard.records import Floats

#: Fewer values say nothing of how they were computed.
FEWEST_VALUES = 20
_FEWEST_DIFFERENT = 10
#: However coarsely numbers are rounded, a mean or a deviation this far off is no trace.
_LOOSEST = 2e-3


def decimals(cells: Sequence[str | None]) -> int:
    """Most decimals that a cell of a column is written with; 15 for an exponent."""
    most = 0
    for cell in cells:
        text = (cell or "").strip().lower()
        if "e" in text:
            return 15
        most = max(most, len(text.partition(".")[2]))
    return most


def trace(values: Floats, n_decimals: int) -> str:
    """`z-scores`, `0..1 scaling`, `ranks`, `normal scores`, or "" where there is no such trace.

    Args:
        values: Numbers of all patients; NaN is left out.
        n_decimals: Decimals that the numbers are written with, which say how exact a mean can be.
    """
    given = np.sort(values[np.isfinite(values)])
    if len(given) < FEWEST_VALUES or len(np.unique(given)) < _FEWEST_DIFFERENT:
        return ""
    if n_decimals and _is_standardised(given, n_decimals):
        return "normal scores" if _is_normal_scores(given) else "z-scores"
    if _is_ranked(given):
        return "ranks"
    if _is_scaled(given, n_decimals):
        return "0..1 scaling"
    return "normal scores" if _is_normal_scores(given) else ""


def _tolerance(n: int, n_decimals: int) -> float:
    """Five standard errors of a mean of numbers that were rounded, in units of the numbers."""
    return float(np.clip(5 * 10.0**-n_decimals / np.sqrt(12 * n), 1e-6, _LOOSEST))


def _is_standardised(given: Floats, n_decimals: int) -> bool:
    near = _tolerance(len(given), n_decimals)
    if abs(given.mean()) > near:
        return False
    return min(abs(given.std(ddof=ddof) - 1) for ddof in (0, 1)) <= 2 * near


def _is_scaled(given: Floats, n_decimals: int) -> bool:
    """One patient at exactly 0, one at exactly 1; a share that can be 0 or 1 piles up there."""
    ends = given[0] == 0 and given[1] > 0 and given[-1] == 1 and given[-2] < 1
    return bool(ends) and n_decimals >= 3 and len(np.unique(given)) >= 0.8 * len(given)


def _is_ranked(given: Floats) -> bool:
    """Evenly spaced from the least to the greatest, one step per patient, ties halfway."""
    n = len(given)
    _, inverse, counts = np.unique(given, return_inverse=True, return_counts=True)
    if len(counts) < 0.5 * n:
        return False
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    step = (given[-1] - given[0]) / (ranks[-1] - ranks[0])
    is_even = np.abs(given - given[0] - step * (ranks - ranks[0])).max() <= 1e-3 * step
    is_scale = any(abs(step * k - 1) < 1e-3 for k in (1, n - 1, n, n + 1))
    return bool(is_even and is_scale)


def _is_normal_scores(given: Floats) -> bool:
    """The normal quantiles of the ranks, whichever formula gave their shares."""
    from scipy.special import ndtri

    n = len(given)
    if len(np.unique(given)) < 0.9 * n:
        return False
    shares = [(np.arange(1, n + 1) - a) / (n + 1 - 2 * a) for a in (0.0, 0.375, 0.5)]
    scores = [np.asarray(ndtri(share)) for share in shares]
    return any(float(np.abs(given - score).max()) < 1e-2 for score in scores)


def components(columns: Mapping[str, Floats]) -> list[str]:
    """Columns with mean zero that are uncorrelated with each other, as principal components are.

    Args:
        columns: Column -> numbers of all patients; columns with NaN are left out.
    """
    centred: dict[str, Floats] = {}
    for name, values in columns.items():
        if len(values) < FEWEST_VALUES or not np.isfinite(values).all():
            continue
        spread = float(values.std())
        is_many = len(np.unique(values)) >= 0.5 * len(values)
        if is_many and spread > 0 and abs(float(values.mean())) <= 1e-4 * spread:
            centred[name] = values / (spread * np.sqrt(len(values)))
    if len(centred) < 2:
        return []
    stacked = np.stack(list(centred.values()))
    related = np.abs(stacked @ stacked.T) > 1e-4
    np.fill_diagonal(related, val=False)
    names = [n for n, own in zip(centred, related, strict=True) if not own.any()]
    return names if len(names) >= 2 else []
