"""Show one latent number through clinical columns, so that what they tell of it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from tumorboard.records import Bools, Floats, Ints

#: Correlation of each column with the signal: of age, log size, log marker and, underneath a
#: threshold model, location.
LOADINGS = {"age": 0.6, "tumour_size_mm": 0.8, "ca15_3": 0.75, "tumour_location": 0.35}
LOCATIONS = ("lower inner", "lower outer", "central", "upper inner", "upper outer")
#: Share of each location: the upper outer quadrant holds half of breast tumours.
LOCATION_SHARES = (0.08, 0.12, 0.10, 0.20, 0.50)

#: Keeps the logarithm of a probability of 0 finite; beside it nothing else counts.
_TINY = 1e-300

Mechanism = Literal["at_random", "not_at_random"]

_LOADINGS = np.asarray(list(LOADINGS.values()))
_CUTS = np.asarray([-np.inf, *ndtri(np.cumsum(LOCATION_SHARES)[:-1]), np.inf])


@dataclass(frozen=True)
class Columns:
    """What the columns in `LOADINGS` show, one row per patient.

    Args:
        standard: (n, 4) standard normal value behind each cell.
        is_missing: (n, 4) True where the cell is empty.
    """

    standard: Floats
    is_missing: Bools

    @property
    def location(self) -> Ints:
        """Number in `LOCATIONS`: the interval between two cuts that the value lies in."""
        return np.searchsorted(_CUTS[1:-1], self.standard[:, -1]).astype(np.int64)


@dataclass(frozen=True)
class Missingness:
    """How cells get lost: `at_random` alike for all, `not_at_random` more with a high signal."""

    share: float
    mechanism: Mechanism

    def rate(self, signal: Floats) -> Floats:
        """P(a cell is empty | signal); its mean over patients is `share`."""
        if self.mechanism == "not_at_random":
            return 2 * self.share * ndtr(signal)
        return np.full_like(signal, self.share)


def show(signal: Floats, *, normal: Floats, uniform: Floats, missingness: Missingness) -> Columns:
    """Columns of patients with these signals, made of the draws `normal` and `uniform` (n, 4)."""
    standard = _LOADINGS * signal[:, None] + np.sqrt(1 - _LOADINGS**2) * normal
    return Columns(standard, uniform < missingness.rate(signal)[:, None])


def log_likelihood(columns: Columns, grid: Floats, missingness: Missingness) -> Floats:
    """(n, len(grid)) log-likelihood of each signal on the grid, up to a constant per patient.

    Empty cells tell nothing themselves; that they are empty does under `not_at_random`.
    """
    variance = 1 - _LOADINGS**2
    total = np.zeros((len(columns.standard), len(grid)))
    for j in range(len(LOADINGS) - 1):
        residual = columns.standard[:, j, None] - _LOADINGS[j] * grid
        seen = ~columns.is_missing[:, j, None]
        total -= np.where(seen, residual**2 / (2 * variance[j]), 0.0)
    # Of the location only the interval between two cuts is seen: an ordered probit.
    limits = (_CUTS[:, None] - _LOADINGS[-1] * grid) / np.sqrt(variance[-1])
    of_location = np.log(np.diff(ndtr(limits), axis=0) + _TINY)
    total += np.where(~columns.is_missing[:, -1, None], of_location[columns.location], 0.0)
    rate = missingness.rate(grid)
    n_missing = columns.is_missing.sum(axis=1)[:, None]
    n_seen = len(LOADINGS) - n_missing
    return total + n_missing * np.log(rate + _TINY) + n_seen * np.log(1 - rate + _TINY)


def cells(columns: Columns, *, log_marker_shift: Floats) -> list[list[str]]:
    """Text of the cells in the order of `LOADINGS`; empty where missing.

    Age has mean 58 and standard deviation 12 years, tumour size a median of 18 mm, CA 15-3 a median
    of 22 U/ml; the latter two are log-normal.

    Args:
        columns: What the columns show.
        log_marker_shift: (n,) shift of the log marker by each patient's laboratory.
    """
    age, size, marker, _ = columns.standard.T
    years = np.clip(np.round(58 + 12 * age), 18, 99).astype(int)
    size_mm = 18 * np.exp(0.5 * size)
    units_per_ml = 22 * np.exp(0.6 * marker + log_marker_shift)
    location = columns.location
    rows: list[list[str]] = []
    for i, is_missing in enumerate(columns.is_missing):
        texts = (
            str(years[i]), f"{size_mm[i]:.1f}", f"{units_per_ml[i]:.2f}", LOCATIONS[location[i]],
        )  # fmt: skip
        rows.append(["" if gone else t for t, gone in zip(texts, is_missing, strict=True)])
    return rows
