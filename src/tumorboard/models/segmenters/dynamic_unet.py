"""U-Net as nnU-Net configures it, with deep supervision."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tumorboard.models.segmenters import Segmenter
from tumorboard.models.setting_types import Count, Dropout
from tumorboard.models.u_shape import Activation, Layers, Norm, UShape, ready, strided_levels
from tumorboard.records import ArraySpec


class DynamicUnet(UShape, Segmenter):
    """U-Net after nnU-Net: width and depth give its levels; coarser levels are supervised as well.

    Args:
        width: Channels of the finest level; each further level has twice as many.
        depth: Number of levels.
        widest: Most channels of a level; nnU-Net has 320 for volumes and 512 for images.
        residual: Levels down are residual blocks.
        deep_supervision: While training, every level up but the coarsest has a mask of its own to
            find.
        norm: After each convolution: over each map of a patch, over the batch, or over groups of
            up to 8 maps.
        activation: After each norm.
        dropout: Share of the values dropped after each convolution while training.

    Source:
        Isensee et al., Nature Methods 2021; blocks of MONAI's DynUNet.
    """

    def __init__(
        self,
        spec: ArraySpec,
        n_outputs: int,
        n_dims: int,
        *,
        width: Count = 32,
        depth: Annotated[int, Field(ge=2)] = 5,
        widest: Count = 320,
        residual: bool = False,
        deep_supervision: bool = True,
        norm: Norm = "instance",
        activation: Activation = "leaky_relu",
        dropout: Dropout = 0.0,
    ) -> None:
        widths = tuple(min(width * 2**level, widest) for level in range(depth))
        layers = Layers(n_dims, norm, activation, dropout)
        super().__init__(
            spec,
            n_outputs,
            n_dims,
            widths=widths,
            levels=strided_levels(layers, spec.sizes[0], widths, is_residual=residual),
            layers=layers,
            n_supervised=max(depth - 3, 0) if deep_supervision else 0,
        )
        ready(self)
