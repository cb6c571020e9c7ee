"""Concatenation of embeddings, then dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.guide_layers import Summary, guided_maps, keep_alone, n_waves, waves, zero
from tumorboard.models.guides import Context, Guide, MapShape
from tumorboard.models.presence import AbsentTokens
from tumorboard.models.setting_types import Count, Dropout
from tumorboard.models.staged_learning import run_part

Norm = Literal["batch", "layer", "none"]


class Concatenation(Fusion):
    """Embeddings side by side, then dense layers; a learned vector stands for an absent modality.

    In a segmenter the vector so made stands beside the coarsest feature maps at each place, with
    the place's coordinates, and two 1x1 convolutions bring them back to their size.

    Args:
        widths: Units of each dense layer; none leaves the joined embeddings as they are.
        dropout: Share of units dropped after each dense layer while training.
        norm: Normalisation between a dense layer and its activation.
        maps: Of a segmenter: how many of the coarsest feature maps are joined with the vector.

    Source:
        Thorat & Kumar: concatenation of the image's and the clinical features, dense layers,
        output.
    """

    level = "feature"
    guides = True

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        widths: tuple[Count, ...] = (128,),
        dropout: Dropout = 0.2,
        norm: Norm = "none",
        maps: Count = 2,
    ) -> None:
        super().__init__(names, sizes)
        self.tokens = AbsentTokens(sizes)
        self.layers = _dense(sum(sizes), widths, dropout, norm)
        self.output_size = widths[-1] if widths else sum(sizes)

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Join and transform; no weights per modality."""
        return Fused(self.layers(torch.cat(self.tokens(embeddings, present), dim=1)))

    @classmethod
    def guide(
        cls, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, **settings: Any
    ) -> Guide:
        """The joined vector beside the coarsest maps."""
        return _ConcatenationGuide(names, sizes, shape, **settings)


class _ConcatenationGuide(Guide):
    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        shape: MapShape,
        *,
        widths: tuple[int, ...],
        dropout: float,
        norm: Norm,
        maps: int,
    ) -> None:
        super().__init__(names, sizes, shape)
        self.summary = Summary(sizes)
        self.layers = _dense(self.summary.output_size, widths, dropout, norm)
        size = widths[-1] if widths else self.summary.output_size
        self.guided = guided_maps(shape, maps)
        self.joins = nn.ModuleList(
            _JoinedPlaces(shape.sizes[i], size, shape.n_axes) for i in self.guided
        )

    def maps(self, maps: list[torch.Tensor], context: Context) -> list[torch.Tensor]:
        """The coarsest maps joined with the vector; the others as they are."""
        tokens = self.summary(context.vectors, context.present)
        vector = run_part(self.layers, lambda: self.layers(tokens), n_rows=len(tokens))
        joined = list(maps)
        for i, join in zip(self.guided, self.joins, strict=True):
            changed = join(maps[i], vector, context.coordinates(maps[i].shape[2:]))
            joined[i] = keep_alone(changed, maps[i], context)
        return joined


class _JoinedPlaces(nn.Module):
    """Two 1x1 convolutions over a map, a vector and coordinates; starts by changing nothing."""

    def __init__(self, n_maps: int, size: int, n_axes: int, hidden: int = 64) -> None:
        super().__init__()
        self.first = nn.Linear(n_maps + size + n_waves(n_axes), hidden)
        self.last = zero(nn.Linear(hidden, n_maps))

    def forward(
        self, own: torch.Tensor, vector: torch.Tensor, coordinates: torch.Tensor
    ) -> torch.Tensor:
        """(B, n_maps, *space) and what the vector adds to it."""
        places = torch.cat([own, waves(coordinates).to(own.dtype)], dim=1).flatten(2)
        spoken = vector.unsqueeze(1).expand(-1, places.shape[2], -1)
        joined = torch.cat([places.transpose(1, 2), spoken.to(own.dtype)], dim=2)
        added = self.last(F.gelu(self.first(joined)))
        return own + added.transpose(1, 2).unflatten(2, own.shape[2:])


def _dense(size: int, widths: Sequence[int], dropout: float, norm: Norm) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        # Batch norm takes the mean away, and a bias with it.
        layers.append(nn.Linear(size, width, bias=norm != "batch"))
        if norm != "none":
            layers.append(nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width))
        layers += [nn.ReLU(), nn.Dropout(dropout)]
        size = width
    return nn.Sequential(*layers)
