"""Shapley values over the modalities of each patient."""

from __future__ import annotations

from dataclasses import replace
from math import factorial
from typing import Literal

import numpy as np

from tumorboard.errors import InputError
from tumorboard.explain import Asked, Attributions, Explainer, Explanation
from tumorboard.modalities import row_weights
from tumorboard.models.assembly import fusion_level
from tumorboard.prediction.vector_model import probability_log_odds
from tumorboard.records import Floats
from tumorboard.training.fitted import FittedArm


class ModalityContribution(Explainer):
    """Exact Shapley value of each modality: how far it moved one patient's probability.

    Every subset of the modalities that the patient has is predicted. Without any, the answer is the
    share of the class among the training patients. The values sum to the patient's (calibrated)
    probability minus that share.

    Args:
        scale: `probability`, or `logit` for log odds.

    Source:
        Shapley, 1953; the sum over all 2^M subsets, not a sample.
    """

    question = "How much did each modality move this patient's answer?"

    def __init__(self, *, scale: Literal["probability", "logit"] = "probability") -> None:
        self.scale: Literal["probability", "logit"] = scale

    def refuses(self, fitted: FittedArm) -> str:
        """Arms of one modality."""
        if len(fitted.arm.modalities) > 1:
            return ""
        return f"{fitted.arm.name} reads one modality alone: its whole answer comes from it."

    def explain(self, asked: Asked) -> Explanation:
        """Shapley values of every row, NaN where a modality is absent."""
        fitted = asked.fitted
        names = fitted.arm.modalities
        worth = self._worth(asked)
        values = shapley_values(worth)
        present = fitted.present(asked.measured)[asked.rows]
        gap = np.abs(worth[0] + values.sum(axis=1) - worth[-1])
        return Explanation(
            Attributions(
                names,
                names,
                tuple(tuple("present" if has else "" for has in row) for row in present),
                np.where(present, values, np.nan),
                worth[0],
                worth[-1],
                self.scale,
            ),
            checks={"largest_gap": float(gap.max(initial=0.0))},
            remarks=_remarks(fitted),
        )

    def _worth(self, asked: Asked) -> Floats:
        """(2^M, rows) answer from each subset of modalities; bit m of the subset is modality m."""
        fitted, names = asked.fitted, asked.fitted.arm.modalities
        present = fitted.present(asked.measured)
        worth = np.full((2 ** len(names), len(asked.rows)), self._scaled(_prevalence(asked)))
        for subset in range(1, len(worth)):
            kept = np.asarray([subset >> m & 1 for m in range(len(names))], dtype=bool)
            some = (present[asked.rows] & kept).any(axis=1)
            if not some.any():
                continue
            # A patient without the modality and a patient whom it is kept from look the same.
            measured = {
                name: replace(asked.measured[name], present=present[:, m] & kept[m])
                for m, name in enumerate(names)
            }
            predicted = fitted.predict(measured, asked.rows[some])
            worth[subset, some] = self._scaled(fitted.calibrate(predicted), asked.target)
        return worth

    def _scaled(self, probabilities: Floats, target: int = 0) -> Floats:
        if self.scale == "logit":
            return probability_log_odds(probabilities, target)
        return probabilities[:, target]


def shapley_values(worth: Floats) -> Floats:
    """(n, M) exact Shapley values of M players.

    Args:
        worth: (2^M, n) worth of every subset; bit m of the subset's number is player m.
    """
    n_players = int(np.log2(len(worth)))
    values = np.zeros((worth.shape[1], n_players))
    for subset in range(len(worth)):
        size = subset.bit_count()
        for player in range(n_players):
            if subset >> player & 1:
                continue
            orders = factorial(size) * factorial(n_players - size - 1) / factorial(n_players)
            values[:, player] += orders * (worth[subset | 1 << player] - worth[subset])
    return values


def _prevalence(asked: Asked) -> Floats:
    """(1, 1) share of the target class among the training patients.

    Raises:
        InputError: Neither training patients nor their counts are at hand.
    """
    # a new cohort's outcomes are no part of what the model knows: its own counts come first
    counts = ((asked.fitted.notes or {}).get("train") or {}).get("outcome") or {}
    if total := sum(counts.values()):
        return np.asarray([[counts.get(asked.fitted.classes[asked.target], 0) / total]])
    rows = asked.background[:0]
    if asked.outcomes is not None:
        rows = asked.background[asked.outcomes.kept[asked.background]]
    if asked.outcomes is None or not len(rows):
        raise InputError(
            f"arm {asked.fitted.arm.name}: how common each class was among training patients is "
            "not known, so there is nothing to start from. Explain the model with the cohort that "
            "it was trained on."
        )
    weight = row_weights(asked.cohort.patient_id, rows)
    share = np.average(asked.outcomes.target[rows] == asked.target, weights=weight)
    return np.asarray([[share]], dtype=np.float64)


def _remarks(fitted: FittedArm) -> tuple[str, ...]:
    arm = fitted.arm
    fusion = str((arm.fusion or {}).get("name", "none"))
    learned = arm.baseline is not None or arm.training.modality_dropout > 0
    if learned or (fusion != "none" and fusion_level(fusion) == "decision"):
        return ()
    return (
        "training.modality_dropout was 0: this model hardly learned to answer without a modality, "
        "so what it says of subsets is a guess. Read these values with care.",
    )
