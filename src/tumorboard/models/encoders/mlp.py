"""Multilayer perceptron for feature vectors."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import nn

from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Dropout, Widths
from tumorboard.records import ArraySpec, Layout


class Mlp(Encoder):
    """Multilayer perceptron for tables and other feature vectors: dense layers, ReLU and dropout.

    Args:
        widths: Units of each dense layer; the last is the size of the embedding.
        dropout: Share of units dropped after each layer while training.
        norm: Normalisation between a layer and its activation.

    Source:
        Thorat & Kumar's clinical branch: three dense layers, ReLU, dropout, batch norm.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"vector"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        widths: Widths = (64, 32, 16),
        dropout: Dropout = 0.2,
        norm: Literal["batch", "layer", "none"] = "batch",
    ) -> None:
        super().__init__(spec)
        layers: list[nn.Module] = []
        (size,) = spec.sizes
        for width in widths:
            # Batch norm takes the mean away, and a bias with it.
            layers.append(nn.Linear(size, width, bias=norm != "batch"))
            if norm != "none":
                layers.append(nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width))
            layers += [nn.ReLU(), nn.Dropout(dropout)]
            size = width
        self.layers = nn.Sequential(*layers)
        self.output_size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, F) as (B, widths[-1])."""
        return self.layers(x)
