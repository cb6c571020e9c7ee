"""Made units of survival, for the tests of its metrics."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.outcome_table import OutcomeUnits

HORIZONS = (365, 1095, 1826)


def made_units(n: int, *, folds: int = 1, repeats: int = 1, seed: int = 0, tied: bool = False):
    """Patients whose risk tells their time, all in every repeat; some times tied on request."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    died, left = rng.exponential(1500 * np.exp(-risk)), rng.exponential(2500, n)
    time = np.minimum(died, left) + 1
    if tied:
        time = np.ceil(time / 90) * 90
    seen = risk + 0.4 * rng.normal(size=n)
    seen = np.round(seen, 1) if tied else seen
    survival = [np.exp(-h / 1500 * np.exp(0.7 * seen)) for h in HORIZONS]
    order = np.tile(np.arange(n), repeats)
    return OutcomeUnits(
        patients=tuple(f"P{i:04d}" for i in range(n)),
        patient=order,
        repeat=np.repeat(np.arange(1, repeats + 1), n),
        fold=1 + order % folds,
        outcome=np.stack([time, died <= left], axis=1).astype(np.float64)[order],
        predictions=np.column_stack([seen, *survival])[order],
        outcome_names=("time_days", "event"),
        names=("risk_score", *(f"survival_{h}" for h in HORIZONS)),
    )
