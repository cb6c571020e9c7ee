"""U-Net that reads the image at several scales."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tumorboard.models.segmenters import Segmenter
from tumorboard.models.setting_types import Dropout
from tumorboard.models.u_shape import Activation, Layers, Levels, Norm, UShape, ready
from tumorboard.records import ArraySpec


class MultiScale(UShape, Segmenter):
    """U-Net that also reads the image at half, a quarter, ... of its resolution, level by level.

    Args:
        widths: Channels of each level, from fine to coarse.
        norm: After each convolution: over each map of a patch, over the batch, or over groups of
            up to 8 maps.
        activation: After each norm.
        dropout: Share of the values dropped after each convolution while training.

    Source:
        Fu et al., IEEE Transactions on Medical Imaging 2018 (M-Net: means over 2x2(x2) of the image
        enter each level); several resolutions side by side: Kamnitsas et al., Medical Image
        Analysis 2017.
    """

    def __init__(
        self,
        spec: ArraySpec,
        n_outputs: int,
        n_dims: int,
        *,
        widths: Levels = (16, 32, 64, 128, 256),
        norm: Norm = "instance",
        activation: Activation = "leaky_relu",
        dropout: Dropout = 0.0,
    ) -> None:
        layers = Layers(n_dims, norm, activation, dropout)
        # what comes from the level above and what is read anew stand side by side
        n_in = [0, *widths[:-1]]
        levels = [
            layers.block(before + (own if before else spec.sizes[0]), own)
            for before, own in zip(n_in, widths, strict=True)
        ]
        super().__init__(spec, n_outputs, n_dims, widths=widths, levels=levels, layers=layers)
        self.readers = nn.ModuleList(layers.block(spec.sizes[0], width) for width in widths[1:])
        self.halve = layers.halving()
        ready(self)

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps of every level, from fine to coarse."""
        shrink = functional.avg_pool2d if self.n_dims == 2 else functional.avg_pool3d
        maps = [self.levels[0](x)]
        for level, reader in zip(list(self.levels)[1:], self.readers, strict=True):
            x = shrink(x, 2)
            maps.append(level(torch.cat([self.halve(maps[-1]), reader(x)], dim=1)))
        return maps
