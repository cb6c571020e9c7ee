"""Convolutions of volumes that are smaller than their kernel, kept out of bfloat16."""

from __future__ import annotations

import torch
from torch import nn


class SteadyConv3d(nn.Conv3d):
    """Convolution that leaves bfloat16 on the CPU where the volume is smaller than its kernel.

    In bfloat16 torch 2.13 with oneDNN leaves the weights' gradient unwritten there: whatever was in
    that memory (up to 1e35) becomes the gradient. Volumes of 33 to 64 voxels a side are 2 voxels
    small in the last stage of a ResNet. Such volumes are so small that float32 costs nothing.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(B, C, X, Y, Z) -> (B, C', X', Y', Z')."""
        is_small = any(
            side < kernel for side, kernel in zip(input.shape[2:], self.kernel_size, strict=True)
        )
        if is_small and input.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return super().forward(input.float())
        return super().forward(input)


def steady(network: nn.Module) -> None:
    """Every 3D convolution in the network becomes a steady one with the same weights."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Conv3d:
                parent.add_module(name, _steady(child))


def _steady(conv: nn.Conv3d) -> SteadyConv3d:
    # Weights of their own would be drawn for nothing, and from the generator that others draw from.
    made = SteadyConv3d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # pyright: ignore[reportArgumentType]
        stride=conv.stride,  # pyright: ignore[reportArgumentType]
        padding=conv.padding,  # pyright: ignore[reportArgumentType]
        dilation=conv.dilation,  # pyright: ignore[reportArgumentType]
        groups=conv.groups,
        bias=conv.bias is not None,
        padding_mode=conv.padding_mode,
        device="meta",
    )
    made.weight = conv.weight
    made.bias = conv.bias
    return made
