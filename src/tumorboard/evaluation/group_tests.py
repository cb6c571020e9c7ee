"""Two groups of patients compared by one column: numbers and categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.records import Floats, Ints

#: Random tables behind the p-value of a column with more than two categories.
N_PERMUTATIONS = 9_999


def compare_numbers(first: Floats, second: Floats) -> dict[str, Any]:
    """Mann-Whitney test of two groups; missing numbers are left out and counted.

    `effect` is the probability that a number of the first group is the larger one, ties as a half.

    Source:
        Mann & Whitney, Ann Math Stat 1947; 18: 50-60. Exact without ties up to 8 numbers in the
        smaller group, else the normal approximation with ties and continuity corrected.
    """
    from scipy.stats import mannwhitneyu

    sides = [side[~np.isnan(side)] for side in (first, second)]
    n_missing = int(np.isnan(first).sum() + np.isnan(second).sum())
    summaries = [_quartiles(side) for side in sides]
    p_value, effect, test = NAN, NAN, "none: a group without numbers"
    if len(sides[0]) and len(sides[1]):
        found = mannwhitneyu(sides[0], sides[1])
        effect = float(found.statistic) / (len(sides[0]) * len(sides[1]))
        p_value, test = float(found.pvalue), "Mann-Whitney"
        if len(np.unique(np.concatenate(sides))) == 1:
            p_value, test = NAN, "none: all numbers are equal"
    return {
        "type": "number", "effect": effect, "wrong": summaries[0], "right": summaries[1],
        "n_missing": n_missing, "p_value": p_value, "test": test,
    }  # fmt: skip


def compare_categories(
    first: Sequence[str], second: Sequence[str], *, rng: np.random.Generator
) -> dict[str, Any]:
    """Fisher's exact test of 2 x 2 tables, else chi-square by permutation of the patients.

    The permutation keeps both margins and needs no large counts. `effect` is Cramer's V.

    Source:
        Fisher, J R Stat Soc 1922; 85: 87-94. Patefield, Appl Stat 1981; 30: 91-97 (random tables).
    """
    from scipy.stats import fisher_exact

    levels = sorted({*first, *second})
    counts = np.asarray([[side.count(level) for level in levels] for side in (first, second)])
    p_value, test = NAN, "none: one category"
    if len(levels) == 2:
        p_value, test = float(np.asarray(fisher_exact(counts))[1]), "Fisher, exact"
    elif len(levels) > 2 and counts.sum(axis=1).all():
        p_value = _permuted(counts, rng)
        test = f"chi-square, {N_PERMUTATIONS} permutations"
    if not counts.sum(axis=1).all():
        p_value, test = NAN, "none: an empty group"
    shown = [dict(zip(levels, row.tolist(), strict=True)) for row in counts]
    return {
        "type": "category", "effect": _cramers_v(counts), "wrong": shown[0], "right": shown[1],
        "n_missing": 0, "p_value": p_value, "test": test,
    }  # fmt: skip


def _permuted(counts: Ints, rng: np.random.Generator) -> float:
    """Share of random tables of the same margins that lie at least as far from independence."""
    columns, n_first = counts.sum(axis=0), int(counts[0].sum())
    drawn = rng.multivariate_hypergeometric(columns, n_first, size=N_PERMUTATIONS)
    expected = columns * n_first / counts.sum()
    seen = float((np.square(counts[0] - expected) / columns).sum())
    random = (np.square(drawn - expected) / columns).sum(axis=1)
    return float((1 + (random >= seen * (1 - 1e-9)).sum()) / (N_PERMUTATIONS + 1))


def _cramers_v(counts: Ints) -> float:
    """Cramer's V, 0 to 1; NaN where a group is empty or there is one category."""
    total = counts.sum()
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / max(total, 1)
    if counts.shape[1] < 2 or not (expected > 0).all():
        return NAN
    return float(np.sqrt((np.square(counts - expected) / expected).sum() / total))


def _quartiles(values: Floats) -> dict[str, float | int]:
    if not len(values):
        return {"n": 0, "median": NAN, "q1": NAN, "q3": NAN}
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
    return {"n": len(values), "median": float(median), "q1": float(q1), "q3": float(q3)}
