"""One file per fusion: the modalities that are present -> one vector, or one output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.guides import Guide, MapShape

Level = Literal["input", "feature", "decision"]


@dataclass(frozen=True)
class Fused:
    """What a fusion made of a batch.

    Args:
        vector: (B, output_size) for `feature` and `input`; (B, K) combined predictions for
            `decision`.
        weights: (B, M) share of each modality, summing to 1 over those present, where the fusion
            has such weights; else None.
    """

    vector: torch.Tensor
    weights: torch.Tensor | None = None


class Fusion(nn.Module, ABC):
    """Embeddings of any non-empty subset of modalities -> one vector.

    `__init__(names, sizes, *, ...)`: modality names and their embedding sizes come first,
    keyword-only arguments are the configuration. A subclass sets `output_size` (unused at the
    decision level, where `sizes` are the number of outputs of each modality's own head).
    """

    level: ClassVar[Level]
    #: Whether it can also join other modalities into a segmenter; see `guide`.
    guides: ClassVar[bool] = False
    output_size: int

    def __init__(self, names: tuple[str, ...], sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.names = names
        self.sizes = sizes

    @abstractmethod
    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Fuse a batch.

        Args:
            embeddings: One (B, F_m) per modality in the order of `names`; rows of absent modalities
                hold arbitrary finite numbers that must not reach the output. At the `input` level
                they are the modalities' own vectors, at the `decision` level predictions
                (probabilities).
            present: (B, M) boolean, at least one True per row.
        """

    @classmethod
    def extra_channels(cls, **settings: Any) -> int:
        """Channels that its guide adds to the image of a segmenter; none by default."""
        return 0

    @classmethod
    def guide(
        cls, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, **settings: Any
    ) -> Guide:
        """What joins other modalities into a segmenter, with the settings of `__init__`.

        Args:
            names: The other modalities, without the one that is segmented.
            sizes: Size of the embedding, and of each token, of each of them.
            shape: The feature maps.
            settings: Keyword arguments of `__init__`, every default filled in.

        Raises:
            StudyError: This fusion joins vectors alone.
        """
        raise StudyError(f"fusion: {cls.__name__} joins vectors, not the maps of a segmenter.")
