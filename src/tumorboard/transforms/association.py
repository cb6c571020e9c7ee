"""Whether two groupings of the same patients go together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from tumorboard.records import Floats, Ints

#: Expected patients per cell from which the chi-square distribution holds (Cochran 1954).
_EXPECTED = 5.0
_PERMUTATIONS = 9999
_SEED = 21


def association_p_value(groups: Sequence[Hashable], target: Ints) -> float:
    """p-value of Pearson's chi-square of a table of groups by classes.

    Where a cell expects fewer than five patients, 9,999 permutations of the classes stand for the
    distribution, and the value is (1 + as large) / 10,000.
    """
    from scipy.stats import chi2

    known = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    code = np.asarray([known[group] for group in groups], dtype=np.int64)
    n_classes = int(target.max()) + 1 if len(target) else 0
    table = np.bincount(code * n_classes + target, minlength=len(known) * n_classes)
    table = table.reshape(len(known), n_classes).astype(np.float64)
    table = table[:, table.sum(0) > 0]
    if min(table.shape) < 2:
        return 1.0
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    if expected.min() >= _EXPECTED:
        return float(chi2.sf(statistic, (table.shape[0] - 1) * (table.shape[1] - 1)))
    return _by_permutation(table, expected, statistic)


def _by_permutation(table: Floats, expected: Floats, statistic: float) -> float:
    """Tables with the same margins, drawn as by permuting the classes."""
    from scipy.stats import random_table

    drawn = random_table.rvs(
        table.sum(1).astype(np.int64),
        table.sum(0).astype(np.int64),
        size=_PERMUTATIONS,
        random_state=np.random.default_rng(_SEED),
    )
    others = ((np.asarray(drawn) - expected) ** 2 / expected).sum((1, 2))
    return float((1 + (others >= statistic - 1e-9).sum()) / (_PERMUTATIONS + 1))
