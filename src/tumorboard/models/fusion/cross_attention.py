"""Attention among modalities before they are joined."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.presence import AbsentTokens, blank_absent, share_equally
from tumorboard.models.setting_types import Count, Dropout


class CrossAttention(Fusion):
    """Each modality asks the others, then all stand side by side; mask tokens for absent ones.

    A modality's token is updated with what it heard from the other modalities present, never from
    itself; one that is absent is a learned mask token, which asks as well and is never heard. Where
    nobody else is present nothing is heard. `attention` averages tokens over those present instead.

    The returned weights are the share of attention that each modality present received, averaged
    over heads and those who asked, and divided by their sum over those present; all the same where
    only one is present.

    Args:
        size: Units of a token; a multiple of `heads`.
        heads: Attention heads.
        dropout: Share of what was heard, and of the joined units, dropped while training.

    Source:
        Balaji et al.: cross-modal attention before concatenation. Queries of one modality, keys and
        values of the others: Tsai et al., Multimodal transformer, ACL 2019.
    """

    level = "feature"

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        size: Count = 64,
        heads: Count = 4,
        dropout: Dropout = 0.3,
    ) -> None:
        super().__init__(names, sizes)
        if size % heads:
            raise StudyError(
                f"cross_attention.size: found {size} with {heads} heads, expected a multiple of "
                "heads."
            )
        self.output_size = size * len(names)
        self.heads = heads
        self.projections = nn.ModuleList(nn.Linear(inputs, size) for inputs in sizes)
        self.masks = AbsentTokens((size,) * len(names))
        self.kinds = nn.Parameter(0.02 * torch.randn(len(names), size))
        self.norm = nn.LayerNorm(size)
        if len(names) > 1:
            # A bias of keys would move every score of one who asks alike; biases of what is heard
            # would be heard where nobody is present.
            self.queries = nn.Linear(size, size)
            self.keys = nn.Linear(size, size, bias=False)
            self.values = nn.Linear(size, size, bias=False)
            self.heard = nn.Linear(size, size, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.LayerNorm(size)

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Tokens ask each other and are joined."""
        blanked = blank_absent(embeddings, present)
        projected = [layer(e) for layer, e in zip(self.projections, blanked, strict=True)]
        tokens = torch.stack(self.masks(projected, present), dim=1) + self.kinds
        shares = share_equally(present)
        if len(self.names) > 1:
            heard, attention = self._listen(self.norm(tokens), present)
            tokens = tokens + self.dropout(heard)
            shares = _received(attention, present)
        return Fused(self.dropout(self.last(tokens)).flatten(1), shares)

    def _listen(
        self, tokens: torch.Tensor, present: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What each heard (B, M, size), and whom it listened to (B, asking M, asked M)."""
        queries, keys, values = (
            layer(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.queries, self.keys, self.values)
        )
        itself = torch.eye(len(self.names), dtype=torch.bool, device=present.device)
        may_hear = (present.unsqueeze(1) & ~itself).unsqueeze(1)
        scores = queries @ keys.transpose(2, 3) / queries.shape[3] ** 0.5
        # Where nobody may be heard any finite score will do: the product makes its share 0.
        scores = scores.masked_fill(~may_hear, torch.finfo(scores.dtype).min)
        attention = scores.softmax(dim=3) * may_hear
        heard = (attention @ values).transpose(1, 2).flatten(2)
        return self.heard(heard), attention.mean(dim=1)


def _received(attention: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """(B, M) attention that each modality received of the others present, summing to 1."""
    received = (attention * present.unsqueeze(2)).sum(dim=1)
    total = received.sum(dim=1, keepdim=True)
    is_alone = total <= 0
    return torch.where(is_alone, share_equally(present), received / total.masked_fill(is_alone, 1))
