"""Feature vectors as they are."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Dropout
from tumorboard.records import ArraySpec, Layout


class Identity(Encoder):
    """Feature vectors as they are: the layers that follow the fusion see the columns themselves.

    Such as a record of 18 columns beside the 4,096 features of `fmcib`, 4,114 together.

    Args:
        dropout: Share of the values dropped while training.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"vector"})

    def __init__(self, spec: ArraySpec, *, dropout: Dropout = 0.0) -> None:
        super().__init__(spec)
        self.dropout = nn.Dropout(dropout)
        (self.output_size,) = spec.sizes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) as it came."""
        return self.dropout(x)
