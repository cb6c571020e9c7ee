"""One file per segmenter: image -> feature maps -> a mask's logits for every pixel or voxel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn

from tumorboard.records import ArraySpec, Layout


class Segmenter(nn.Module, ABC):
    """Image (B, C, *space) -> logits (B, K, *space), in two halves that a guide can stand between.

    `__init__(spec, n_outputs, n_dims, *, ...)`: the `ArraySpec` of the image comes first (its first
    size is the number of channels, the others are not looked at), then how many logits a voxel has
    and whether maps are 2D or 3D; keyword-only arguments are the configuration. A subclass sets
    `map_sizes` and `divisor`.

    Args:
        spec: The image.
        n_outputs: Logits K of a voxel: one per label, and one for the background where labels
            exclude each other.
        n_dims: Spatial axes: 2 for pictures, and for volumes that are read slice by slice; else 3.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"image", "volume"})
    #: Channels of each map that `encode` gives, from fine to coarse.
    map_sizes: tuple[int, ...]
    #: Each side of the input must be a multiple of this.
    divisor: int

    def __init__(self, spec: ArraySpec, n_outputs: int, n_dims: int) -> None:
        super().__init__()
        self.spec, self.n_outputs, self.n_dims = spec, n_outputs, n_dims

    @abstractmethod
    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps (B, map_sizes[i], *space_i) of (B, C, *space), from fine to coarse."""

    @abstractmethod
    def decode(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Logits (B, K, *space) of the input's size; behind them coarser ones while training.

        Those are there in train mode alone, where the segmenter has deep supervision: each of half
        the size of the one before.
        """

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Logits without a guide; see `decode`."""
        return self.decode(self.encode(x))
