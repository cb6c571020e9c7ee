"""Weighted sum of projected embeddings, with the weights of each patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import nn

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.presence import (
    blank_absent,
    checked_weights,
    share_equally,
    share_fixed,
    share_learned,
)
from tumorboard.models.setting_types import Count, Dropout, Positive


class Gated(Fusion):
    """Weighted sum of the modalities present; the weights are learned per patient, equal or fixed.

    Args:
        size: Units that every embedding is projected to.
        weights: `learned` by a gate that sees all modalities of the patient, `equal`, or `fixed`.
        fixed: Weight of each modality for `fixed`; always renormalised over those present.
        dropout: Share of the projected units dropped while training.

    Source:
        Arevalo et al., Gated multimodal units, ICLR workshop 2017 (tanh projections, a gate that
        sees every modality); here the gates are a softmax over the modalities present, so that they
        sum to 1.
    """

    level = "feature"

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        size: Count = 128,
        weights: Literal["learned", "equal", "fixed"] = "learned",
        fixed: Mapping[str, Positive] = {},
        dropout: Dropout = 0.2,
    ) -> None:
        super().__init__(names, sizes)
        self.output_size = size
        self.weights = weights
        self.projections = nn.ModuleList(nn.Linear(inputs, size) for inputs in sizes)
        self.dropout = nn.Dropout(dropout)
        self.fixed: torch.Tensor
        # Not saved with the weights: they are in the study's settings already.
        self.register_buffer(
            "fixed", checked_weights(fixed, names, is_used=weights == "fixed"), persistent=False
        )
        if weights == "learned" and len(names) > 1:
            # The M flags tell the gate an absent modality from a projection of zeros.
            self.gate = nn.Linear(len(names) * (size + 1), len(names))

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Project, weigh over the modalities present, add."""
        projected = [
            torch.tanh(layer(embedding))
            for layer, embedding in zip(
                self.projections, blank_absent(embeddings, present), strict=True
            )
        ]
        # Blanked again: the projection of a blank row is its bias, which the patient does not have.
        values = torch.stack(blank_absent(projected, present), dim=1)
        shares = self._shares(values, present)
        return Fused((shares.unsqueeze(2) * self.dropout(values)).sum(dim=1), shares)

    def _shares(self, values: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        if self.weights == "fixed":
            return share_fixed(self.fixed, present)
        if self.weights == "equal" or len(self.names) == 1:
            return share_equally(present)
        seen = torch.cat([values.flatten(1), present.to(values.dtype)], dim=1)
        return share_learned(self.gate(seen), present)
