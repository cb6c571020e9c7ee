"""A network of fixed window over an image of any size: overlapping windows, averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Literal

import torch
from torch.nn import functional

#: (windows (B, C, *window), places (B, A, 2)) -> (B, K, *window).
Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Importance = Literal["gaussian", "constant"]

#: Standard deviation of the weights in window lengths.
_SIGMA = 1 / 8
#: Least weight: the corners of an image are in one window alone and must not vanish.
_LEAST_WEIGHT = 1e-3


@dataclass(frozen=True)
class Empty:
    """What windows hold nothing, and what the network would say of them.

    Args:
        value: A window is empty where every voxel of every channel has this value.
        logits: (K,) taken for every voxel of an empty window; the network is not asked.
    """

    value: float
    logits: torch.Tensor


def slide(
    image: torch.Tensor,
    window: tuple[int, ...],
    predict: Predict,
    *,
    n_outputs: int,
    overlap: float = 0.5,
    batch_size: int = 1,
    weights: Importance = "gaussian",
    fill: float = 0.0,
    empty: Empty | None = None,
) -> torch.Tensor:
    """What a network says of every voxel (K, *space) float32: weighted mean over its windows.

    Args:
        image: (C, *space), on any device; the result is there too.
        window: Length of a window along each axis; 1 for an axis that the network does not have.
        predict: The network; its logits or its probabilities are averaged. `places` says where the
            windows start and end along each axis, from -1 to 1 (the image's outer edges), and
            beyond where the image is smaller than a window.
        n_outputs: K.
        overlap: Least share of a window's length that its neighbour covers as well; the last window
            along an axis ends with the image.
        batch_size: Windows that the network gets at once.
        weights: A voxel near a window's centre counts more than one at its edge, or all alike.
        fill: What is around an image that is smaller than a window, half on each side.
        empty: Leaves empty windows out; exact only if the network says of them what it says.

    Source:
        Isensee et al., Nature Methods 2021 (Gaussian weights of an eighth of the window).
    """
    cut = _Cut.of(image, window, fill)
    size = cut.padded.shape[1:]
    total = torch.zeros(n_outputs, *size, device=image.device)
    weight_sum = torch.zeros(size, device=image.device)
    importance = _importance(window, weights).to(image.device)
    every = list(product(*map(_starts, size, window, [overlap] * len(window))))
    for starts in every:
        weight_sum[_box(starts, window)] += importance
    asked: list[tuple[int, ...]] = []
    for starts in every:
        if empty is None or not bool((cut.window_at(starts) == empty.value).all()):
            asked.append(starts)
            continue
        constant = empty.logits.to(total).view(-1, *[1] * len(window))
        total[:, *_box(starts, window)] += constant * importance
    for at in range(0, len(asked), batch_size):
        some = asked[at : at + batch_size]
        made = predict(
            _channels_last(torch.stack(list(map(cut.window_at, some)))), cut.places(some)
        )
        for starts, each in zip(some, made.to(total), strict=True):
            total[:, *_box(starts, window)].addcmul_(each, importance)
    total /= weight_sum
    return total[:, *_box(cut.before, image.shape[1:])].contiguous()


@dataclass(frozen=True)
class _Cut:
    """An image, padded where it is smaller than a window."""

    padded: torch.Tensor
    window: tuple[int, ...]
    before: tuple[int, ...]
    space: torch.Size

    @classmethod
    def of(cls, image: torch.Tensor, window: tuple[int, ...], fill: float) -> _Cut:
        space = image.shape[1:]
        lacking = [max(w - n, 0) for n, w in zip(space, window, strict=True)]
        before = tuple(each // 2 for each in lacking)
        if any(lacking):
            sides = [(b, each - b) for b, each in zip(before, lacking, strict=True)]
            flat = [side for pair in reversed(sides) for side in pair]
            image = functional.pad(image, flat, value=fill)
        return cls(image, window, before, space)

    def window_at(self, starts: tuple[int, ...]) -> torch.Tensor:
        """(C, *window)."""
        return self.padded[:, *_box(starts, self.window)]

    def places(self, starts: list[tuple[int, ...]]) -> torch.Tensor:
        """(B, A, 2) where windows start and end in the image without its padding, -1 to 1."""
        first = torch.tensor(starts) - torch.tensor(self.before)
        edges = torch.stack([first, first + torch.tensor(self.window)], dim=2)
        places = 2 * edges / torch.tensor(self.space).view(1, -1, 1) - 1
        return places.to(self.padded.device)


def _starts(length: int, window: int, overlap: float) -> list[int]:
    """First voxels of the windows along an axis: even steps, the last one ends with the image."""
    step = max(int(window * (1 - overlap)), 1)
    return [*range(0, length - window, step), length - window]


def _importance(window: tuple[int, ...], weights: Importance) -> torch.Tensor:
    """(*window) weight of each voxel of a window."""
    if weights == "constant":
        return torch.ones(window)
    lines = [
        torch.exp(-0.5 * ((torch.arange(n) - (n - 1) / 2) / (_SIGMA * n)) ** 2) for n in window
    ]
    return reduce(lambda one, other: one.unsqueeze(-1) * other, lines).clamp_(min=_LEAST_WEIGHT)


def _box(starts: Sequence[int], window: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(start, start + n) for start, n in zip(starts, window, strict=True))


def _channels_last(windows: torch.Tensor) -> torch.Tensor:
    """The same numbers in the order that convolutions are fastest in."""
    if windows.ndim == 5:
        return windows.contiguous(memory_format=torch.channels_last_3d)
    return windows.contiguous(memory_format=torch.channels_last)
