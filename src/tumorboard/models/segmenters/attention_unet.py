"""U-Net with attention gates."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from tumorboard.models.segmenters import Segmenter
from tumorboard.models.setting_types import Dropout
from tumorboard.models.u_shape import Activation, Layers, Levels, Norm, UShape, plain_levels, ready
from tumorboard.records import ArraySpec


class AttentionUnet(UShape, Segmenter):
    """U-Net whose coarser level decides which places of each finer map reach the decoder.

    Args:
        widths: Channels of each level, from fine to coarse.
        norm: After each convolution: over each map of a patch, over the batch, or over groups of
            up to 8 maps.
        activation: After each norm.
        dropout: Share of the values dropped after each convolution while training.

    Source:
        Oktay et al., MIDL 2018: additive gates of one weight per place, at the coarser level's
        resolution.
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
        levels = plain_levels(layers, spec.sizes[0], widths)
        super().__init__(spec, n_outputs, n_dims, widths=widths, levels=levels, layers=layers)
        self.gates = nn.ModuleList(_Gate(layers, fine, coarse) for fine, coarse in pairwise(widths))
        ready(self)

    def skip(self, level: int, fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        """The map of a level, weighed at each place by what the level below makes of it."""
        return fine * self.gates[level](fine, coarse)


class _Gate(nn.Module):
    """(B, 1, *space) weight in 0..1 of each place of the finer map."""

    def __init__(self, layers: Layers, n_fine: int, n_coarse: int) -> None:
        super().__init__()
        n_hidden = max(n_fine // 2, 1)
        self.of_fine = layers.convolution(n_fine, n_hidden, bias=False)
        self.of_coarse = layers.convolution(n_coarse, n_hidden)
        self.join = layers.convolution(n_hidden, 1)

    def forward(self, fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        # every second place: a convolution of size 1 and stride 2
        seen = self.of_fine(fine[(..., *[slice(None, None, 2)] * (fine.ndim - 2))])
        weight = torch.sigmoid(self.join(functional.relu(seen + self.of_coarse(coarse))))
        mode = "bilinear" if fine.ndim == 4 else "trilinear"
        return functional.interpolate(weight, size=fine.shape[2:], mode=mode)
