"""Attention with a gate per case: what is heard of whom depends on the patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Tokens
from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.guide_layers import (
    Summary,
    guided_maps,
    keep_alone,
    n_waves,
    waves,
    with_image,
    zero,
)
from tumorboard.models.guides import Context, Guide, MapShape
from tumorboard.models.presence import blank_absent, share_learned
from tumorboard.models.setting_types import Count, Dropout


class DynamicAttention(Fusion):
    """Attention among the modalities present, and a gate that weighs them anew for each patient.

    Of vectors: each projected embedding hears those present (one attention layer), then a gate that
    sees all of them gives each a weight, and they are added up. In a segmenter each place of the
    coarsest feature maps, with its coordinates, asks the tokens of the other modalities (the words
    of a note), or nobody; a gate that sees the image's pooled features and the embeddings says how
    much of each modality is added.

    Args:
        size: Units that embeddings and tokens are projected to; a multiple of `heads`.
        heads: Attention heads.
        dropout: Share of what was heard that is dropped while training; `auto` is 0.2 of vectors
            and nothing in a segmenter, whose places began to listen later with it, or not at all.
        maps: Of a segmenter: how many of the coarsest feature maps ask.

    Source:
        Attention: Vaswani et al., NeurIPS 2017. A gate per case: Arevalo et al., Gated multimodal
        units, ICLR workshop 2017.
    """

    level = "feature"
    guides = True

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        size: Count = 64,
        heads: Count = 4,
        dropout: Dropout | Literal["auto"] = "auto",
        maps: Count = 2,
    ) -> None:
        super().__init__(names, sizes)
        _check(size, heads)
        self.output_size = size
        self.projections = nn.ModuleList(nn.Linear(inputs, size) for inputs in sizes)
        self.norm = nn.LayerNorm(size)
        dropout = 0.2 if dropout == "auto" else dropout
        self.attention = nn.MultiheadAttention(size, heads, dropout=dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        if len(names) > 1:
            # The M flags tell the gate an absent modality from a projection of zeros.
            self.gate = nn.Linear(len(names) * (size + 1), len(names))

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Project, hear, weigh, add."""
        projected = [
            self.norm(layer(embedding))
            for layer, embedding in zip(
                self.projections, blank_absent(embeddings, present), strict=True
            )
        ]
        tokens = torch.stack(blank_absent(projected, present), dim=1)
        heard, _ = self.attention(
            tokens, tokens, tokens, key_padding_mask=~present, need_weights=False
        )
        told = tokens + self.dropout(heard)
        told = torch.where(present.unsqueeze(2), told, torch.zeros_like(told))
        scores = torch.zeros_like(present, dtype=told.dtype)
        if len(self.names) > 1:
            scores = self.gate(torch.cat([told.flatten(1), present.to(told.dtype)], dim=1))
        shares = share_learned(scores, present)
        return Fused((shares.unsqueeze(2) * told).sum(dim=1), shares)

    @classmethod
    def guide(
        cls, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, **settings: Any
    ) -> Guide:
        """Places of the coarsest maps ask the tokens."""
        _check(settings["size"], settings["heads"])
        return _AttentionGuide(names, sizes, shape, **settings)


class _AttentionGuide(Guide):
    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        shape: MapShape,
        *,
        size: int,
        heads: int,
        dropout: float | Literal["auto"],
        maps: int,
    ) -> None:
        super().__init__(names, sizes, shape)
        self.summary = Summary(sizes, size)
        self.tokens = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, size), nn.LayerNorm(size)) for inputs in sizes
        )
        self.guided = guided_maps(shape, maps)
        share = 0.0 if dropout == "auto" else dropout
        self.listeners = nn.ModuleList(
            _Listener(shape.sizes[i], shape.n_axes, size, heads, share) for i in self.guided
        )
        coarsest, n_others = shape.sizes[-1], len(names)
        # The M flags tell the gate an absent modality from its learned vector.
        self.gate = nn.Sequential(
            nn.Linear(coarsest + self.summary.output_size + n_others, size),
            nn.GELU(),
            zero(nn.Linear(size, 1 + n_others)),
        )
        self._shares: torch.Tensor | None = None

    def maps(self, maps: list[torch.Tensor], context: Context) -> list[torch.Tensor]:
        """The coarsest maps with what they heard; the others as they are."""
        shares = self._weigh(maps[-1], context)
        tokens = [
            (layer(_blanked(own, context.present[:, m])), own.mask)
            for m, (layer, own) in enumerate(zip(self.tokens, context.tokens, strict=True))
        ]
        changed = list(maps)
        for i, module in zip(self.guided, self.listeners, strict=True):
            listener = cast("_Listener", module)
            coordinates = context.coordinates(maps[i].shape[2:])
            told = listener(maps[i], coordinates, tokens, shares[:, 1:])
            changed[i] = keep_alone(maps[i] + told, maps[i], context)
        return changed

    def shares(self) -> torch.Tensor | None:
        """Gates of the last batch."""
        return self._shares

    def _weigh(self, coarsest: torch.Tensor, context: Context) -> torch.Tensor:
        """(B, 1 + M) gate of the image and of each other modality."""
        present = context.present
        pooled = coarsest.flatten(2).mean(dim=2)
        vectors = self.summary(context.vectors, present)
        seen = torch.cat([pooled, vectors, present.to(pooled.dtype)], dim=1)
        shares = share_learned(self.gate(seen), with_image(present))
        self._shares = shares.detach()
        return shares


class _Listener(nn.Module):
    """Places of one map ask the tokens of each modality, or nobody; starts by hearing nothing."""

    def __init__(self, n_maps: int, n_axes: int, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.norm = nn.LayerNorm(n_maps)
        self.queries = nn.Linear(n_maps + n_waves(n_axes), size)
        self.keys = nn.Linear(size, size, bias=False)
        self.values = nn.Linear(size, size)
        # A token that says nothing. Without it each place would hear the whole of a note that is a
        # single token, wherever the place is.
        self.nobody = nn.Parameter(torch.zeros(1, 1, size))
        self.told = zero(nn.Linear(size, n_maps))

    def forward(
        self,
        maps: torch.Tensor,
        coordinates: torch.Tensor,
        tokens: Sequence[tuple[torch.Tensor, torch.Tensor]],
        shares: torch.Tensor,
    ) -> torch.Tensor:
        """(B, n_maps, *space) to add; shares (B, M) multiply what is heard of each modality."""
        own = self.norm(maps.flatten(2).transpose(1, 2))
        places = waves(coordinates).flatten(2).transpose(1, 2).to(own.dtype)
        queries = self._split(self.queries(torch.cat([own, places], dim=2)))
        heard = torch.zeros_like(queries)
        for m, (values, mask) in enumerate(tokens):
            share = shares[:, m].view(-1, 1, 1, 1)
            heard = heard + share * self._hear(queries, values, mask)
        told = self.told(self.dropout(heard.transpose(1, 2).flatten(2)))
        return told.transpose(1, 2).unflatten(2, maps.shape[2:])

    def _hear(
        self, queries: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        nobody = self.nobody.expand(len(tokens), -1, -1).to(tokens.dtype)
        keys = self._split(torch.cat([nobody, self.keys(tokens)], dim=1))
        values = self.values(tokens)
        values = self._split(torch.cat([torch.zeros_like(values[:, :1]), values], dim=1))
        may_hear = torch.cat([mask.new_ones(len(mask), 1), mask], dim=1)[:, None, None]
        return F.scaled_dot_product_attention(
            queries, keys.to(queries.dtype), values.to(queries.dtype), attn_mask=may_hear
        )

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


def _blanked(tokens: Tokens, present: torch.Tensor) -> torch.Tensor:
    return torch.where(present.view(-1, 1, 1), tokens.values, torch.zeros_like(tokens.values))


def _check(size: int, heads: int) -> None:
    if size % heads:
        raise StudyError(
            f"dynamic_attention.size: found {size} with {heads} heads, expected a multiple of "
            "heads."
        )
