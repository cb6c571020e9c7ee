"""Concatenation of embeddings, then dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.presence import AbsentTokens
from tumorboard.models.setting_types import Count, Dropout


class Concatenation(Fusion):
    """Embeddings side by side, then dense layers; a learned vector stands for an absent modality.

    Args:
        widths: Units of each dense layer; none leaves the joined embeddings as they are.
        dropout: Share of units dropped after each dense layer while training.
        norm: Normalisation between a dense layer and its activation.

    Source:
        Thorat & Kumar: concatenation of the image's and the clinical features, dense layers,
        output.
    """

    level = "feature"

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        widths: tuple[Count, ...] = (128,),
        dropout: Dropout = 0.2,
        norm: Literal["batch", "layer", "none"] = "none",
    ) -> None:
        super().__init__(names, sizes)
        self.tokens = AbsentTokens(sizes)
        layers: list[nn.Module] = []
        size = sum(sizes)
        for width in widths:
            # Batch norm takes the mean away, and a bias with it.
            layers.append(nn.Linear(size, width, bias=norm != "batch"))
            if norm != "none":
                layers.append(nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width))
            layers += [nn.ReLU(), nn.Dropout(dropout)]
            size = width
        self.layers = nn.Sequential(*layers)
        self.output_size = size

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Join and transform; no weights per modality."""
        return Fused(self.layers(torch.cat(self.tokens(embeddings, present), dim=1)))
