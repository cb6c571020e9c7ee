"""Embeddings of one size side by side, with a weight of the study's for each modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.presence import WeighedTokens, checked_weights, share_fixed
from tumorboard.models.setting_types import Count, Dropout, Positive


class ModWeighted(Fusion):
    """Embeddings of one size side by side, with the weight that the study gives each modality.

    As `simple`, but each projected embedding is multiplied by its weight. The weights are divided
    by their sum over the modalities that the patient has, so that they always sum to 1.

    Args:
        weights: Weight of each modality, such as {ct = 0.4, rna = 0.3, record = 0.3}; none given:
            all the same.
        size: Units that every embedding is projected to.
        dropout: Share of the projected units dropped while training.

    Source:
        Balaji et al.: fusion attention `mod_weighted`, weights that sum to 1.
    """

    level = "feature"

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        weights: Mapping[str, Positive] = {},
        size: Count = 64,
        dropout: Dropout = 0.3,
    ) -> None:
        super().__init__(names, sizes)
        self.tokens = WeighedTokens(sizes, size, dropout)
        self.output_size = size * len(names)
        self.weights: torch.Tensor
        # Not saved with the weights: they are in the study's settings already.
        given = checked_weights(weights, names, is_used=bool(weights), where="fusion.weights")
        self.register_buffer("weights", given, persistent=False)

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Project, weigh over the modalities present, join."""
        shares = share_fixed(self.weights, present)
        return Fused(self.tokens(embeddings, present, shares), shares)
