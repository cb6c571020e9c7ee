"""Simple convolutional network for small images of one size."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Count, Dropout, Widths
from tumorboard.records import ArraySpec, Layout


class SimpleCnn(Encoder):
    """Three convolution blocks and a dense layer for small images: what stands where counts.

    Each block is a 3 x 3 convolution, ReLU and 2 x 2 maximum pooling, without norms. The dense
    layer reads every place of the last maps with weights of its own, and holds most of the
    parameters; `small_cnn` averages over places instead, and has norms for small cohorts.

    Args:
        widths: Channels of each block.
        dense: Units of the dense layer; the size of the embedding.
        dropout: Share of those units dropped while training.

    Source:
        The simple CNN of the study of breast histology and hospital records (MLHC 2026): 2.2
        million parameters with windows of 64 pixels and three classes.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"image"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        widths: Widths = (32, 64, 128),
        dense: Count = 256,
        dropout: Dropout = 0.5,
    ) -> None:
        super().__init__(spec)
        channels, *sides = spec.sizes
        halved = [side // 2 ** len(widths) for side in sides]
        if min(halved) < 1:
            raise StudyError(
                f"simple_cnn: images of {sides[0]} x {sides[1]} pixels vanish in {len(widths)} "
                f"poolings by 2; expected at least {2 ** len(widths)} pixels. Choose a larger size."
            )
        self.blocks = nn.Sequential()
        for width in widths:
            convolution = nn.Conv2d(channels, width, kernel_size=3, padding=1)
            self.blocks.append(nn.Sequential(convolution, nn.ReLU(), nn.MaxPool2d(2)))
            channels = width
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * halved[0] * halved[1], dense),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.output_size = dense

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, H, W) as (B, dense)."""
        return self.dense(self.blocks(x))

    def map_layer(self) -> nn.Module:
        """The last ReLU before the last pooling: twice as fine as the map after it."""
        return cast("nn.Sequential", self.blocks[-1])[-2]

    def stages(self) -> list[nn.Module]:
        """One stage per block, then the dense layer."""
        return [*self.blocks, self.dense]
