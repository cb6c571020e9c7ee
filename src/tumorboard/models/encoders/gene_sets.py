"""One token per gene set."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Count, Dropout, WholeNumber
from tumorboard.records import ArraySpec, Layout, Structure


class GeneSets(Encoder):
    """One token per gene set (pathway): a weighted sum of its members, then attention over sets.

    A gene in several sets has weights of its own in each; genes in none are not seen.

    Args:
        width: Units of a token; a multiple of `heads`.
        layers: Transformer layers in which sets attend to each other; 0 for none.
        heads: Attention heads of these layers.
        pool: `attention` (shares that the tokens earn) or `mean`.
        size: Units of the embedding.
        dropout: Share of units dropped while training.

    Source:
        Elmarakeby et al., Biologically informed deep neural network, Nature 2021 (weights only
        between a gene and its pathways); tokens of pathways: Jaume et al., SurvPath, CVPR 2024.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"vector"})
    needs: ClassVar[frozenset[Structure]] = frozenset({"groups"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        width: Count = 32,
        layers: WholeNumber = 1,
        heads: Count = 4,
        pool: Literal["attention", "mean"] = "attention",
        size: Count = 64,
        dropout: Dropout = 0.2,
    ) -> None:
        super().__init__(spec)
        if width % heads:
            raise StudyError(
                f"gene_sets.width: found {width} with {heads} heads, expected a multiple of heads."
            )
        groups = {name: members for name, members in spec.groups.items() if len(members)}
        if not groups:
            raise StudyError(
                "gene_sets: this modality gives no gene sets with any of its genes. Name a file "
                'of sets in the modality (gene_sets = "sets.gmt"), or choose the encoder mlp.'
            )
        self.names = tuple(groups)
        sizes = np.array([len(members) for members in groups.values()])
        self.members: torch.Tensor
        self.start: torch.Tensor
        # Not saved with the weights: they follow from the modality's state.
        members = torch.from_numpy(np.concatenate(list(groups.values())).astype(np.int64))
        self.register_buffer("members", members, persistent=False)
        start = torch.from_numpy(np.concatenate([[0], sizes.cumsum()]).astype(np.int64))
        self.register_buffer("start", start, persistent=False)
        # One row per member and set: variance 1 / members, so that large sets are not louder.
        scale = torch.from_numpy(1 / np.sqrt(sizes.repeat(sizes))).float().unsqueeze(1)
        self.weight = nn.Parameter(scale * torch.randn(len(members), width))
        self.kinds = nn.Parameter(0.02 * torch.randn(len(groups), width))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width,
                heads,
                dim_feedforward=2 * width,
                dropout=dropout,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1, bias=False) if pool == "attention" else None
        self.project = nn.Linear(width, size)
        self.output_size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, genes) as (B, size)."""
        return self.with_attention(x)[0]

    def with_attention(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embedding (B, size), and how much each set counts (B, sets), in the order of `names`."""
        tokens = self.dropout(F.gelu(self._sums(x) + self.kinds))
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.norm(tokens)
        if self.score is None:
            shares = tokens.new_full(tokens.shape[:2], 1 / tokens.shape[1])
        else:
            shares = self.score(tokens).squeeze(2).softmax(dim=1)
        return self.project((shares.unsqueeze(2) * tokens).sum(dim=1)), shares

    def _sums(self, x: torch.Tensor) -> torch.Tensor:
        """(B, sets, width) sums of each set's members times their weights."""
        rows = torch.arange(len(self.members), device=x.device)
        # bfloat16 would round the genes before thousands of them are added
        with torch.autocast(x.device.type, enabled=False):
            return torch.stack([
                F.embedding_bag(
                    rows,
                    self.weight,
                    self.start,
                    mode="sum",
                    include_last_offset=True,
                    per_sample_weights=values,
                )
                for values in x.to(self.weight.dtype)[:, self.members]
            ])  # fmt: skip
