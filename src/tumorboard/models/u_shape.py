"""What U-shaped segmenters have in common: levels down, levels up, heads; of MONAI's blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from tumorboard.models.segmenters import Segmenter
from tumorboard.models.setting_types import Count
from tumorboard.models.small_volumes import steady
from tumorboard.records import ArraySpec

Norm = Literal["instance", "batch", "group"]
Activation = Literal["leaky_relu", "relu", "elu"]
#: Channels of each level; each is half the size of the one before.
Levels = Annotated[tuple[Count, ...], Field(min_length=2)]

#: Slope below zero that nnU-Net uses.
_SLOPE = 0.01
_GROUPS = 8
_ACTIVATIONS = {
    "leaky_relu": ("leakyrelu", {"inplace": True, "negative_slope": _SLOPE}),
    "relu": ("relu", {"inplace": True}),
    "elu": ("elu", {"inplace": True}),
}


@dataclass(frozen=True)
class Layers:
    """How every layer of a segmenter is made.

    Args:
        n_dims: 2 or 3.
        norm: Over each map of a patient, over the batch, or over groups of up to 8 maps.
        activation: After each norm.
        dropout: Share of the values dropped after each convolution while training.
    """

    n_dims: int
    norm: Norm
    activation: Activation
    dropout: float

    def block(
        self, n_in: int, n_out: int, *, stride: int = 1, is_residual: bool = False
    ) -> nn.Module:
        """Two 3x3(x3) convolutions, each with norm and activation; `stride` is the first one's."""
        from monai.networks.blocks.dynunet_block import UnetBasicBlock, UnetResBlock

        kind = UnetResBlock if is_residual else UnetBasicBlock
        return kind(
            self.n_dims,
            n_in,
            n_out,
            kernel_size=3,
            stride=stride,
            norm_name=self.norm_name(n_out),
            act_name=_ACTIVATIONS[self.activation],
            dropout=self.dropout or None,
        )

    def up(self, n_in: int, n_out: int) -> nn.Module:
        """(coarse map, finer map of `n_out` channels) -> `n_out` channels of the finer size."""
        from monai.networks.blocks.dynunet_block import UnetUpBlock

        return UnetUpBlock(
            self.n_dims,
            n_in,
            n_out,
            kernel_size=3,
            stride=2,
            upsample_kernel_size=2,
            norm_name=self.norm_name(n_out),
            act_name=_ACTIVATIONS[self.activation],
            dropout=self.dropout or None,
        )

    def convolution(self, n_in: int, n_out: int, *, bias: bool = True) -> nn.Module:
        """One value per place: a convolution of size 1."""
        kind = nn.Conv2d if self.n_dims == 2 else nn.Conv3d
        return kind(n_in, n_out, kernel_size=1, bias=bias)

    def halving(self) -> nn.Module:
        """The largest of each 2x2(x2)."""
        return nn.MaxPool2d(2) if self.n_dims == 2 else nn.MaxPool3d(2)

    def norm_name(self, n_maps: int) -> tuple[str, dict[str, int | bool]]:
        """The norm as MONAI's layer factory takes it."""
        if self.norm == "group":
            return "group", {"num_groups": gcd(_GROUPS, n_maps)}
        return self.norm, {"affine": True}


class UShape(Segmenter):
    """Levels from fine to coarse, levels back up with the finer maps beside them, and heads.

    Args:
        spec: The image.
        n_outputs: Logits K of a voxel.
        n_dims: Spatial axes.
        widths: Channels of each level.
        levels: Each level's module, from the one before (the first from the image).
        layers: How layers are made.
        n_supervised: Coarser levels that get a head of their own while training, from fine to
            coarse; at most two less than there are levels.
    """

    def __init__(
        self,
        spec: ArraySpec,
        n_outputs: int,
        n_dims: int,
        *,
        widths: tuple[int, ...],
        levels: Iterable[nn.Module],
        layers: Layers,
        n_supervised: int = 0,
    ) -> None:
        super().__init__(spec, n_outputs, n_dims)
        self.map_sizes, self.divisor = tuple(widths), 2 ** (len(widths) - 1)
        self.levels = nn.ModuleList(levels)
        finer = widths[:-1]
        self.ups = nn.ModuleList(
            layers.up(coarse, fine) for fine, coarse in zip(finer, widths[1:], strict=True)
        )
        self.heads = nn.ModuleList(
            layers.convolution(width, n_outputs) for width in finer[: 1 + n_supervised]
        )

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps of every level, from fine to coarse."""
        maps: list[torch.Tensor] = []
        for level in self.levels:
            x = level(x)
            maps.append(x)
        return maps

    def skip(self, level: int, fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        """What of the map of a level goes across to the decoder: by default all of it.

        Args:
            level: Counted from the finest.
            fine: The encoder's map of this level.
            coarse: What the decoder made of the level below.
        """
        return fine

    def decode(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Logits from fine to coarse: only the finest in evaluation mode."""
        logits: list[torch.Tensor] = []
        n_heads = len(self.heads) if self.training else 1
        x = maps[-1]
        for level in reversed(range(len(self.ups))):
            x = self.ups[level](x, self.skip(level, maps[level], x))
            if level < n_heads:
                logits.append(self.heads[level](x))
        return logits[::-1]


class _InstanceNorm3d(nn.InstanceNorm3d):
    """Instance norm of one patch in bfloat16 without leaving the channels-last order.

    torch's own copies the patch to another order and back, which takes half of a 3D U-Net's time on
    the CPU. Over a batch of one patch the batch's statistics are the patch's.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(B, C, X, Y, Z) of zero mean and unit variance in each map, scaled and shifted."""
        is_alone = len(input) == 1 and input.dtype == torch.bfloat16
        if self.training or not is_alone or input.device.type != "cpu":
            return super().forward(input)
        return nn.functional.batch_norm(
            input, None, None, self.weight, self.bias, training=True, eps=self.eps
        )


def ready(network: nn.Module) -> None:
    """Draw the weights (He et al., ICCV 2015), and make layers steady and fast on the CPU."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.InstanceNorm3d:
                parent.add_module(name, _InstanceNorm3d(child.num_features, affine=True))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
            nn.init.kaiming_normal_(module.weight, a=_SLOPE)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    steady(network)


def plain_levels(layers: Layers, n_channels: int, widths: tuple[int, ...]) -> list[nn.Module]:
    """Two convolutions per level; the largest of 2x2(x2) between levels."""
    levels: list[nn.Module] = [layers.block(n_channels, widths[0])]
    for fine, coarse in pairwise(widths):
        levels.append(nn.Sequential(layers.halving(), layers.block(fine, coarse)))
    return levels


def strided_levels(
    layers: Layers, n_channels: int, widths: tuple[int, ...], *, is_residual: bool
) -> list[nn.Module]:
    """Two convolutions per level; from the second level on the first of them halves the sides."""
    sizes = zip((n_channels, *widths[:-1]), widths, strict=True)
    return [
        layers.block(n_in, n_out, stride=2 if level else 1, is_residual=is_residual)
        for level, (n_in, n_out) in enumerate(sizes)
    ]
