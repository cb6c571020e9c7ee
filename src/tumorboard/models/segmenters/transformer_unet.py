"""U-Net with a transformer between its halves."""

from __future__ import annotations

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.segmenters import Segmenter
from tumorboard.models.setting_types import Count, Dropout
from tumorboard.models.u_shape import Activation, Layers, Levels, Norm, UShape, plain_levels, ready
from tumorboard.records import ArraySpec

#: Longest wavelength of the position code, in places; its shortest is 2 pi.
_LONGEST = 10_000.0


class TransformerUnet(UShape, Segmenter):
    """U-Net whose coarsest map goes through a transformer: every place attends to every other.

    Args:
        widths: Channels of each level, from fine to coarse; the coarsest is the width of the
            transformer, a multiple of `heads`, and of 4 for images and of 6 for volumes.
        n_layers: Transformer layers.
        heads: Attention heads of each layer.
        norm: After each convolution: over each map of a patch, over the batch, or over groups of
            up to 8 maps.
        activation: After each norm.
        dropout: Share of the values dropped while training, in transformer and convolutions.

    Source:
        Chen et al., TransUNet, arXiv:2102.04306; Wang et al., TransBTS, MICCAI 2021 (3D). Positions
        are coded by sines (Vaswani et al., NeurIPS 2017), so that a patch may have any size.
    """

    def __init__(
        self,
        spec: ArraySpec,
        n_outputs: int,
        n_dims: int,
        *,
        widths: Levels = (16, 32, 64, 128, 192),
        n_layers: Count = 4,
        heads: Count = 6,
        norm: Norm = "instance",
        activation: Activation = "leaky_relu",
        dropout: Dropout = 0.0,
    ) -> None:
        if widths[-1] % heads or widths[-1] % (2 * n_dims):
            raise StudyError(
                f"transformer_unet: found a coarsest width of {widths[-1]}, expected a multiple of "
                f"heads ({heads}) and of {2 * n_dims}: each axis has sines and cosines."
            )
        layers = Layers(n_dims, norm, activation, dropout)
        levels = plain_levels(layers, spec.sizes[0], widths)
        super().__init__(spec, n_outputs, n_dims, widths=widths, levels=levels, layers=layers)
        ready(self)
        layer = nn.TransformerEncoderLayer(
            widths[-1],
            heads,
            dim_feedforward=4 * widths[-1],
            dropout=dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.transformer = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps of every level, from fine to coarse; the coarsest as the transformer leaves it."""
        maps = super().encode(x)
        coarse = maps[-1]
        tokens = coarse.flatten(2).transpose(1, 2)
        positions = position_code(coarse.shape[2:], coarse.shape[1]).to(coarse)
        seen = self.transformer(tokens + positions.flatten(1).T)
        return [*maps[:-1], seen.transpose(1, 2).reshape(coarse.shape)]


def position_code(space: torch.Size | tuple[int, ...], width: int) -> torch.Tensor:
    """(width, *space) sines and cosines of the place along each axis, an equal part for each."""
    n_waves = width // (2 * len(space))
    frequency = _LONGEST ** (-torch.arange(n_waves) / n_waves)
    parts: list[torch.Tensor] = []
    for axis, length in enumerate(space):
        phase = frequency[:, None] * torch.arange(length)
        waves = torch.cat([phase.sin(), phase.cos()])
        shape = [-1, *(length if a == axis else 1 for a in range(len(space)))]
        parts.append(waves.view(shape).expand(-1, *space))
    return torch.cat(parts)
