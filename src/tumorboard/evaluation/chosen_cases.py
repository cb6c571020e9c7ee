"""Which patients are explained one by one: as many of every class, right and wrong by turns."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.statistic import decide


def choose_cases(
    table: PredictionTable, *, threshold: float, n: int, first: int, rng: np.random.Generator
) -> list[str]:
    """Units of one fitted model's test part: classes by turns, and each class's calls by turns.

    Every class gives the same number as long as it has units left, so that a rare one is seen too.

    Args:
        table: Test predictions of one model.
        threshold: Its decision threshold; not used for several classes.
        n: How many units at most.
        first: Number of units chosen from earlier models, so that few units per model still come
            from every class and call.
        rng: Source of the draws.
    """
    calls = decide(table.probabilities, threshold)
    groups: dict[int, dict[int, list[str]]] = {}
    for i in rng.permutation(table.n_rows).tolist():
        of_class = groups.setdefault(int(table.outcome[i]), {})
        of_class.setdefault(int(calls[i]), []).append(str(table.unit_id[i]))
    classes = sorted(groups)
    chosen: list[str] = []
    turn = first
    while len(chosen) < n and any(any(each.values()) for each in groups.values()):
        truth = classes[turn % len(classes)]
        # Mistakes first: they are fewer, and what a reader wants to understand.
        order = sorted(groups[truth], key=lambda call: (call == truth, call))
        start = turn // len(classes) % len(order)
        for call in (*order[start:], *order[:start]):
            if groups[truth][call]:
                chosen.append(groups[truth][call].pop())
                break
        turn += 1
    return chosen
