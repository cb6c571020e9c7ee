"""Word vectors that are trained on the notes of the training patients alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.formats.text_bytes import to_texts
from tumorboard.formats.words import words
from tumorboard.models.encoders import Encoder, Tokens
from tumorboard.models.setting_types import Count, Dropout, WholeNumber
from tumorboard.records import ArraySpec, Layout, Structure

#: Rows of the table of vectors before the vocabulary: behind the end of a note; any other word.
_FILLER, _UNKNOWN = 0, 1


class WordVectors(Encoder):
    """Word vectors over the words of the training notes, trained inside the fold.

    A word that the training notes do not have is the unknown word; while training, some words are
    made unknown, so that its vector is learned too. Over the vectors lies a bidirectional
    recurrent network, a small transformer, or nothing.

    Args:
        size: Units of a word vector and of the embedding; even, and a multiple of `heads` with
            layers of a transformer.
        pool: `attention` (shares that the words earn), their `mean`, or `gru`: the last states of
            a network that reads the note forwards and backwards.
        layers: Transformer layers over the words; 0 leaves each word to itself.
        heads: Attention heads of these layers.
        max_words: Words that are read of a note; what is behind them is left out.
        forget: Share of words made unknown while training.
        dropout: Share of units dropped while training.

    Source:
        Attention over words: Yang et al., NAACL 2016. Recurrent network: Cho et al., EMNLP 2014.
        Layers and waves of the place: Vaswani et al., NeurIPS 2017.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"text"})
    needs: ClassVar[frozenset[Structure]] = frozenset({"vocabulary"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        size: Count = 64,
        pool: Literal["attention", "mean", "gru"] = "attention",
        layers: WholeNumber = 0,
        heads: Count = 4,
        max_words: Count = 512,
        forget: Dropout = 0.05,
        dropout: Dropout = 0.2,
    ) -> None:
        super().__init__(spec)
        if size % 2 or (layers and size % heads):
            raise StudyError(
                f"word_vectors.size: found {size} with {heads} heads, expected an even multiple "
                "of heads."
            )
        self.output_size = size
        self.max_words, self.forget = max_words, forget
        self._number = {word: k + 2 for k, word in enumerate(spec.vocabulary)}
        self.vectors = nn.Embedding(len(self._number) + 2, size, padding_idx=_FILLER)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                size,
                heads,
                dim_feedforward=2 * size,
                dropout=dropout,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(layers)
        )
        self.recurrent = (
            nn.GRU(size, size // 2, batch_first=True, bidirectional=True) if pool == "gru" else None
        )
        self.norm = nn.LayerNorm(size)
        self.score = nn.Linear(size, 1, bias=False) if pool == "attention" else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, L) bytes of notes as (B, size)."""
        return self.read(x)[0]

    def read(self, x: torch.Tensor) -> tuple[torch.Tensor, Tokens]:
        """Embed notes as (B, size), with one token per word; a note without words has one."""
        numbers = self._numbers(to_texts(x)).to(self.vectors.weight.device)
        return self.from_vectors(self.vectors(self._forgotten(numbers)), numbers != _FILLER)

    def from_vectors(
        self, vectors: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, Tokens]:
        """What follows from the vectors (B, T, size) of words, `mask` (B, T) where there is one."""
        values = self.dropout(vectors)
        if len(self.layers):
            values = values + _waves(values)
        for layer in self.layers:
            values = layer(values, src_key_padding_mask=~mask)
        if self.recurrent is not None:
            values, embedding = _both_ways(self.recurrent, values, mask)
            return self.norm(embedding), Tokens(self.norm(values), mask)
        values = self.norm(values)
        scores = values.new_zeros(mask.shape) if self.score is None else self.score(values)[..., 0]
        shares = scores.float().masked_fill(~mask, -torch.inf).softmax(dim=1)
        embedding = (shares.to(values.dtype).unsqueeze(2) * values).sum(dim=1)
        return embedding, Tokens(values, mask)

    def left_out(self, texts: Sequence[str]) -> tuple[int, ...]:
        """Words of each text behind `max_words`, which are not read."""
        return tuple(max(0, len(words(text)) - self.max_words) for text in texts)

    def _numbers(self, texts: list[str]) -> torch.Tensor:
        """(B, T) row of each word in the table of vectors; T is at least 1."""
        rows = [
            torch.tensor(
                [self._number.get(word, _UNKNOWN) for word in words(text)[: self.max_words]]
                or [_UNKNOWN]
            )
            for text in texts
        ]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=_FILLER)

    def _forgotten(self, numbers: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.forget:
            return numbers
        chosen = (torch.rand(numbers.shape, device=numbers.device) < self.forget) & (numbers > 0)
        return numbers.masked_fill(chosen, _UNKNOWN)


def _both_ways(
    network: nn.GRU, values: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """States (B, T, F) at each word, and (B, F) the last ones of both directions."""
    lengths = mask.sum(dim=1).cpu()
    packed = nn.utils.rnn.pack_padded_sequence(
        values, lengths, batch_first=True, enforce_sorted=False
    )
    states, last = network(packed)
    states, _ = nn.utils.rnn.pad_packed_sequence(
        states, batch_first=True, total_length=mask.shape[1]
    )
    return states, torch.cat([last[0], last[1]], dim=1)


def _waves(values: torch.Tensor) -> torch.Tensor:
    """(T, F) sines and cosines of the places, with periods from 2 pi to 10,000 times that."""
    n_places, size = values.shape[1:]
    places = torch.arange(n_places, device=values.device, dtype=torch.float32)
    rates = 10_000.0 ** (-torch.arange(0, size, 2, device=values.device) / size)
    phases = places[:, None] * rates
    return torch.cat([phases.sin(), phases.cos()], dim=1).to(values.dtype)
