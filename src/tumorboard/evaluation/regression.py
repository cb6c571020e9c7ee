"""What a regression says beside its metrics: observed against predicted, and their calibration."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.prediction_table import Texts
from tumorboard.records import Floats, Ints

#: Groups of equally many units, by what was predicted.
N_GROUPS = 5
#: Fewest units of a group.
_FEWEST = 5


def regression_document(table: OutcomeTable) -> dict[str, Any]:
    """Evidence `regression`: arm -> target -> calibration of the test predictions.

    Layout: `targets`, `arms`: arm -> target -> `intercept` and `slope` (observed on predicted, by
    least squares; 0 and 1 where predictions are right on average), `groups` `[{predicted, observed,
    sd, n}]` (mean of each fifth by prediction) and `points` `[[predicted, observed], ...]` of the
    first repeat.

    Args:
        table: Predictions of all arms; several repeats are averaged per unit.
    """
    arms: dict[str, Any] = {}
    for arm in table.arms:
        own = table.of_arm(arm)
        own = own.take((own.part == "test") & own.known)
        if own.n_rows:
            units = OutcomeUnits.of(own)
            arms[arm] = {
                target: _of_target(own.unit_id, units, k)
                for k, target in enumerate(table.outcome_names)
            }
    return {"targets": list(table.outcome_names), "arms": arms}


def _of_target(unit_id: Texts, units: OutcomeUnits, k: int) -> dict[str, Any]:
    said, seen = _averaged(unit_id, units.predictions[:, k], units.outcome[:, k])
    slope, intercept = float("nan"), float("nan")
    if len(said) > 2 and np.ptp(said) > 0:
        centred = said - said.mean()
        slope = float(centred @ seen / (centred @ centred))
        intercept = float(seen.mean() - slope * said.mean())
    groups = [
        {
            "predicted": float(said[rows].mean()), "observed": float(seen[rows].mean()),
            "sd": float(seen[rows].std(ddof=1)) if len(rows) > 1 else float("nan"),
            "n": len(rows),
        }
        for rows in _groups(said)
    ]  # fmt: skip
    points = [[float(x), float(y)] for x, y in zip(said, seen, strict=True)]
    return {"intercept": intercept, "slope": slope, "groups": groups, "points": points}


def _averaged(unit_id: Texts, said: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """Mean over the repeats of every unit; scores of gene sets differ a little between folds."""
    _, inverse, counts = np.unique(unit_id, return_inverse=True, return_counts=True)
    sums = (np.bincount(inverse, weights=values) for values in (said, seen))
    first, second = (total / counts for total in sums)
    return first, second


def _groups(said: Floats) -> list[Ints]:
    n = max(1, min(N_GROUPS, len(said) // _FEWEST))
    return [np.asarray(rows, dtype=np.int64) for rows in np.array_split(np.argsort(said), n)]
