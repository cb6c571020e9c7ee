"""How the errors fall where the least certain units are left to a human: risk against coverage."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.ratio import ratio
from tumorboard.evaluation.statistic import ScoredUnits
from tumorboard.records import Bools, Floats, Ints

#: Shares of the units that are kept, where the curve is drawn.
COVERAGES: Floats = np.arange(1, 51) / 50


def risk_curve(confidence: Floats, is_error: Bools, weights: Floats) -> tuple[Floats, Floats]:
    """Share kept and share of errors among them, the most confident first.

    Equal confidences are kept together or not at all.

    Args:
        confidence: (n,).
        is_error: (n,).
        weights: (replicates, n).

    Returns:
        Coverage and risk, (replicates, distinct confidences); NaN where nothing is kept.
    """
    order = np.argsort(-confidence, kind="stable")
    last = np.append(np.flatnonzero(np.diff(confidence[order])), len(order) - 1)
    ordered = weights[:, order]
    kept = np.cumsum(ordered, axis=1)
    errors = np.cumsum(ordered * is_error[order], axis=1)[:, last]
    total = kept[:, -1:]
    kept = kept[:, last]
    return ratio(kept, np.broadcast_to(total, kept.shape)), ratio(errors, kept)


def area_under(coverage: Floats, risk: Floats) -> Floats:
    """AURC: the risk averaged over the coverages, of every replicate.

    Source:
        Geifman & El-Yaniv, NeurIPS 2017; the excess over a perfect order, ICLR 2019.
    """
    step = np.diff(coverage, axis=1, prepend=0.0)
    return np.where(step > 0, step * np.nan_to_num(risk), 0.0).sum(axis=1)


def risk_coverage(units: ScoredUnits, n_bootstrap: int, rng: np.random.Generator) -> dict[str, Any]:
    """Risk-coverage curve of the likeliest class, by its probability.

    Each repeat is ranked by itself; curves and areas are means over the repeats.

    Returns:
        `coverage` and `risk` (50 points), `risk_of_all`, `aurc` `{value, ci_low, ci_high}` with
        the patient bootstrap, and `best_aurc`, of an order that puts every error last.
    """
    repeats = np.unique(units.repeat)
    n_patients = len(units.patients)
    confidence = units.probabilities.max(axis=1)
    is_error = units.probabilities.argmax(axis=1) != units.target
    rows = [np.flatnonzero(units.repeat == r) for r in repeats]

    def area(weights: Floats) -> Floats:
        each = [
            area_under(*risk_curve(confidence[r], is_error[r], weights[:, units.patient[r]]))
            for r in rows
        ]
        return np.mean(each, axis=0)

    everybody = np.ones((1, n_patients))
    low = high = float("nan")
    if n_patients >= MIN_PATIENTS:
        drawn = bootstrap(area, n_patients=n_patients, n_replicates=n_bootstrap, rng=rng)
        low, high, _ = percentile_interval(drawn)
    return {
        "coverage": COVERAGES.tolist(),
        "risk": np.mean([_at(confidence[r], is_error[r]) for r in rows], axis=0).tolist(),
        "risk_of_all": float(np.mean([is_error[r].mean() for r in rows])),
        "aurc": {"value": float(area(everybody)[0]), "ci_low": low, "ci_high": high},
        "best_aurc": float(np.mean([_best(is_error[r]) for r in rows])),
    }


def _at(confidence: Floats, is_error: Bools) -> Floats:
    """Risk where at least each share of the units is kept."""
    coverage, risk = (each[0] for each in risk_curve(confidence, is_error, _ones(len(is_error))))
    first: Ints = np.searchsorted(coverage, COVERAGES - 1e-9).astype(np.int64)
    return risk[np.minimum(first, len(risk) - 1)]


def _best(is_error: Bools) -> float:
    n = len(is_error)
    order = np.sort(is_error)  # errors last
    return float(np.mean(np.cumsum(order) / np.arange(1, n + 1)))


def _ones(n: int) -> Floats:
    return np.ones((1, n))
