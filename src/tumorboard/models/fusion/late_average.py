"""Late fusion: the mean of the modalities' own predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.presence import blank_absent, checked_weights, share_fixed
from tumorboard.models.setting_types import Positive


class LateAverage(Fusion):
    """Late fusion: mean of the predictions of the modalities present, each with a head of its own.

    Args:
        weights: `equal` or `fixed`.
        fixed: Weight of each modality for `fixed`; always renormalised over those present.
    """

    level = "decision"

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        weights: Literal["equal", "fixed"] = "equal",
        fixed: Mapping[str, Positive] = {},
    ) -> None:
        super().__init__(names, sizes)
        self.output_size = sizes[0]
        self.fixed: torch.Tensor
        # Not saved with the weights: they are in the study's settings already.
        self.register_buffer(
            "fixed", checked_weights(fixed, names, is_used=weights == "fixed"), persistent=False
        )

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Average the predictions (B, K) of the modalities present."""
        shares = share_fixed(self.fixed, present)
        values = torch.stack(blank_absent(embeddings, present), dim=1)
        return Fused((shares.unsqueeze(2) * values).sum(dim=1), shares)
