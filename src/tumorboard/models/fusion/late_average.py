"""Late fusion: the mean of the modalities' own predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.guide_layers import PooledOpinions
from tumorboard.models.guides import Context, Guide, MapShape
from tumorboard.models.presence import blank_absent, checked_weights, share_fixed
from tumorboard.models.setting_types import Positive


class LateAverage(Fusion):
    """Late fusion: mean of the predictions of the modalities present, each with a head of its own.

    In a segmenter each other modality predicts a coarse mask from its embedding and the coordinates
    of each place. The logits are averaged with the weights and divided by the image's weight (a
    logarithmic opinion pool), so that those of the image alone stay as they are.

    Args:
        weights: `equal` or `fixed`.
        fixed: Weight of each modality for `fixed`; always renormalised over those present.

    Source:
        Logarithmic opinion pool: Genest and Zidek, Statistical Science 1986;1(1):114-135.
    """

    level = "decision"
    guides = True

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        weights: Literal["equal", "fixed"] = "equal",
        fixed: Mapping[str, Positive] = {},
    ) -> None:
        super().__init__(names, sizes)
        self.output_size = sizes[0]
        self.fixed: torch.Tensor
        # Not saved with the weights: they are in the study's settings already.
        self.register_buffer(
            "fixed", checked_weights(fixed, names, is_used=weights == "fixed"), persistent=False
        )

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Average the predictions (B, K) of the modalities present."""
        shares = share_fixed(self.fixed, present)
        values = torch.stack(blank_absent(embeddings, present), dim=1)
        return Fused((shares.unsqueeze(2) * values).sum(dim=1), shares)

    @classmethod
    def guide(
        cls, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, **settings: Any
    ) -> Guide:
        """A coarse mask of each other modality, averaged with the image's."""
        weights = _weights_of_guide(names, **settings)
        return _LateGuide(names, sizes, shape, weights=weights)


class _LateGuide(Guide):
    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        shape: MapShape,
        *,
        weights: torch.Tensor,
    ) -> None:
        super().__init__(names, sizes, shape)
        self.pool = PooledOpinions(sizes, shape, weights)

    def logits(self, logits: torch.Tensor, context: Context) -> torch.Tensor:
        """The average of the image's logits and of those of the modalities present."""
        return self.pool(logits, context)

    def shares(self) -> torch.Tensor | None:
        """Weights of the last batch."""
        return self.pool.shares


def _weights_of_guide(
    names: tuple[str, ...], *, weights: str, fixed: Mapping[str, float]
) -> torch.Tensor:
    """Weights of the image, then of each other modality."""
    # A guide does not know the image's name: it is the one weight that no other modality has.
    image = next((name for name in fixed if name not in names), "the image")
    return checked_weights(fixed, (image, *names), is_used=weights == "fixed")
