"""Transformer over visits."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Count, Dropout
from tumorboard.models.visits import check_tokens, present_and_filled
from tumorboard.records import ArraySpec, Layout


class Transformer(Encoder):
    """Transformer over visits, which differ by their times, not by their places.

    The last feature of a visit is its time (days before the index date, standardised); waves of it
    are added as a position would be. Visits that did not happen (NaN) are not looked at; their
    order changes nothing.

    Args:
        width: Units of a token; even, a multiple of `heads`, and the size of the embedding.
        depth: Transformer layers.
        heads: Attention heads.
        pool: `attention` (shares that the visits earn) or `mean`.
        dropout: Share of units dropped while training.

    Source:
        Vaswani et al., NeurIPS 2017, section 3.5 for the waves, here of continuous time with
        learned frequencies: Kazemi et al., Time2Vec, arXiv:1907.05321.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"tokens"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        width: Count = 64,
        depth: Count = 2,
        heads: Count = 4,
        pool: Literal["attention", "mean"] = "attention",
        dropout: Dropout = 0.2,
    ) -> None:
        super().__init__(spec)
        check_tokens(spec, where="transformer")
        if width % heads or width % 2:
            raise StudyError(
                f"transformer.width: found {width} with {heads} heads, expected an even multiple "
                "of heads."
            )
        self.output_size = width
        self.project = nn.Linear(spec.sizes[1], width)
        # Periods from about 60 standard deviations of the time down to half of one.
        self.frequencies = nn.Parameter(torch.logspace(-1, math.log10(4 * math.pi), width // 2))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width,
                heads,
                dim_feedforward=2 * width,
                dropout=dropout,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1, bias=False) if pool == "attention" else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, T, F), absent visits NaN, as (B, width)."""
        present, visits = present_and_filled(x)
        is_any = present.any(dim=1, keepdim=True)
        # A patient without visits: all are heard, so that nothing is NaN, and the result is 0.
        absent = ~present & is_any
        phases = visits[:, :, -1:] * self.frequencies
        tokens = self.project(visits) + torch.cat([phases.sin(), phases.cos()], dim=2)
        tokens = self.dropout(tokens)
        for block in self.blocks:
            tokens = block(tokens, src_key_padding_mask=absent)
        tokens = self.norm(tokens)
        if self.score is None:
            scores = tokens.new_zeros(present.shape)
        else:
            scores = self.score(tokens).squeeze(2)
        shares = scores.float().masked_fill(absent, -torch.inf).softmax(dim=1) * is_any
        return (shares.to(tokens.dtype).unsqueeze(2) * tokens).sum(dim=1)
