"""Embeddings of one size side by side, each modality counting the same."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.presence import WeighedTokens, share_equally
from tumorboard.models.setting_types import Count, Dropout


class Simple(Fusion):
    """Embeddings of one size side by side, each modality counting the same.

    Every embedding is projected to `size` units and normalised, so that none is louder; a learned
    mask token stands in the place of an absent modality. What follows is the classification layer.
    `gated` with weights = "equal" adds the embeddings up instead.

    Args:
        size: Units that every embedding is projected to.
        dropout: Share of the projected units dropped while training.

    Source:
        Balaji et al.: fusion attention `simple`, concatenation, a classification layer.
    """

    level = "feature"

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        size: Count = 64,
        dropout: Dropout = 0.3,
    ) -> None:
        super().__init__(names, sizes)
        self.tokens = WeighedTokens(sizes, size, dropout)
        self.output_size = size * len(names)

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Project, weigh equally over the modalities present, join."""
        shares = share_equally(present)
        return Fused(self.tokens(embeddings, present, shares), shares)
