"""DenseNet for images."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Dropout
from tumorboard.records import ArraySpec, Layout


class Densenet(Encoder):
    """DenseNet-121 for images, trained from scratch.

    Args:
        dropout: Share of the pooled features dropped while training.

    Source:
        Huang et al., CVPR 2017, in MONAI's implementation, without its classifier.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"image"})

    def __init__(self, spec: ArraySpec, *, dropout: Dropout = 0.2) -> None:
        from monai.networks.nets.densenet import DenseNet121

        super().__init__(spec)
        channels, *sides = spec.sizes
        if min(sides) < 32:
            raise StudyError(
                f"densenet: images of {sides[0]} x {sides[1]} pixels vanish in five halvings; "
                "expected at least 32 pixels. Choose a larger size, or the encoder small_cnn."
            )
        network = DenseNet121(spatial_dims=2, in_channels=channels, out_channels=1)
        self.output_size = 1024
        self.features: nn.Sequential = network.features
        self.pool = nn.Sequential(
            nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, H, W) as (B, 1024)."""
        return self.pool(self.features(x))

    def map_layer(self) -> nn.Module:
        """The norm after the last dense block."""
        return self.features.get_submodule("norm5")

    def stages(self) -> list[nn.Module]:
        """The stem, then each dense block with the transition or norm that follows it."""
        parts = dict(self.features.named_children())
        ends = ("transition1", "transition2", "transition3", "norm5")
        blocks = [
            nn.ModuleList([parts[f"denseblock{i}"], parts[end]]) for i, end in enumerate(ends, 1)
        ]
        return [nn.ModuleList([parts["conv0"], parts["norm0"]]), *blocks]
