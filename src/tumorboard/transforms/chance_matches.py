"""Rows of a table that agree in every column, and how many such pairs chance would give.

With n patients there are N = n (n - 1) / 2 pairs. Let q(x) be the probability that a patient has
the row x. The expected number of pairs that agree by chance in a row at most as probable as x is

    E(x) = N  sum over y with q(y) <= q(x) of q(y)^2  <=  N q(x),

because the q(y) sum to at most 1. So a pair with N q(x) < 0.001 is no chance match.

q(x) follows the chain rule of the joint entropy, over columns from the least to the most telling:

    q(x) = product over j of (c_j + p_j) / (m_j + 1), or of min(p_j, 1 / (m_j + 1)) where c_j is 0,

where m_j counts the other patients who agree with x in all columns before j, c_j those of them who
agree in column j too, and p_j is the frequency of the value in column j. Where other patients show
that columns go together this is the conditional frequency; where nobody is left it is p_j. A value
that nobody else has gets the probability of one unseen value after Chao (Scand J Stat 1984),
2 (f2 + 1) / (n (f1 - 1)) but at most 1 / n, with f1, f2 the values seen once and twice.

Where nobody is left the chain forgets that columns may go together through something unseen, such
as the severity of a disease. So q(x) is at least its estimate from the k = 5 other patients who
agree with x in most columns, and who then are the kind of patient that x is:

    q(x) >= k / n  product over j of the same with m_j = k and c_j of the k agreeing in column j.

"Other patients" leaves out everybody who has the row x itself, as a duplicate is no evidence that
its row is common; where more than five patients have it, it is, and all but two are counted.

Where a whole table was doubled, few rows are improbable enough one by one, yet the set is: of M
shared rows with N q <= t, chance gives at most t. So five or more count together where t is at most
0.01 M, the share of chance matches among them (Benjamini & Hochberg, J R Stat Soc B 1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.records import Bools, Floats, Ints

#: A shared row counts where chance would give fewer such pairs over the whole cohort.
CHANCE_PAIRS = 0.001
#: So many shared rows count together where this share of them, at most, is expected by chance.
_FEWEST_TOGETHER, _CHANCE_SHARE = 5, 0.01
#: A row that so many patients have is duplicated; one that more of them have is common.
_MOST_COPIES = 5
#: How many similar patients tell how probable a row is.
_SIMILAR = 5
#: Fewer known values than this identify nobody.
_FEWEST_VALUES = 3


@dataclass(frozen=True)
class SharedRow:
    """One row of values that several patients have.

    Args:
        rows: The numbers of its rows.
        n_expected: Expected number of pairs of patients that agree by chance in a row at most as
            probable as this one, an upper bound.
    """

    rows: tuple[int, ...]
    n_expected: float


def shared_rows(columns: Sequence[Ints], owner: Ints, *, below: float) -> list[SharedRow]:
    """Rows that different owners share and that chance hardly explains.

    Args:
        columns: One array (rows,) of codes per column, equal where the values are; -1 is missing.
        owner: (rows,) whose row it is; rows of one owner that agree count once.
        below: The largest expected number of chance matches.
    """
    if not columns or not len(owner):
        return []
    table = np.stack([*columns, owner], axis=1)
    _, first = np.unique(table, axis=0, return_index=True)
    first = np.sort(first)
    distinct, whose = table[first, :-1], table[first, -1]
    label, count = _groups(distinct)
    n = len(np.unique(whose))
    is_shared = count[label] > 1
    if not is_shared.any():
        return []
    pairs = n * (n - 1) / 2
    marginal = _marginal(distinct, count[label])
    known = (distinct >= 0).sum(axis=1)
    q = _chained(distinct, count[label], marginal)
    found: list[SharedRow] = []
    most = max(below, _CHANCE_SHARE * len(np.unique(label[is_shared])))
    likely = is_shared & (q * pairs <= most) & (known >= _FEWEST_VALUES)
    for group in dict.fromkeys(label[likely].tolist()):
        members = np.flatnonzero(label == group)
        one = int(members[0])
        others = label != group
        n_expected = pairs * max(q[one], _among_similar(distinct, one, others, marginal[one]))
        if n_expected <= most:
            rows = tuple(int(row) for row in first[members])
            found.append(SharedRow(rows, float(n_expected)))
    most = together([entry.n_expected for entry in found])
    return [entry for entry in found if entry.n_expected < below or entry.n_expected <= most]


def together(n_expected: Sequence[float]) -> float:
    """The largest number expected by chance up to which shared rows count together, or -1."""
    bound = np.sort(n_expected)
    enough = np.flatnonzero(bound <= _CHANCE_SHARE * np.arange(1, len(bound) + 1))
    is_systematic = len(enough) > 0 and enough[-1] + 1 >= _FEWEST_TOGETHER
    return float(bound[enough[-1]]) if is_systematic else -1.0


def chance_of(columns: Sequence[Ints], owner: Ints, rows: Sequence[int]) -> Floats:
    """Probability q that another patient has the values of each of these rows.

    Args:
        columns: As for `shared_rows`.
        owner: As for `shared_rows`.
        rows: The rows that are asked about.
    """
    table = np.stack([*columns, owner], axis=1)
    _, first, place = np.unique(table, axis=0, return_index=True, return_inverse=True)
    distinct = table[first, :-1]
    label, count = _groups(distinct)
    marginal = _marginal(distinct, count[label])
    chained = _chained(distinct, count[label], marginal)
    asked = place.reshape(-1)[list(rows)]
    similar = [_among_similar(distinct, i, label != label[i], marginal[i]) for i in asked]
    return np.maximum(chained[asked], similar)


def _groups(table: Ints) -> tuple[Ints, Ints]:
    """Number of each row's group of equal rows, and the groups' sizes."""
    _, label, count = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    return label.reshape(-1), count


def _left_out(copies: Ints) -> Ints:
    """Rows that are no evidence: all that equal it, or the pair itself where the row is common."""
    return np.where(copies <= _MOST_COPIES, copies, 2)


def _marginal(table: Ints, copies: Ints) -> Floats:
    """(rows, columns) frequency of each row's value among the other rows."""
    n, left_out = len(table), _left_out(copies)
    p = np.empty(table.shape)
    for j, column in enumerate(table.T):
        _, value, size = np.unique(column, return_inverse=True, return_counts=True)
        others = np.maximum(size[value] - left_out, 0)
        p[:, j] = np.where(others > 0, others / np.maximum(n - left_out, 1), _unseen(size, n))
    return p


def _chained(table: Ints, copies: Ints, marginal: Floats) -> Floats:
    """(rows,) probability q of each row by the chain rule; `copies` is how many rows equal it."""
    n, left_out = len(table), _left_out(copies)
    agreement = [float(((np.unique(c, return_counts=True)[1] / n) ** 2).sum()) for c in table.T]
    before, prefix, q = np.full(n, n), np.zeros(n, dtype=np.int64), np.ones(n)
    for j in np.argsort(agreement)[::-1]:
        _, value = np.unique(table[:, j], return_inverse=True)
        pairs = prefix * (int(value.max()) + 1) + value
        _, prefix, size = np.unique(pairs, return_inverse=True, return_counts=True)
        together = size[prefix]
        c, m = np.maximum(together - left_out, 0), np.maximum(before - left_out, 0)
        q *= _share(c, m, marginal[:, j])
        before = together
    return q


def _among_similar(table: Ints, row: int, others: Bools, marginal: Floats) -> float:
    """Probability q of one row from the others that agree with it in most columns."""
    agrees = table[others] == table[row]
    k = min(_SIMILAR, len(agrees))
    similar = agrees[np.argsort(agrees.sum(axis=1), kind="stable")[len(agrees) - k :]]
    agreeing = similar.sum(axis=0)
    return float(k / len(table) * np.prod(_share(agreeing, np.full_like(agreeing, k), marginal)))


def _share(c: Ints, m: Ints, p: Floats) -> Floats:
    """Probability of a value that c of m have, p of all.

    Nobody of m says no more than that it is rarer than 1 / (m + 1).
    """
    return np.where(c > 0, (c + p) / (m + 1), np.minimum(p, 1 / (m + 1)))


def _unseen(size: Ints, n: int) -> float:
    """Probability of one value that nobody else has; `size` counts the rows of each value."""
    once, twice = int((size == 1).sum()), int((size == 2).sum())
    return min(1 / n, 2 * (twice + 1) / (n * max(once - 1, 1)))
