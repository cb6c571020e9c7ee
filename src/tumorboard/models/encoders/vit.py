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
        Dosovitskiy et al., ICLR 2021, of torch's transformer layers; widths of ViT-Tiny at half its
        depth. The mean of the tokens instead of a class token: Zhai et al., CVPR 2022.
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
        n_patches = (sides[0] // patch_size) * (sides[1] // patch_size)
        self.patches = nn.Conv2d(channels, width, kernel_size=patch_size, stride=patch_size)
        self.positions = nn.Parameter(0.02 * torch.randn(1, n_patches, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width,
                heads,
                dim_feedforward=4 * width,
                dropout=dropout,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.output_size = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, H, W) as (B, width)."""
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        tokens = self.dropout(tokens)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens).mean(dim=1)

    def stages(self) -> list[nn.Module]:
        """The embedding of patches and positions, then each block; the last with the final norm."""
        *blocks, last = self.blocks
        embedding = nn.ModuleList([self.patches, nn.ParameterList([self.positions])])
        return [embedding, *blocks, nn.ModuleList([last, self.norm])]
