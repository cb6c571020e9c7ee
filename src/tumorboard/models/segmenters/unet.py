"""U-Net for images and volumes."""

from __future__ import annotations

from tumorboard.models.segmenters import Segmenter
from tumorboard.models.setting_types import Dropout
from tumorboard.models.u_shape import Activation, Layers, Levels, Norm, UShape, plain_levels, ready
from tumorboard.records import ArraySpec


class Unet(UShape, Segmenter):
    """U-Net: convolutions and pooling down, transposed convolutions up, finer maps beside them.

    Args:
        widths: Channels of each level, from fine to coarse.
        norm: After each convolution: over each map of a patch, over the batch, or over groups of
            up to 8 maps.
        activation: After each norm.
        dropout: Share of the values dropped after each convolution while training.

    Source:
        Ronneberger et al., MICCAI 2015; Cicek et al., MICCAI 2016 (3D). With padding, so that the
        mask has the size of the image, and with norms.
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
        ready(self)
