"""Early fusion: the modalities' own vectors joined before any encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch

from tumorboard.models.encoders.mlp import Mlp
from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.guide_layers import NoteChannels
from tumorboard.models.guides import Context, Guide, MapShape
from tumorboard.models.presence import AbsentTokens
from tumorboard.models.setting_types import Count, Dropout, Widths
from tumorboard.records import ArraySpec


class Early(Fusion):
    """Vectors joined before any encoder, then one multilayer perceptron for all of them.

    The perceptron also sees which modalities are present; a learned vector stands for an absent
    one.

    In a segmenter the other modalities' embeddings become further channels of the image: a
    perceptron of the embeddings and of each place's coordinates draws them, so that a word of place
    can become a map of that place. `widths`, `dropout` and `norm` are not used there.

    Args:
        widths: Units of each dense layer.
        dropout: Share of units dropped after each layer while training.
        norm: Normalisation between a layer and its activation.
        channels: Of a segmenter: channels added to the image.
    """

    level = "input"
    guides = True

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        widths: Widths = (64, 32, 16),
        dropout: Dropout = 0.2,
        norm: Literal["batch", "layer", "none"] = "batch",
        channels: Count = 4,
    ) -> None:
        super().__init__(names, sizes)
        self.tokens = AbsentTokens(sizes)
        spec = ArraySpec("vector", (sum(sizes) + len(names),))
        self.layers = Mlp(spec, widths=widths, dropout=dropout, norm=norm)
        self.output_size = self.layers.output_size

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Join vectors and flags of presence, and transform them."""
        vectors = self.tokens(embeddings, present)
        return Fused(self.layers(torch.cat([*vectors, present.to(vectors[0].dtype)], dim=1)))

    @classmethod
    def extra_channels(cls, **settings: Any) -> int:
        """Channels drawn from the other modalities."""
        return int(settings["channels"])

    @classmethod
    def guide(
        cls, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, **settings: Any
    ) -> Guide:
        """Further channels of the image."""
        return _EarlyGuide(names, sizes, shape, n_channels=cls.extra_channels(**settings))


class _EarlyGuide(Guide):
    def __init__(
        self, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, *, n_channels: int
    ) -> None:
        super().__init__(names, sizes, shape)
        self.drawn = NoteChannels(sizes, shape.n_axes, n_channels)

    def channels(self, context: Context, space: torch.Size | tuple[int, ...]) -> torch.Tensor:
        """What is drawn; zeros where a row has none of the modalities."""
        return self.drawn(context, space)
