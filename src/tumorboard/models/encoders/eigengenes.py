"""Eigengenes of co-expression modules."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.encoders.mlp import Mlp
from tumorboard.models.setting_types import Dropout, Widths
from tumorboard.records import ArraySpec, Layout, Structure


class Eigengenes(Encoder):
    """Eigengenes of co-expression modules found on training patients, then a perceptron of them.

    The projection of genes to eigengenes is fixed; only the dense layers are trained.

    Args:
        widths: Units of each dense layer; the last is the size of the embedding.
        dropout: Share of units dropped after each layer while training.
        norm: Normalisation between a layer and its activation.

    Source:
        Langfelder and Horvath, Eigengene networks, BMC Systems Biology 2007; as an input beside
        images: Ning et al., 2020.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"vector"})
    needs: ClassVar[frozenset[Structure]] = frozenset({"projections"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        widths: Widths = (32, 16),
        dropout: Dropout = 0.2,
        norm: Literal["batch", "layer", "none"] = "batch",
    ) -> None:
        super().__init__(spec)
        if spec.projections is None or not len(spec.projections):
            raise StudyError(
                "eigengenes: this modality gives no co-expression modules. Choose a modality that "
                "does (expression), or the encoder mlp."
            )
        self.projections: torch.Tensor
        # Not saved with the weights: they are in the modality's state.
        projections = torch.from_numpy(spec.projections).float()
        self.register_buffer("projections", projections, persistent=False)
        eigengenes = ArraySpec("vector", (len(projections),))
        self.layers: nn.Module = Mlp(eigengenes, widths=widths, dropout=dropout, norm=norm)
        self.output_size = widths[-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, genes) as (B, widths[-1])."""
        # bfloat16 would round the genes before thousands of them are added
        with torch.autocast(x.device.type, enabled=False):
            eigengenes = x.to(self.projections.dtype) @ self.projections.T
        return self.layers(eigengenes)
