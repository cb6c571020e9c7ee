"""AlexNet for images."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Count, Dropout
from tumorboard.records import ArraySpec, Layout


class Alexnet(Encoder):
    """AlexNet in one column for images of 64 pixels and more, trained from scratch.

    As published, but for four things. One column holds what was split over two GPUs. A border of 2
    before the first convolution gives 224 pixels the paper's 55 x 55 map, and lets 64 pixels
    through; the first dense layer is as large as the last map, 6 x 6 at 224 pixels. Local response
    normalisation is left out (no gain: Simonyan & Zisserman 2015). Weights start after He, so that
    the network learns without norms.

    Args:
        dense: Units of each of the two dense layers; the size of the embedding.
        dropout: Share of units dropped before each of the two while training.

    Source:
        Krizhevsky, Sutskever & Hinton, NeurIPS 2012.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"image"})

    def __init__(self, spec: ArraySpec, *, dense: Count = 4096, dropout: Dropout = 0.5) -> None:
        super().__init__(spec)
        channels, *sides = spec.sizes
        height, width = (_side_of_map(side) for side in sides)
        if min(height, width) < 1:
            raise StudyError(
                f"alexnet: images of {sides[0]} x {sides[1]} pixels vanish in its strides; "
                "expected at least 63 pixels. Choose a larger size, or the encoder simple_cnn."
            )
        self.blocks = nn.ModuleList(
            [
                _block(nn.Conv2d(channels, 96, kernel_size=11, stride=4, padding=2), pool=True),
                _block(nn.Conv2d(96, 256, kernel_size=5, padding=2), pool=True),
                _block(nn.Conv2d(256, 384, kernel_size=3, padding=1), pool=False),
                _block(nn.Conv2d(384, 384, kernel_size=3, padding=1), pool=False),
                _block(nn.Conv2d(384, 256, kernel_size=3, padding=1), pool=True),
            ]
        )
        self.dense = nn.ModuleList(
            [
                nn.Sequential(nn.Flatten(), *_dense(256 * height * width, dense, dropout)),
                nn.Sequential(*_dense(dense, dense, dropout)),
            ]
        )
        self.output_size = dense

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, H, W) as (B, dense)."""
        for stage in self.stages():
            x = stage(x)
        return x

    def map_layer(self) -> nn.Module:
        """The last ReLU before the last pooling: twice as fine as the map after it."""
        return self.blocks[-1].get_submodule("1")

    def stages(self) -> list[nn.Module]:
        """The five convolutions with what follows each, then the two dense layers."""
        return [*self.blocks, *self.dense]


def _side_of_map(side: int) -> int:
    """Pixels of the last map: a stride of 4, then three poolings 3 wide with a stride of 2."""
    side = (side + 2 * 2 - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side


def _block(convolution: nn.Conv2d, *, pool: bool) -> nn.Sequential:
    _start(convolution)
    block = nn.Sequential(convolution, nn.ReLU())
    return block.append(nn.MaxPool2d(3, stride=2)) if pool else block


def _dense(inputs: int, units: int, dropout: float) -> list[nn.Module]:
    linear = nn.Linear(inputs, units)
    _start(linear)
    return [nn.Dropout(dropout), linear, nn.ReLU()]


def _start(layer: nn.Conv2d | nn.Linear) -> None:
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
