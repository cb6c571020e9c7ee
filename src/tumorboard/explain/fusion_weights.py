"""Weights that a fusion gave to each patient's modalities."""

from __future__ import annotations

import numpy as np
import torch

from tumorboard.explain import Asked, Attributions, Explainer, Explanation
from tumorboard.models.fusion.attention import Attention
from tumorboard.models.fusion.cross_attention import CrossAttention
from tumorboard.models.fusion.dynamic_attention import DynamicAttention
from tumorboard.models.fusion.gated import Gated
from tumorboard.models.fusion.late_average import LateAverage
from tumorboard.models.fusion.static_weights import StaticWeights
from tumorboard.records import Floats
from tumorboard.training.fitted import FittedArm

#: Fusions whose weights a patient or the training decided; those that a study fixes are no answer.
_WEIGHING = (Attention, CrossAttention, DynamicAttention, Gated, LateAverage, StaticWeights)


class FusionWeights(Explainer):
    """The share that gates, attention or late averaging gave to each of a patient's modalities.

    Shares sum to 1 over the modalities present. They say how much the fusion took from each, not
    which way it moved the answer: ask modality_contribution for that.

    Args:
        batch_size: Rows at a time.
    """

    question = "How much did the fusion take from each modality?"

    def __init__(self, *, batch_size: int = 32) -> None:
        self.batch_size = batch_size

    def refuses(self, fitted: FittedArm) -> str:
        """Arms whose fusion has no such weights."""
        if fitted.network is None:
            return f"{fitted.arm.name} is a baseline without a fusion."
        fusion = fitted.network.fusion
        if fusion is None:
            return f"{fitted.arm.name} reads one modality alone: there is nothing to weigh."
        # Every fusion of somebody else's may have weights too: `explain` looks.
        known = isinstance(fusion, _WEIGHING)
        if known or not type(fusion).__module__.startswith("tumorboard."):
            return ""
        return f"the fusion of {fitted.arm.name} has no weights of modalities."

    def explain(self, asked: Asked) -> Explanation:
        """Weights of every row; the mean over the networks of an ensemble."""
        fitted = asked.fitted
        networks = [n for n in (fitted.network, *fitted.members) if n is not None]
        weights = np.mean([self._weights(asked, i) for i in range(len(networks))], axis=0)
        names = fitted.arm.modalities
        present = fitted.present(asked.measured)[asked.rows]
        weights = np.where(present, weights, np.nan)
        total = np.nansum(weights, axis=1)
        return Explanation(
            Attributions(
                names,
                names,
                tuple(tuple("present" if has else "" for has in row) for row in present),
                weights,
                np.zeros(len(total)),
                np.ones(len(total)),
                "weight",
            ),
            checks={"largest_gap": float(np.abs(total - 1.0).max(initial=0.0))},
            remarks=("Weights say where the fusion looked, not what moved its answer.",),
        )

    def _weights(self, asked: Asked, number: int) -> Floats:
        fitted = asked.fitted
        network = [n for n in (fitted.network, *fitted.members) if n is not None][number].eval()
        device = next(network.parameters()).device
        parts: list[Floats] = []
        for start in range(0, len(asked.rows), self.batch_size):
            rows = asked.rows[start : start + self.batch_size]
            with torch.no_grad():
                weights = network(*fitted.batch(asked.measured, rows, device)).weights
            if weights is None:
                raise ValueError(f"the fusion of {fitted.arm.name} gave no weights")
            parts.append(weights.double().cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, len(fitted.arm.modalities)))
