"""U-Net of residual blocks."""

from __future__ import annotations

from tumorboard.models.segmenters import Segmenter
from tumorboard.models.setting_types import Dropout
from tumorboard.models.u_shape import (
    Activation,
    Layers,
    Levels,
    Norm,
    UShape,
    ready,
    strided_levels,
)
from tumorboard.records import ArraySpec


class ResidualUnet(UShape, Segmenter):
    """U-Net whose levels down are residual blocks, halved by strided convolutions.

    Args:
        widths: Channels of each level, from fine to coarse.
        norm: After each convolution: over each map of a patch, over the batch, or over groups of
            up to 8 maps.
        activation: After each norm.
        dropout: Share of the values dropped after each convolution while training.

    Source:
        Zhang et al., IEEE Geoscience and Remote Sensing Letters 2018; levels up are plain, as in
        Isensee et al., arXiv:2404.09556 (residual encoder).
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
        levels = strided_levels(layers, spec.sizes[0], widths, is_residual=True)
        super().__init__(spec, n_outputs, n_dims, widths=widths, levels=levels, layers=layers)
        ready(self)
