"""Vision transformer for images."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Count, Dropout
from tumorboard.records import ArraySpec, Layout


class Vit(Encoder):
    """Vision transformer for images of one size, trained from scratch; mean of its tokens.

    Args:
        patch_size: Side of a square patch, in pixels; the image's sides are multiples of it.
        width: Units of a token, a multiple of `heads`; the size of the embedding.
        depth: Transformer blocks.
        heads: Attention heads.
        dropout: Share of units dropped while training.

    Source:
        Dosovitskiy et al., ICLR 2021, in MONAI's implementation; widths of ViT-Tiny at half its
        depth.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"image"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        patch_size: Count = 16,
        width: Count = 192,
        depth: Count = 6,
        heads: Count = 3,
        dropout: Dropout = 0.1,
    ) -> None:
        from monai.networks.nets.vit import ViT

        super().__init__(spec)
        channels, *sides = spec.sizes
        faults: list[str] = []
        if any(side % patch_size for side in sides):
            faults.append(
                f"vit.patch_size: found {patch_size} for images of {sides[0]} x {sides[1]} pixels, "
                "expected a size that divides both sides."
            )
        if width % heads:
            faults.append(
                f"vit.width: found {width} with {heads} heads, expected a multiple of heads."
            )
        if faults:
            raise StudyError(faults)
        self.network = ViT(
            in_channels=channels,
            img_size=tuple(sides),
            patch_size=patch_size,
            hidden_size=width,
            mlp_dim=4 * width,
            num_layers=depth,
            num_heads=heads,
            dropout_rate=dropout,
            spatial_dims=2,
        )
        self.output_size = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, H, W) as (B, width)."""
        tokens, _ = self.network(x)
        return tokens.mean(dim=1)

    def stages(self) -> list[nn.Module]:
        """The patches' embedding, then each block; the last one with the final norm."""
        *blocks, last = self.network.blocks
        return [self.network.patch_embedding, *blocks, nn.ModuleList([last, self.network.norm])]
