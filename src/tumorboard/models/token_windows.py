"""Long texts in windows that a language model can read, and their tokens joined again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence


@dataclass(frozen=True)
class Windows:
    """Texts as windows of token numbers; the windows of a text follow each other.

    Args:
        ids: Token numbers of each window, with the model's own marks at its ends.
        kept: Of each window the first and one past the last token that is the text's: where two
            windows overlap, a token is taken from that in which it stands further inside.
        n_windows: Windows of each text, at least one.
        left_out: Tokens of each text behind its last window.
        filler: Token number that stands behind shorter windows.
    """

    ids: tuple[tuple[int, ...], ...]
    kept: tuple[tuple[int, int], ...]
    n_windows: tuple[int, ...]
    left_out: tuple[int, ...]
    filler: int

    def batch(self, index: Sequence[int], device: torch.device) -> dict[str, torch.Tensor]:
        """These windows as the network's arguments, (n, L) with the longest's length L."""
        rows = [torch.tensor(self.ids[i]) for i in index]
        ids = pad_sequence(rows, batch_first=True, padding_value=self.filler)
        lengths = torch.tensor([len(row) for row in rows])
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        return {"input_ids": ids.to(device), "attention_mask": mask.long().to(device)}

    def by_length(self, most_tokens: int) -> list[list[int]]:
        """Windows of like length together, as many as hold `most_tokens` with their fillers."""
        batches: list[list[int]] = [[]]
        for i in sorted(range(len(self.ids)), key=lambda i: len(self.ids[i])):
            if len(self.ids[i]) * (len(batches[-1]) + 1) > most_tokens and batches[-1]:
                batches.append([])
            batches[-1].append(i)
        return batches


def cut(
    tokenizer: Any, texts: Sequence[str], *, max_tokens: int, overlap: int, max_windows: int
) -> Windows:
    """Cut texts into windows of at most `max_tokens`, the model's own marks included.

    Args:
        tokenizer: A fast tokeniser.
        texts: At least one.
        max_tokens: Tokens of a window.
        overlap: Tokens that a window shares with the one before.
        max_windows: Windows of a text; what is behind them is left out and counted.
    """
    found = tokenizer(
        list(texts), truncation=True, max_length=max_tokens, stride=overlap, padding=False,
        return_overflowing_tokens=True, return_special_tokens_mask=True,
        return_attention_mask=False, return_token_type_ids=False, verbose=False,
    )  # fmt: skip
    own: list[list[int]] = [[] for _ in texts]
    for window, text in enumerate(found["overflow_to_sample_mapping"]):
        own[text].append(window)
    filler = int(tokenizer.pad_token_id or 0)
    ids: list[tuple[int, ...]] = []
    kept: list[tuple[int, int]] = []
    left_out: list[int] = []
    for windows in own:
        marks = [found["special_tokens_mask"][w] for w in windows]
        fresh = [len(m) - sum(m) - (overlap if k else 0) for k, m in enumerate(marks)]
        left_out.append(sum(fresh[max_windows:]))
        last = min(len(windows), max_windows) - 1
        for k, window in enumerate(windows[:max_windows]):
            numbers = found["input_ids"][window] or [filler]  # no marks and no text
            ids.append(tuple(numbers))
            kept.append(_own_part(marks[k], overlap, is_first=k == 0, is_last=k == last))
    n_windows = tuple(min(len(windows), max_windows) for windows in own)
    return Windows(tuple(ids), tuple(kept), n_windows, tuple(left_out), filler)


def _own_part(
    marks: Sequence[int], overlap: int, *, is_first: bool, is_last: bool
) -> tuple[int, int]:
    """Where the text's tokens start and end in a window; marks belong to the ends of the text."""
    inside = [place for place, mark in enumerate(marks) if not mark]
    if not inside:
        return 0, max(len(marks), 1)
    start = 0 if is_first else inside[0] + (overlap + 1) // 2
    end = len(marks) if is_last else inside[-1] + 1 - overlap // 2
    return start, max(end, start + 1)


def mean_of(tokens: torch.Tensor) -> torch.Tensor:
    """(F,) mean of the tokens (T, F) of a text, in single precision."""
    return tokens.float().mean(dim=0)


def padded(tokens: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (T_i, F) of several texts as (B, T, F) and (B, T) where there is one."""
    lengths = torch.tensor([len(one) for one in tokens], device=tokens[0].device)
    values = pad_sequence(list(tokens), batch_first=True)
    places = torch.arange(values.shape[1], device=values.device)
    return values, places < lengths[:, None]
