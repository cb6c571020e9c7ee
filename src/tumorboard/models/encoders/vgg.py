"""VGG networks with batch norm for images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, cast

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Dropout
from tumorboard.records import ArraySpec, Layout

#: Convolutions of each of the five stages, by depth: table 1 of the paper, columns A, B and D.
_CONVOLUTIONS: Mapping[int, tuple[int, ...]] = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
}
_WIDTHS = (64, 128, 256, 512, 512)


class Vgg(Encoder):
    """VGG-11, -13 or -16 with batch norm for images, trained from scratch.

    The three dense layers of the original are left out: global average pooling takes their place,
    so that any image size goes and small cohorts do not fit 100 million weights.

    Args:
        depth: Weight layers of the original network, dense ones included.
        dropout: Share of the pooled features dropped while training.

    Source:
        Simonyan & Zisserman, ICLR 2015; batch norm after each convolution (Ioffe & Szegedy 2015).
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"image"})

    def __init__(
        self, spec: ArraySpec, *, depth: Literal[11, 13, 16] = 11, dropout: Dropout = 0.2
    ) -> None:
        super().__init__(spec)
        channels, *sides = spec.sizes
        if min(sides) < 32:
            raise StudyError(
                f"vgg: images of {sides[0]} x {sides[1]} pixels vanish in five poolings by 2; "
                "expected at least 32 pixels. Choose a larger size, or the encoder small_cnn."
            )
        self.blocks = nn.Sequential()
        for n_convolutions, width in zip(_CONVOLUTIONS[depth], _WIDTHS, strict=True):
            self.blocks.append(_block(channels, width, n_convolutions))
            channels = width
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.output_size = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, H, W) as (B, 512)."""
        return self.pool(self.blocks(x))

    def map_layer(self) -> nn.Module:
        """The last ReLU before the last pooling: twice as fine as the map after it."""
        return cast("nn.Sequential", self.blocks[-1])[-2]

    def stages(self) -> list[nn.Module]:
        """The five stages between poolings."""
        return list(self.blocks)


def _block(channels: int, width: int, n_convolutions: int) -> nn.Sequential:
    block = nn.Sequential()
    for _ in range(n_convolutions):
        convolution = nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False)
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        block.extend([convolution, nn.BatchNorm2d(width), nn.ReLU()])
        channels = width
    return block.append(nn.MaxPool2d(2))
