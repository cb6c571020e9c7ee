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
#: Whole numbers scaled to 0..1 lie in so many even steps, with at most two patients at either end;
#: a score of fewer steps may span 0 to 1 by itself.
_FEWEST_STEPS, _MOST_STEPS, _MOST_AT_ENDS = 20, 1000, 2


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
    """One patient at exactly 0, one at exactly 1; a share that can be 0 or 1 piles up there.

    Beside many different numbers, whole ones that were scaled (age) are seen by their even steps.
    """
    if n_decimals < 3 or given[0] != 0 or given[-1] != 1:
        return False
    at_ends = max(int((given == 0).sum()), int((given == 1).sum()))
    if at_ends == 1 and len(np.unique(given)) >= 0.8 * len(given):
        return True
    return at_ends <= _MOST_AT_ENDS and _is_in_steps(np.unique(given), n_decimals)


def _is_in_steps(different: Floats, n_decimals: int) -> bool:
    """Multiples of 1 / k, rounded, which no round step such as 0.025 gives."""
    rounding = 0.5 * 10.0**-n_decimals * 1.001 + 1e-12
    most = min(_MOST_STEPS, int(0.2 * 10.0**n_decimals))  # chance fits a fifth of the numbers
    round_step = 10 ** min(n_decimals, 6)
    fitting = (
        k for k in range(2, most + 1)
        if np.abs(different - np.rint(different * k) / k).max() <= rounding
    )  # fmt: skip
    k = next(fitting, 0)
    return k >= _FEWEST_STEPS and round_step % k != 0


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
