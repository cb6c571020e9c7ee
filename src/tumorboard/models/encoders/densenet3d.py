"""DenseNet for volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.map_layers import last_with_places
from tumorboard.models.setting_types import Dropout
from tumorboard.models.small_volumes import steady
from tumorboard.records import ArraySpec, Layout

#: Kind -> channels after the stem, channels that a layer adds, layers of each dense block.
_KINDS: Mapping[str, tuple[int, int, tuple[int, int, int, int]]] = {
    "121": (64, 32, (6, 12, 24, 16)),
    "small": (32, 16, (3, 6, 12, 8)),
}


class Densenet3d(Encoder):
    """DenseNet-121 for volumes, or one of half its depth and width, trained from scratch.

    Args:
        kind: "121" (11.2 million parameters) or "small" (1.1 million).
        dropout: Share of the pooled features dropped while training.

    Source:
        Huang et al., CVPR 2017, in MONAI's implementation, without its classifier.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"volume"})

    def __init__(
        self, spec: ArraySpec, *, kind: Literal["121", "small"] = "121", dropout: Dropout = 0.2
    ) -> None:
        from monai.networks.nets.densenet import DenseNet

        super().__init__(spec)
        channels, *sides = spec.sizes
        self._sizes = sides
        if min(sides) < 32:
            raise StudyError(
                f"densenet3d: volumes of {' x '.join(map(str, sides))} voxels vanish in five "
                "halvings; expected at least 32 voxels a side. Choose a larger size, or the "
                "encoder resnet3d."
            )
        width, growth, blocks = _KINDS[kind]
        network = DenseNet(
            spatial_dims=3,
            in_channels=channels,
            out_channels=1,
            init_features=width,
            growth_rate=growth,
            block_config=blocks,
        )
        steady(network)
        self.features: nn.Sequential = network.features
        (self.output_size,) = self.features.get_submodule("norm5").get_parameter("weight").shape
        self.pool = nn.Sequential(
            nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Dropout(dropout)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, X, Y, Z) as (B, 1024), or fewer where it is small."""
        return self.pool(self.features(x))

    def map_layer(self) -> nn.Module:
        """The last dense block, its norm included, that tells where (`last_with_places`)."""
        names = ("denseblock1", "denseblock2", "denseblock3", "norm5")
        blocks = [self.features.get_submodule(name) for name in names]
        return last_with_places(blocks, self._sizes, first_step=4)

    def stages(self) -> list[nn.Module]:
        """The stem, then each dense block with the transition or norm that follows it."""
        parts = dict(self.features.named_children())
        ends = ("transition1", "transition2", "transition3", "norm5")
        blocks = [
            nn.ModuleList([parts[f"denseblock{i}"], parts[end]]) for i, end in enumerate(ends, 1)
        ]
        return [nn.ModuleList([parts["conv0"], parts["norm0"]]), *blocks]
