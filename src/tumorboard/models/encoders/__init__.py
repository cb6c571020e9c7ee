"""One file per encoder: array -> embedding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn

from tumorboard.records import ArraySpec, Layout, Structure


@dataclass(frozen=True)
class Tokens:
    """Parts of what an encoder read, for whoever attends to them one by one.

    Args:
        values: (B, T, output_size).
        mask: (B, T) True where there is a token; at least one per row.
    """

    values: torch.Tensor
    mask: torch.Tensor


class Encoder(nn.Module, ABC):
    """Array of one modality -> embedding (B, output_size).

    `__init__(spec, *, ...)`: the `ArraySpec` is the first argument, keyword-only arguments are the
    configuration. A subclass sets `output_size`. It never loads weights while it is built, so that
    a saved model opens without them; `load_pretrained` does, when training starts.
    """

    layouts: ClassVar[frozenset[Layout]]
    #: What its modality must have learned of the training patients besides the arrays.
    needs: ClassVar[frozenset[Structure]] = frozenset()
    output_size: int
    #: The learning rate of a stage is multiplied by this once for every stage above it.
    learning_rate_decay: float = 1.0
    #: Unfreeze one more stage, from the last to the first, every so many epochs; 0 all at once.
    unfreeze_every: int = 0
    #: Epochs before the first stage is unfrozen; "same" means as many as between two stages.
    frozen_epochs: int | Literal["same"] = "same"
    #: How the linear head right after this encoder starts: torch's uniform draw, or He's normal.
    head_init: Literal["uniform", "he"] = "uniform"
    #: Whether what is slow is done once per patient, not once per epoch: its embeddings are kept.
    keeps_embeddings: bool = False
    #: What `left_out` counts, and the setting that decides how many are read.
    reads: ClassVar[tuple[str, str]] = ("words", "max_words")

    def __init__(self, spec: ArraySpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed a batch (B, *spec.sizes) of finished arrays as (B, output_size)."""

    def read(self, x: torch.Tensor) -> tuple[torch.Tensor, Tokens]:
        """The embedding (B, output_size) and the tokens that it was made of.

        By default the embedding is the only token; encoders of text give one per word.
        """
        embedding = self(x)
        mask = torch.ones(len(embedding), 1, dtype=torch.bool, device=embedding.device)
        return embedding, Tokens(embedding.unsqueeze(1), mask)

    def left_out(self, texts: Sequence[str]) -> tuple[int, ...]:
        """Words or tokens of each text that are not read; by default there are none."""
        return (0,) * len(texts)

    def files(self) -> Mapping[str, bytes]:
        """Small files that it is built from beside its settings; a saved model keeps them.

        When the model is opened, they are in `ArraySpec.files`.
        """
        return {}

    def stages(self) -> list[nn.Module]:
        """Parts from input to output, for staged unfreezing and layer-wise learning rates."""
        return [self]

    def n_trained(self, epoch: int) -> int:
        """Stages that are trained, counted from the last, after `epoch` epochs are finished."""
        frozen = self.unfreeze_every if self.frozen_epochs == "same" else self.frozen_epochs
        if epoch < frozen:
            return 0
        n_stages = len(self.stages())
        if not self.unfreeze_every:
            return n_stages
        return min(n_stages, 1 + (epoch - frozen) // self.unfreeze_every)

    def map_layer(self) -> nn.Module | None:
        """The last part whose output (B, F, *space) still has a place for each part of the input.

        What class activation maps look at; None for an encoder without such maps.
        """
        return None

    def load_pretrained(self) -> None:
        """Take up the weights that the configuration names; nothing by default.

        Raises:
            InputError: The file is absent, damaged or has other keys; nothing is loaded loosely.
        """
