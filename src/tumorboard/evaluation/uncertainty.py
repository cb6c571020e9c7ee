"""Where a prediction is uncertain, and whether that finds the errors: members of an ensemble.

Members are networks trained from other seeds (Lakshminarayanan et al., NeurIPS 2017) or passes with
dropout switched on (Gal & Ghahramani, ICML 2016). Entropies are in bits: 1 is a coin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.auroc import (
    NAN,
    Components,
    auroc_components,
    auroc_interval,
    average_folds,
)
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.records import Bools, Floats, Ints

KINDS = ("total", "aleatoric", "epistemic")


@dataclass(frozen=True)
class Uncertainty:
    """Entropies of every unit, in bits.

    Args:
        total: Of the mean prediction.
        aleatoric: Mean of the members' entropies: what no further member would take away.
        epistemic: The rest, the mutual information of prediction and member: what they disagree on.
    """

    total: Floats
    aleatoric: Floats
    epistemic: Floats


@dataclass(frozen=True)
class MemberPredictions:
    """What the members of one fitted arm said about its test units.

    Args:
        repeat: Of the fitted model.
        fold: Of the fitted model.
        patient_id: (n,).
        outcome: (n,) class index.
        probabilities: (members, n, K).
    """

    repeat: int
    fold: int
    patient_id: NDArray[Any]
    outcome: Ints
    probabilities: Floats


def uncertainty(probabilities: Floats) -> Uncertainty:
    """Split the entropy of the members' mean prediction.

    Args:
        probabilities: (members, n, K).

    Source:
        Depeweg et al., ICML 2018; 80: 1184-1193 (the split).
    """
    total = entropy(probabilities.mean(axis=0))
    aleatoric = entropy(probabilities).mean(axis=0)
    # rounding may leave the difference of equal members just below 0
    return Uncertainty(total, aleatoric, np.maximum(total - aleatoric, 0.0))


def entropy(probabilities: Floats) -> Floats:
    """Entropy over the last axis, in bits; 0 log 0 is 0."""
    from scipy.special import entr

    return np.asarray(entr(probabilities).sum(axis=-1) / np.log(2), dtype=np.float64)


def uncertainty_document(arms: Mapping[str, list[MemberPredictions]]) -> dict[str, Any]:
    """Uncertainty of every arm with members, and how well each kind finds the errors.

    An error is a unit whose likeliest class, of the members' mean, is not the true one.

    Args:
        arms: Arm -> its fitted models; those with one member are left out.

    Returns:
        Arm -> `{n_members, n_patients, n_errors, kinds}`; kinds: total, aleatoric, epistemic ->
        `{mean, mean_of_errors, mean_of_right, finds_errors: {value, ci_low, ci_high, method}}`,
        the last the AUROC of the uncertainty for an error, within the fitted models and averaged.
    """
    found: dict[str, Any] = {}
    for arm, models in arms.items():
        models = [m for m in models if len(m.probabilities) > 1 and len(m.outcome)]
        if models:
            found[arm] = _of_arm(models)
    return found


def _of_arm(models: list[MemberPredictions]) -> dict[str, Any]:
    ids = np.unique(np.concatenate([m.patient_id for m in models]))
    split = [uncertainty(m.probabilities) for m in models]
    errors = [m.probabilities.mean(axis=0).argmax(axis=1) != m.outcome for m in models]
    is_error = np.concatenate(errors)
    kinds: dict[str, Any] = {}
    for kind in KINDS:
        values: list[Floats] = [getattr(each, kind) for each in split]
        parts = {
            (m.repeat, m.fold): auroc_components(
                wrong, value, np.searchsorted(ids, m.patient_id), len(ids)
            )
            for m, wrong, value in zip(models, errors, values, strict=True)
        }
        pooled = np.concatenate(values)
        kinds[kind] = {
            "mean": float(pooled.mean()),
            "mean_of_errors": _mean(pooled[is_error]),
            "mean_of_right": _mean(pooled[~is_error]),
            "finds_errors": _found(parts, models, errors),
        }
    n_repeats = len({m.repeat for m in models})
    return {
        "n_members": min(len(m.probabilities) for m in models),
        "n_patients": len(ids),
        "n_errors": float(is_error.sum()) / n_repeats,
        "kinds": kinds,
    }


def _found(
    parts: dict[tuple[int, int], Components], models: list[MemberPredictions], errors: list[Bools]
) -> dict[str, Any]:
    folded = average_folds(parts)
    patients = np.concatenate([m.patient_id for m in models])
    is_error = np.concatenate(errors)
    n = [len(np.unique(patients[rows])) for rows in (is_error, ~is_error)]
    low, high, method = auroc_interval(folded.value, folded.variance, n_smaller_class=min(n))
    if len(np.unique(patients)) < MIN_PATIENTS:
        low, high, method = NAN, NAN, f"under {MIN_PATIENTS} patients"
    return {"value": folded.value, "ci_low": low, "ci_high": high, "method": method}


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else NAN
