"""Recurrent network over visits."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Count, Dropout
from tumorboard.models.visits import by_time, check_tokens, present_and_filled
from tumorboard.records import ArraySpec, Layout


class Gru(Encoder):
    """Gated recurrent units over visits in the order of their times; the state after the last.

    The last feature of a visit is its time (days before the index date, standardised); the network
    also sees the time since the visit before. Visits that did not happen (NaN) are not looked at,
    wherever they stand.

    Args:
        size: Units of the state, and of the embedding.
        layers: Recurrent layers.
        dropout: Share of units dropped between layers and of the embedding while training.

    Source:
        Cho et al., EMNLP 2014. Time since the last visit as an input: Che et al., Recurrent neural
        networks for multivariate time series with missing values, Scientific Reports 2018.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"tokens"})

    def __init__(
        self, spec: ArraySpec, *, size: Count = 64, layers: Count = 1, dropout: Dropout = 0.2
    ) -> None:
        super().__init__(spec)
        check_tokens(spec, where="gru")
        self.output_size = size
        # Dropout between layers needs a second layer; torch warns otherwise.
        between = dropout if layers > 1 else 0.0
        self.network = nn.GRU(
            spec.sizes[1] + 1, size, num_layers=layers, dropout=between, batch_first=True
        )
        self.norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, T, F), absent visits NaN, as (B, size)."""
        visits, present = by_time(*reversed(present_and_filled(x)))
        times = visits[:, :, -1:]
        since = torch.cat([torch.zeros_like(times[:, :1]), times.diff(dim=1)], dim=1)
        since = torch.where(present.unsqueeze(2), since, torch.zeros_like(since))
        states, _ = self.network(torch.cat([visits, since], dim=2))
        n_visits = present.sum(dim=1)
        # Those that did not happen stand at the end and cannot reach the state before them.
        last = (n_visits - 1).clamp_min(0)[:, None, None].expand(-1, 1, states.shape[2])
        state = states.gather(1, last).squeeze(1)
        # Without any visit the state is the one before the first: zero.
        state = torch.where((n_visits > 0).unsqueeze(1), state, torch.zeros_like(state))
        return self.dropout(self.norm(state))
