"""Which patients are explained one by one: correct and wrong calls of every class, by turns."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.statistic import decide


def choose_cases(
    table: PredictionTable, *, threshold: float, n: int, first: int, rng: np.random.Generator
) -> list[str]:
    """Units of one fitted model's test part: one of each truth and call by turns, at random within.

    Args:
        table: Test predictions of one model.
        threshold: Its decision threshold; not used for several classes.
        n: How many units at most.
        first: Which group begins; number of units chosen from earlier models, so that few units per
            model still come from every group.
        rng: Source of the draws.
    """
    calls = decide(table.probabilities, threshold)
    groups: dict[tuple[int, int], list[str]] = {}
    for i in rng.permutation(table.n_rows).tolist():
        key = (int(table.outcome[i]), int(calls[i]))
        groups.setdefault(key, []).append(str(table.unit_id[i]))
    # Mistakes first: they are fewer, and what a reader wants to understand.
    order = sorted(groups, key=lambda key: (key[0] == key[1], key))
    start = first % max(len(order), 1)
    order = order[start:] + order[:start]
    chosen: list[str] = []
    while len(chosen) < n and any(groups.values()):
        for key in order:
            if groups[key] and len(chosen) < n:
                chosen.append(groups[key].pop())
    return chosen
