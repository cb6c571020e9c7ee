"""Early fusion: the modalities' own vectors joined before any encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from tumorboard.models.encoders.mlp import Mlp
from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.presence import AbsentTokens
from tumorboard.models.setting_types import Dropout, Widths
from tumorboard.records import ArraySpec


class Early(Fusion):
    """Vectors joined before any encoder, then one multilayer perceptron for all of them.

    The perceptron also sees which modalities are present; a learned vector stands for an absent
    one.

    Args:
        widths: Units of each dense layer.
        dropout: Share of units dropped after each layer while training.
        norm: Normalisation between a layer and its activation.
    """

    level = "input"

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        widths: Widths = (64, 32, 16),
        dropout: Dropout = 0.2,
        norm: Literal["batch", "layer", "none"] = "batch",
    ) -> None:
        super().__init__(names, sizes)
        self.tokens = AbsentTokens(sizes)
        spec = ArraySpec("vector", (sum(sizes) + len(names),))
        self.layers = Mlp(spec, widths=widths, dropout=dropout, norm=norm)
        self.output_size = self.layers.output_size

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Join vectors and flags of presence, and transform them."""
        vectors = self.tokens(embeddings, present)
        return Fused(self.layers(torch.cat([*vectors, present.to(vectors[0].dtype)], dim=1)))
