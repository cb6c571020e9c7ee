"""Small convolutional network for images."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Dropout, Widths
from tumorboard.records import ArraySpec, Layout


class SmallCnn(Encoder):
    """Three small convolution blocks for images: quick to train from scratch on few patients.

    Args:
        widths: Channels of each block (convolution, batch norm, ReLU, maximum pooling by 2).
        dropout: Share of the pooled features dropped while training.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"image"})

    def __init__(
        self, spec: ArraySpec, *, widths: Widths = (16, 32, 64), dropout: Dropout = 0.2
    ) -> None:
        super().__init__(spec)
        channels, *sides = spec.sizes
        if min(sides) < 2 ** len(widths):
            raise StudyError(
                f"small_cnn: images of {sides[0]} x {sides[1]} pixels vanish in {len(widths)} "
                f"poolings by 2; expected at least {2 ** len(widths)} pixels. Choose a larger size."
            )
        self.blocks = nn.Sequential()
        for width in widths:
            self.blocks.append(
                nn.Sequential(
                    nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                )
            )
            channels = width
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.output_size = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, H, W) as (B, widths[-1])."""
        return self.pool(self.blocks(x))

    def map_layer(self) -> nn.Module:
        """The last ReLU before the last pooling: twice as fine as the map after it."""
        return cast("nn.Sequential", self.blocks[-1])[-2]

    def stages(self) -> list[nn.Module]:
        """One stage per block."""
        return list(self.blocks)
