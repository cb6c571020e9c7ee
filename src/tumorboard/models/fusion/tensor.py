"""Outer product of embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.presence import blank_absent
from tumorboard.models.setting_types import Count, Dropout

#: Products of units beyond which the dense layer after them would hold more than a network.
_MOST_PRODUCTS = 200_000


class Tensor(Fusion):
    """Outer (Kronecker) product of embeddings, each with a 1 appended, then a dense layer.

    The product holds every embedding alone, every pair and so on. Of an absent modality only the 1
    is left, so that what remains is the product of the others. Its size grows as (units + 1) to the
    power of the number of modalities.

    Args:
        units: Units that every embedding is reduced to before the product.
        gated: Multiply these units by gates that see all modalities, before the product.
        size: Units of the dense layer after it.
        dropout: Share of these units, and of the reduced ones, dropped while training.

    Source:
        Zadeh et al., Tensor fusion network, EMNLP 2017, equation 2; gates: Chen et al., Pathomic
        fusion, IEEE TMI 2020, equation 3 (here without its bilinear form).
    """

    level = "feature"

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        units: Count = 16,
        gated: bool = True,
        size: Count = 64,
        dropout: Dropout = 0.25,
    ) -> None:
        super().__init__(names, sizes)
        n_products = (units + 1) ** len(names)
        if n_products > _MOST_PRODUCTS:
            most = math.floor(_MOST_PRODUCTS ** (1 / len(names))) - 1
            raise StudyError(
                f"tensor.units: {units} units of {len(names)} modalities make {n_products:,} "
                f"products, expected at most {_MOST_PRODUCTS:,}. Choose at most {most} units, or "
                "another fusion."
            )
        self.output_size = size
        self.reduce = nn.ModuleList(nn.Linear(inputs, units) for inputs in sizes)
        self.gates = (
            nn.ModuleList(nn.Linear(sum(sizes) + len(sizes), units) for _ in sizes)
            if gated
            else None
        )
        self.units_dropout = nn.Dropout(dropout)
        self.dense = nn.Sequential(nn.Linear(n_products, size), nn.ReLU(), nn.Dropout(dropout))

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Reduce, gate, multiply, and transform; no weights per modality."""
        blanked = blank_absent(embeddings, present)
        # tanh, not a ReLU as published: a unit that is 0 for all patients silences all its products
        units = [torch.tanh(layer(e)) for layer, e in zip(self.reduce, blanked, strict=True)]
        if self.gates is not None:
            # The flags tell the gates an absent modality from an embedding of zeros.
            seen = torch.cat([*blanked, present.to(blanked[0].dtype)], dim=1)
            gates = [gate(seen).sigmoid() for gate in self.gates]
            units = [own * gate for own, gate in zip(units, gates, strict=True)]
        units = blank_absent([self.units_dropout(own) for own in units], present)
        product = units[0].new_ones(len(present), 1)
        for own in units:
            with_one = torch.cat([own, own.new_ones(len(own), 1)], dim=1)
            product = (product.unsqueeze(2) * with_one.unsqueeze(1)).flatten(1)
        return Fused(self.dense(product))
