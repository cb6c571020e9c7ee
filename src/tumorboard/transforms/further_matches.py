"""Pairs of rows that agree in all predictors and in further columns beyond chance.

Two ids of one person share more than what a model is given: dates, texts, other measurements. A
pair counts where its predictors agree and chance would give fewer than `below` pairs that agree in
these and in the further columns they share (transforms/chance_matches.py). As the columns are
chosen after looking, the expected number is multiplied by the number of ways to choose them: of K
columns that both know, d of which differ, K! / (d! (K - d)!) (Bonferroni).

A column that follows from others is no further evidence (the year of birth from the age): it is
left aside where a linear fit on the ranks of the columns before it explains half of its variance,
or where pairs of rows that agree in one of them mostly agree in it as well. Of rows that agree in
most further columns one alone is looked at here, so that copies do not make columns go together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from tumorboard.records import Bools, Floats, Ints
from tumorboard.transforms.chance_matches import chance_of, together

#: A value of more people than this singles nobody out.
_MOST_HOLDERS = 5
#: Share of the variance, or of the pairs, from which a column follows from others.
_EXPLAINED = 0.5
#: Pairs that show whether columns go together.
_FEWEST_PAIRS = 3
#: Pairs expected by chance, were all columns independent, above which a pair is not looked at.
_WORTH_A_LOOK = 1.0
#: Fewer values in common than this identify nobody.
_FEWEST_VALUES = 3


@dataclass(frozen=True)
class FurtherMatch:
    """Two rows that are one person's.

    Args:
        first: Number of the first row.
        second: Number of the second one.
        columns: Further columns that tell.
        n_expected: Pairs expected by chance, an upper bound.
    """

    first: int
    second: int
    columns: tuple[str, ...]
    n_expected: float


def further_matches(
    predictors: Sequence[Ints], further: Mapping[str, Ints], owner: Ints, *, below: float
) -> list[FurtherMatch]:
    """Pairs of rows of different owners that further columns betray.

    Args:
        predictors: One array (rows,) of codes per column, in the order of the values where these
            are numbers; -1 is missing.
        further: The same for the other columns.
        owner: (rows,) whose row it is.
        below: The largest expected number of chance matches.
    """
    usable = {name: codes for name, codes in further.items() if _is_shared(codes, owner)}
    equal: dict[tuple[int, int], tuple[tuple[str, ...], int]] = {}
    is_copy = np.zeros(len(owner), dtype=np.bool_)
    n = len(np.unique(owner))
    share = {name: _frequency(codes) for name, codes in usable.items()}
    base = np.prod([_frequency(codes) for codes in predictors], axis=0) * np.ones(len(owner))
    for first, second in _candidates(predictors, usable, owner):
        both = [k for k, c in usable.items() if c[first] >= 0 and c[second] >= 0]
        names = tuple(k for k in both if usable[k][first] == usable[k][second])
        ways = comb(len(both), len(names))
        independent = float(base[first]) * float(np.prod([share[k][first] for k in names]))
        if independent * n * (n - 1) / 2 * ways > _WORTH_A_LOOK:
            continue
        equal[first, second] = names, ways
        is_copy[second] |= 2 * len(names) > len(both)
    telling = {
        names: _telling(predictors, {name: usable[name] for name in names}, ~is_copy)
        for names in {names for names, _ in equal.values()}
    }
    found: list[FurtherMatch] = []
    for names, told in telling.items():
        pairs = [
            pair for pair, (own, _) in equal.items()
            if own == names and told and _n_known(predictors, pair[0]) + len(told) >= _FEWEST_VALUES
        ]  # fmt: skip
        columns = [*predictors, *(usable[name] for name in told)]
        chances = chance_of(columns, owner, [first for first, _ in pairs]) if pairs else []
        for pair, q in zip(pairs, chances, strict=True):
            n_expected = float(q) * n * (n - 1) / 2 * equal[pair][1]
            found.append(FurtherMatch(*pair, tuple(told), n_expected))
    most = together([match.n_expected for match in found])
    kept = [match for match in found if match.n_expected < below or match.n_expected <= most]
    return sorted(kept, key=lambda match: (match.first, match.second))


def _frequency(codes: Ints) -> Floats:
    """(rows,) share of the rows that have the row's value."""
    _, place, count = np.unique(codes, return_inverse=True, return_counts=True)
    return np.asarray(count[place.reshape(-1)] / len(codes), dtype=np.float64)


def _n_known(predictors: Sequence[Ints], row: int) -> int:
    return sum(int(codes[row] >= 0) for codes in predictors)


def _is_shared(codes: Ints, owner: Ints) -> bool:
    """Whether two people have a value in common; names of files and numbers of rows have none."""
    pairs = np.unique(np.stack([codes, owner], axis=1)[codes >= 0], axis=0)
    return len(np.unique(pairs[:, 0])) < len(pairs)


def _candidates(
    predictors: Sequence[Ints], further: Mapping[str, Ints], owner: Ints
) -> list[tuple[int, int]]:
    """Pairs with equal predictors and a value in common that few people have."""
    kind = np.zeros(len(owner), dtype=np.int64)
    if predictors:
        _, kind = np.unique(np.stack(predictors, axis=1), axis=0, return_inverse=True)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for codes in further.values():
        holders: defaultdict[int, list[int]] = defaultdict(list)
        for row in np.flatnonzero(codes >= 0).tolist():
            holders[int(codes[row])].append(row)
        for rows in holders.values():
            if not 1 < len(set(owner[rows].tolist())) <= _MOST_HOLDERS:
                continue
            for one, two in combinations(rows, 2):
                if owner[one] != owner[two] and kind.flat[one] == kind.flat[two]:
                    found.setdefault((int(owner[one]), int(owner[two])), (one, two))
    return sorted(found.values())


def _telling(predictors: Sequence[Ints], further: Mapping[str, Ints], others: Bools) -> list[str]:
    """Further columns that do not follow from the columns before them, the most telling first."""
    before = [codes[others] for codes in predictors]
    told: list[str] = []
    for name in sorted(further, key=lambda name: -len(np.unique(further[name]))):
        codes = further[name][others]
        if not _follows(codes, before):
            told.append(name)
            before.append(codes)
    return told


def _follows(codes: Ints, before: Sequence[Ints]) -> bool:
    if not before:
        return False
    return _explained(codes, before) > _EXPLAINED or any(
        _goes_with(codes, other) for other in before if len(np.unique(other)) >= len(codes) / 10
    )


def _explained(codes: Ints, before: Sequence[Ints]) -> float:
    """Adjusted share of the variance of the ranks that a linear fit on other ranks explains."""
    seen = codes >= 0
    n, k = int(seen.sum()), len(before)
    if n <= 3 * (k + 1):
        return 0.0
    table = np.stack([_ranks(other[seen]) for other in before], axis=1)
    wanted = _ranks(codes[seen])
    fit = np.linalg.lstsq(table, wanted, rcond=None)[0]
    rest = float(((wanted - table @ fit) ** 2).sum())
    total = float((wanted**2).sum())
    return 1 - rest / total * (n - 1) / (n - k - 1) if total > 0 else 1.0


def _ranks(codes: Ints) -> Floats:
    """Middle ranks around their mean."""
    _, place, count = np.unique(codes, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place.reshape(-1)]
    return np.asarray(ranks - ranks.mean(), dtype=np.float64)


def _goes_with(codes: Ints, other: Ints) -> bool:
    """Whether rows that agree in the one column mostly agree in the other."""
    seen = (codes >= 0) & (other >= 0)
    _, together = np.unique(
        np.stack([codes[seen], other[seen]], axis=1), axis=0, return_counts=True
    )
    _, alone = np.unique(other[seen], return_counts=True)
    n_pairs = float((alone * (alone - 1)).sum() / 2)
    n_agree = float((together * (together - 1)).sum() / 2)
    return n_pairs >= _FEWEST_PAIRS and n_agree >= _EXPLAINED * n_pairs
