"""Attention between modalities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.presence import blank_absent, share_equally
from tumorboard.models.setting_types import Count, Dropout


class Attention(Fusion):
    """Every modality present attends to every other; the mean over those present is the result.

    The returned weights are the share of attention that each modality received, averaged over
    layers, heads and the modalities that asked. They say where the model looked, not what moved its
    answer.

    Args:
        size: Units of a token; a multiple of `heads`.
        heads: Attention heads.
        layers: Transformer layers.
        dropout: Share of units dropped after attention and in the dense layers while training.

    Source:
        Vaswani et al., Attention is all you need, NeurIPS 2017; normalised before each part (Xiong
        et al., ICML 2020), which trains without a warm-up.
    """

    level = "feature"

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        size: Count = 64,
        heads: Count = 4,
        layers: Count = 1,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(names, sizes)
        if size % heads:
            raise StudyError(
                f"attention.size: found {size} with {heads} heads, expected a multiple of heads."
            )
        self.output_size = size
        self.projections = nn.ModuleList(nn.Linear(inputs, size) for inputs in sizes)
        self.kinds = nn.Parameter(0.02 * torch.randn(len(names), size))
        self.layers = nn.ModuleList(_Layer(size, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(size)

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Tokens attend to each other; absent ones are neither asked nor averaged."""
        tokens = torch.stack(
            [
                layer(embedding) + kind
                for layer, embedding, kind in zip(
                    self.projections, blank_absent(embeddings, present), self.kinds, strict=True
                )
            ],
            dim=1,
        )
        mean = share_equally(present)
        received = torch.zeros_like(mean)
        for layer in self.layers:
            tokens, attention = layer(tokens, present)
            received = received + (mean.unsqueeze(2) * attention).sum(dim=1)
        vector = (mean.unsqueeze(2) * self.norm(tokens)).sum(dim=1)
        return Fused(vector, received / len(self.layers))


class _Layer(nn.Module):
    """Attention over the tokens present, then two dense layers, each added to its input."""

    def __init__(self, size: int, heads: int, dropout: Dropout) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        # No dropout on the attention itself: its shares are reported, and would no longer sum to 1.
        self.attention = nn.MultiheadAttention(size, heads, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Sequential(
            nn.LayerNorm(size),
            nn.Linear(size, 2 * size),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * size, size),
            nn.Dropout(dropout),
        )

    def forward(
        self, tokens: torch.Tensor, present: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (B, M, F) and attention (B, M, M), asking modality first."""
        normed = self.norm(tokens)
        attended, attention = self.attention(
            normed, normed, normed, key_padding_mask=~present, need_weights=True
        )
        tokens = tokens + self.dropout(attended)
        return tokens + self.dense(tokens), attention
