"""Inception networks for images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Dropout, Positive
from tumorboard.records import ArraySpec, Layout

#: Channels of a module: of its 1 x 1 branch; before and in its 3 x 3; before and in its 5 x 5; of
#: the 1 x 1 after its pooling.
_Channels = tuple[int, int, int, int, int, int]
#: Modules between two poolings, 3a to 5b: table 1 of the paper.
_MODULES: tuple[tuple[_Channels, ...], ...] = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)


class Inception(Encoder):
    """GoogLeNet's inception modules with batch norm for images, trained from scratch.

    Nine modules look at each place through windows of 1, 3 and 5 pixels at once. The auxiliary
    classifiers are left out: with batch norm the gradient reaches the first layers without them.

    Args:
        width: Factor on the channels of every layer; 1 is the published size, 6 million parameters.
        dropout: Share of the pooled features dropped while training.

    Source:
        Szegedy et al., Going deeper with convolutions, CVPR 2015, table 1; batch norm after each
        convolution (Ioffe & Szegedy 2015).
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"image"})

    def __init__(self, spec: ArraySpec, *, width: Positive = 0.5, dropout: Dropout = 0.4) -> None:
        super().__init__(spec)
        channels, *sides = spec.sizes
        if min(sides) < 32:
            raise StudyError(
                f"inception: images of {sides[0]} x {sides[1]} pixels vanish in five halvings; "
                "expected at least 32 pixels. Choose a larger size, or the encoder small_cnn."
            )

        def scaled(published: int) -> int:
            return max(1, round(published * width))

        self.stem = nn.Sequential(
            _convolution(channels, scaled(64), 7, stride=2),
            _pool(),
            _convolution(scaled(64), scaled(64), 1),
            _convolution(scaled(64), scaled(192), 3),
            _pool(),
        )
        self.parts = nn.ModuleList()
        inputs = scaled(192)
        for number, modules in enumerate(_MODULES):
            part = nn.Sequential() if number == 0 else nn.Sequential(_pool())
            for published in modules:
                module = InceptionModule(inputs, [scaled(c) for c in published])
                part.append(module)
                inputs = module.output_size
            self.parts.append(part)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.output_size = inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, H, W) as (B, 1024 width)."""
        for stage in self.stages():
            x = stage(x)
        return self.pool(x)

    def map_layer(self) -> nn.Module:
        """The last module."""
        *_, last = self.parts[-1].children()
        return last

    def stages(self) -> list[nn.Module]:
        """The stem, then the modules between poolings."""
        return [self.stem, *self.parts]


class InceptionModule(nn.Module):
    """Four branches side by side: 1 x 1, 3 x 3, 5 x 5, and pooling; their maps one upon another.

    Args:
        inputs: Channels that come in.
        channels: 1 x 1; before and in 3 x 3; before and in 5 x 5; after pooling.
    """

    def __init__(self, inputs: int, channels: Sequence[int]) -> None:
        super().__init__()
        one, before_three, three, before_five, five, pooled = channels
        self.branches = nn.ModuleList(
            [
                _convolution(inputs, one, 1),
                nn.Sequential(
                    _convolution(inputs, before_three, 1), _convolution(before_three, three, 3)
                ),
                nn.Sequential(
                    _convolution(inputs, before_five, 1), _convolution(before_five, five, 5)
                ),
                nn.Sequential(
                    nn.MaxPool2d(3, stride=1, padding=1), _convolution(inputs, pooled, 1)
                ),
            ]
        )
        self.output_size = one + three + five + pooled

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps (B, output_size, H, W) of maps (B, inputs, H, W)."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def _convolution(inputs: int, outputs: int, side: int, *, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, padding=1)
