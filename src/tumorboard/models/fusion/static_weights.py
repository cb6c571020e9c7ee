"""Weighted sum with learned weights that are the same for every patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.guide_layers import (
    PlaceMaps,
    Projected,
    guided_maps,
    keep_alone,
    over_places,
    with_image,
)
from tumorboard.models.guides import Context, Guide, MapShape
from tumorboard.models.presence import blank_absent, share_learned
from tumorboard.models.setting_types import Count, Dropout

#: Score of the image before training: beside one other modality it starts with a share of 0.95.
_IMAGE_SCORE = 3.0


class StaticWeights(Fusion):
    """Weighted sum of the modalities present; the weights are learned, the same for all patients.

    Every projected embedding is normalised before it is weighed, so that a projection cannot undo
    its weight by growing; the weights are a softmax over the modalities that the patient has. Of
    vectors each is the weight of an embedding. In a segmenter the coarsest feature maps and, for
    each other modality, maps drawn from its embedding and the coordinates of each place are
    weighed; the image starts with nearly all of the weight, and has it all where it is alone.

    Args:
        size: Units that every embedding is projected to.
        dropout: Share of the projected units dropped while training; not used in a segmenter.
        maps: Of a segmenter: how many of the coarsest feature maps are joined.
    """

    level = "feature"
    guides = True

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        size: Count = 64,
        dropout: Dropout = 0.2,
        maps: Count = 2,
    ) -> None:
        super().__init__(names, sizes)
        self.output_size = size
        self.projections = nn.ModuleList(nn.Linear(inputs, size) for inputs in sizes)
        # Without a learned scale of its own, which would be a weight too.
        self.norm = nn.LayerNorm(size, elementwise_affine=False)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Parameter(torch.zeros(len(names)))

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Project, weigh over the modalities present, add."""
        shares = share_learned(self.scores.expand(len(present), -1), present)
        projected = [
            self.norm(layer(embedding))
            for layer, embedding in zip(
                self.projections, blank_absent(embeddings, present), strict=True
            )
        ]
        values = self.dropout(torch.stack(blank_absent(projected, present), dim=1))
        return Fused((shares.unsqueeze(2) * values).sum(dim=1), shares)

    @classmethod
    def guide(
        cls, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, **settings: Any
    ) -> Guide:
        """Weighted sum of the coarsest maps and of what the others draw."""
        own = {key: settings[key] for key in ("size", "maps")}
        return _StaticGuide(names, sizes, shape, **own)


class _StaticGuide(Guide):
    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        shape: MapShape,
        *,
        size: int,
        maps: int,
    ) -> None:
        super().__init__(names, sizes, shape)
        self.projected = Projected(sizes, size)
        self.guided = guided_maps(shape, maps)
        self.drawn = nn.ModuleList(
            PlaceMaps(size, shape.n_axes, shape.sizes[i], starts_at_zero=False)
            for i in self.guided
            for _ in names
        )
        self.scores = nn.Parameter(torch.tensor([_IMAGE_SCORE, *[0.0] * len(names)]))
        self._shares: torch.Tensor | None = None

    def maps(self, maps: list[torch.Tensor], context: Context) -> list[torch.Tensor]:
        """The coarsest maps as weighted sums; the others as they are."""
        present = with_image(context.present)
        shares = share_learned(self.scores.expand(len(present), -1), present)
        self._shares = shares.detach()
        tokens = self.projected(context.vectors, context.present)
        changed = list(maps)
        for place, i in enumerate(self.guided):
            total = over_places(shares[:, 0], maps[i]) * maps[i]
            for m, token in enumerate(tokens):
                own = cast("PlaceMaps", self.drawn[place * len(tokens) + m])
                drawn = own.over(token, context, maps[i].shape[2:])
                loud = F.layer_norm(drawn.movedim(1, -1), (drawn.shape[1],)).movedim(-1, 1)
                total = total + over_places(shares[:, m + 1], maps[i]) * loud
            changed[i] = keep_alone(total, maps[i], context)
        return changed

    def shares(self) -> torch.Tensor | None:
        """Weights of the last batch."""
        return self._shares
