"""Early and late fusion together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.guide_layers import NoteChannels, PooledOpinions
from tumorboard.models.guides import Context, Guide, MapShape
from tumorboard.models.presence import AbsentTokens, blank_absent, share_equally
from tumorboard.models.setting_types import Count, Dropout


class Hybrid(Fusion):
    """Early and late fusion together: a branch of all modalities joined beside one of each alone.

    Of vectors: a dense layer over the joined embeddings (early) stands beside the mean, over the
    modalities present, of a dense layer of each (late); the head is linear, so that the second part
    is the mean of the branches' own predictions. A learned vector stands for an absent modality in
    the first. In a segmenter: the further channels of `early` and the coarse masks of
    `late_average`, each with the same weight.

    Args:
        size: Units of each dense layer.
        dropout: Share of these units dropped while training; not used in a segmenter.
        channels: Of a segmenter: channels added to the image.

    Source:
        Early, late and hybrid fusion: Baltrusaitis et al., Multimodal machine learning, IEEE TPAMI
        2019;41(2):423-443.
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
        channels: Count = 4,
    ) -> None:
        super().__init__(names, sizes)
        self.output_size = 2 * size
        self.tokens = AbsentTokens(sizes)
        # The M flags tell an absent modality from its learned vector.
        self.joined = nn.Linear(sum(sizes) + len(sizes), size)
        self.branches = nn.ModuleList(nn.Linear(inputs, size) for inputs in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Join and average; no weights per modality, since both parts see all of them."""
        tokens = self.tokens(embeddings, present)
        early = self.joined(torch.cat([*tokens, present.to(tokens[0].dtype)], dim=1)).relu()
        alone = [
            branch(embedding).relu()
            for branch, embedding in zip(
                self.branches, blank_absent(embeddings, present), strict=True
            )
        ]
        late = (share_equally(present).unsqueeze(2) * torch.stack(alone, dim=1)).sum(dim=1)
        return Fused(self.dropout(torch.cat([early, late], dim=1)))

    @classmethod
    def extra_channels(cls, **settings: Any) -> int:
        """Channels drawn from the other modalities."""
        return int(settings["channels"])

    @classmethod
    def guide(
        cls, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, **settings: Any
    ) -> Guide:
        """Further channels of the image, and coarse masks averaged with its own."""
        return _HybridGuide(names, sizes, shape, n_channels=cls.extra_channels(**settings))


class _HybridGuide(Guide):
    def __init__(
        self, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, *, n_channels: int
    ) -> None:
        super().__init__(names, sizes, shape)
        self.drawn = NoteChannels(sizes, shape.n_axes, n_channels)
        self.pool = PooledOpinions(sizes, shape, torch.ones(1 + len(sizes)))

    def channels(self, context: Context, space: torch.Size | tuple[int, ...]) -> torch.Tensor:
        """What is drawn; zeros where a row has none of the modalities."""
        return self.drawn(context, space)

    def logits(self, logits: torch.Tensor, context: Context) -> torch.Tensor:
        """The average of the image's logits and of those of the modalities present."""
        return self.pool(logits, context)
