"""Pairs of long numeric profiles (expression, many laboratory values) that are one profile.

The correlation of two patients' profiles is high whenever some columns have large values in
everybody, so r > 0.999 alone proves nothing. Beside it, the profiles are compared after each column
is brought to mean 0 and standard deviation 1 over the cohort, where two people's are unrelated, and
a pair must be closer there than patients commonly are to their nearest fellows: in data with few
independent factors everybody has a near neighbour. A copy in other units (counts of another depth)
is seen after every profile is brought to mean 0 and standard deviation 1 first.

Other columns may stand beside a copied profile and differ (age, a laboratory value). So a profile's
nearest fellows are compared again without the fifth of the columns in which the two differ most,
and so are, for what is common, patients and their fifth nearest fellow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tumorboard.records import Bools, Floats, Ints

#: Correlation of two profiles from which they may be one.
CORRELATION = 0.999
#: Correlation of the two after every column is standardised over the cohort.
_STANDARDISED = 0.98
#: A pair is closer than this share of the distance to the fifth nearest fellow, at its lower tenth
#: over the patients: the fifth, so that a few copies of one profile do not make copies common.
_OF_COMMON_DISTANCE, _FELLOWS, _QUANTILE = 0.1, 5, 0.1
#: Fewer patients than this show no cohort to standardise over.
FEWEST_PATIENTS = 10
_BLOCK = 500
#: Share of the columns that may differ between two copies.
_LEFT_OUT = 0.2
#: Values further from the mean count as this far, in standard deviations, when fellows are sought.
_FURTHEST = 3.0
#: Patients that show how near fellows commonly are.
_SAMPLE = 200


@dataclass(frozen=True)
class ProfileMatch:
    """Two profiles that are one.

    Args:
        first: Number of the first profile.
        second: Number of the second one.
        correlation: Pearson's, over the columns that both have.
        standardised: The same after every column is standardised over the cohort.
        n_columns: Columns that both have.
    """

    first: int
    second: int
    correlation: float
    standardised: float
    n_columns: int


def find_profile_matches(values: Floats, owner: Ints, *, columns: int) -> list[ProfileMatch]:
    """Pairs of profiles of different owners that are one profile.

    Args:
        values: (profiles, columns) NaN where missing.
        owner: (profiles,) whose profile it is.
        columns: So many columns must be known in both.
    """
    if len(np.unique(owner)) < FEWEST_PATIENTS:
        return []
    best: dict[tuple[int, int], ProfileMatch] = {}
    for profiles in (values, _by_row(values)):
        standard = _by_row(profiles.T).T
        for first, second in _near_pairs(standard, owner):
            both = np.isfinite(values[first]) & np.isfinite(values[second])
            if both.sum() < columns or (first, second) in best:
                continue
            raw = _correlation(values[first, both], values[second, both])
            own = _correlation(standard[first, both], standard[second, both])
            if raw > CORRELATION and own > _STANDARDISED:
                best[first, second] = ProfileMatch(first, second, raw, own, int(both.sum()))
        for match in _in_most_columns(values, standard, owner, columns):
            best.setdefault((match.first, match.second), match)
    return [best[pair] for pair in sorted(best)]


def _in_most_columns(
    values: Floats, standard: Floats, owner: Ints, columns: int
) -> list[ProfileMatch]:
    """Pairs that are one profile in all but a few columns."""
    if values.shape[1] <= columns:
        return []
    fellows, distance = _nearest(np.clip(standard, -_FURTHEST, _FURTHEST), owner)
    rows = np.linspace(0, len(values) - 1, min(len(values), _SAMPLE)).astype(np.int64)
    common = [_alike(standard, int(i), int(fellows[i, -1]), columns) for i in rows]
    apart = [1 - _correlation(standard[i, c], standard[j, c]) for i, j, c in common if c.any()]
    if not apart:
        return []
    limit = _OF_COMMON_DISTANCE * float(np.quantile(apart, _QUANTILE))
    near = distance < 0.5 * float(np.quantile(distance[:, -1], _QUANTILE))
    pairs = {
        (min(i, int(fellows[i, k])), max(i, int(fellows[i, k])))
        for i, k in zip(*(axis.tolist() for axis in np.nonzero(near)), strict=True)
    }
    found: list[ProfileMatch] = []
    for first, second in sorted(pairs):
        _, _, kept = _alike(standard, first, second, columns)
        if not kept.any():
            continue
        raw = _correlation(values[first, kept], values[second, kept])
        own = _correlation(standard[first, kept], standard[second, kept])
        if raw > CORRELATION and own > _STANDARDISED and 1 - own < limit:
            found.append(ProfileMatch(first, second, raw, own, int(kept.sum())))
    return found


def _alike(standard: Floats, first: int, second: int, columns: int) -> tuple[int, int, Bools]:
    """The pair and the columns in which it differs least; none where too few are known."""
    apart = np.abs(standard[first] - standard[second])
    n_known = int(np.isfinite(apart).sum())
    kept = np.zeros(len(apart), dtype=np.bool_)
    if n_known >= columns:
        n_kept = max(columns, n_known - int(_LEFT_OUT * n_known))
        kept[np.argsort(apart, kind="stable")[:n_kept]] = True
    return first, second, kept


def _nearest(standard: Floats, owner: Ints) -> tuple[Ints, Floats]:
    """(profiles, fellows) other owners' profiles, the nearest first, and how far they are."""
    fellow = min(_FELLOWS, len(np.unique(owner)) - 1)
    numbers: list[Ints] = []
    distances: list[Floats] = []
    for _, distance in _distances(standard, owner):
        order = np.argpartition(distance, fellow - 1, axis=1)[:, :fellow]
        own = np.take_along_axis(distance, order, axis=1)
        by_distance = np.argsort(own, axis=1)
        numbers.append(np.take_along_axis(order, by_distance, axis=1).astype(np.int64))
        distances.append(np.take_along_axis(own, by_distance, axis=1))
    return np.concatenate(numbers), np.concatenate(distances)


def _near_pairs(standard: Floats, owner: Ints) -> list[tuple[int, int]]:
    """Pairs of owners' profiles that are far closer than profiles commonly are."""
    fellow = min(_FELLOWS, len(np.unique(owner)) - 1)
    common: list[Floats] = []
    near: list[tuple[int, int, float]] = []
    for block, distance in _distances(standard, owner):
        common.append(np.partition(distance, fellow - 1, axis=1)[:, fellow - 1])
        rows, others = np.nonzero(distance < 1 - _STANDARDISED + 0.05)
        near += [
            (int(block[i]), int(j), float(distance[i, j]))
            for i, j in zip(rows, others, strict=True)
            if block[i] < j
        ]
    limit = _OF_COMMON_DISTANCE * float(np.quantile(np.concatenate(common), _QUANTILE))
    return [(first, second) for first, second, distance in near if distance < limit]


def _distances(standard: Floats, owner: Ints) -> Iterator[tuple[Ints, Floats]]:
    """Blocks of profiles and their distance to every other, infinite within an owner."""
    known = np.isfinite(standard)
    mean = np.nanmean(np.where(known.any(axis=1, keepdims=True), standard, 0.0), axis=1)
    filled = np.where(known, standard - mean[:, None], 0.0).astype(np.float32)
    has, square = known.astype(np.float32), filled**2
    for start in range(0, len(filled), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(filled)))
        # The columns that only one of the two has take part in neither sum of squares.
        squares = (square[block] @ has.T) * (has[block] @ square.T)
        distance = 1 - filled[block] @ filled.T / np.sqrt(np.maximum(squares, 1e-12))
        distance[owner[block][:, None] == owner[None, :]] = np.inf
        yield block, distance.astype(np.float64)


def _by_row(values: Floats) -> Floats:
    """Every row with mean 0 and standard deviation 1; a constant one with 0."""
    known = np.isfinite(values)
    n = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, values, 0.0).sum(axis=1, keepdims=True) / n
    spread = np.sqrt(np.where(known, (values - mean) ** 2, 0.0).sum(axis=1, keepdims=True) / n)
    is_flat = spread <= 1e-9 * np.abs(mean)  # rounding, not variation
    standard = np.where(is_flat, 0.0, (values - mean) / np.where(is_flat, 1.0, spread))
    return np.where(known, standard, np.nan)


def _correlation(first: Floats, second: Floats) -> float:
    first, second = first - first.mean(), second - second.mean()
    length = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / length if length > 0 else 0.0
