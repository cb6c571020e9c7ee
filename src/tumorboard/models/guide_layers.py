"""Layers of guides: what the other modalities say, spoken out over the places of a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.models.guides import Context, MapShape
from tumorboard.models.presence import AbsentTokens, blank_absent, share_fixed

#: Octaves of the sines and cosines of a place: the finest wave is half an image long.
N_OCTAVES = 3


class Projected(nn.Module):
    """Embeddings projected to one size and normalised; zeros, normalised, for each absent one.

    Normalised, since embeddings of language models are a hundred times quieter than those of
    tables. Layer norm, since a batch of patches holds too few patients for batch norm.

    Args:
        sizes: Size of each embedding.
        size: Units that each is projected to.
    """

    def __init__(self, sizes: tuple[int, ...], size: int = 64) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(inputs, size) for inputs in sizes)
        self.norm = nn.LayerNorm(size, elementwise_affine=False)
        self.size = size

    def forward(self, vectors: Sequence[torch.Tensor], present: torch.Tensor) -> list[torch.Tensor]:
        """(B, size) of each modality."""
        blanked = blank_absent(vectors, present)
        return [
            self.norm(layer(vector))
            for layer, vector in zip(self.projections, blanked, strict=True)
        ]


class Summary(nn.Module):
    """Projected embeddings side by side, a learned vector in the place of each absent one.

    Args:
        sizes: Size of each embedding.
        size: Units that each is projected to.
    """

    def __init__(self, sizes: tuple[int, ...], size: int = 64) -> None:
        super().__init__()
        self.projected = Projected(sizes, size)
        self.absent = AbsentTokens((size,) * len(sizes))
        self.output_size = size * len(sizes)

    def forward(self, vectors: Sequence[torch.Tensor], present: torch.Tensor) -> torch.Tensor:
        """(B, output_size)."""
        return torch.cat(self.absent(self.projected(vectors, present), present), dim=1)


class PlaceMaps(nn.Module):
    """A vector and the coordinates of each place -> maps, from which "left" can be read.

    A perceptron of the place alone whose hidden units the vector scales and shifts, so that one
    layer can already multiply a word by a place. It starts by giving zeros.

    Args:
        size: Size of the vector.
        n_axes: Coordinates of a place.
        n_maps: Maps given.
        hidden: Hidden units.
        starts_at_zero: Whether the last layer starts with zeros.

    Source:
        Scale and shift of hidden units: Perez et al., FiLM, AAAI 2018. Coordinates as inputs of a
        convolution: Liu et al., CoordConv, NeurIPS 2018. Their waves: Tancik et al., NeurIPS 2020.
    """

    def __init__(
        self, size: int, n_axes: int, n_maps: int, *, hidden: int = 32, starts_at_zero: bool = True
    ) -> None:
        super().__init__()
        self.place = nn.Linear(n_waves(n_axes), hidden)
        self.spoken = nn.Linear(size, 2 * hidden)
        self.last = zero(nn.Linear(hidden, n_maps)) if starts_at_zero else nn.Linear(hidden, n_maps)

    def forward(self, vector: torch.Tensor, coordinates: torch.Tensor) -> torch.Tensor:
        """(B, n_maps, *space) of (B, size) and (B, A, *space)."""
        space = coordinates.shape[2:]
        places = self.place(waves(coordinates).flatten(2).transpose(1, 2))
        scale, shift = self.spoken(vector).unsqueeze(1).chunk(2, dim=2)
        maps = self.last(F.gelu(places * (1 + scale) + shift))
        return maps.transpose(1, 2).unflatten(2, space)

    def over(
        self, vector: torch.Tensor, context: Context, space: torch.Size | tuple[int, ...]
    ) -> torch.Tensor:
        """(B, n_maps, *space): computed on a coarse grid, and enlarged."""
        return enlarge(self(vector, context.coordinates(coarse_space(space))), space)


class NoteChannels(nn.Module):
    """Channels of an image drawn from the embeddings of other modalities; zeros without any.

    Args:
        sizes: Size of each embedding.
        n_axes: Coordinates of a place.
        n_channels: Channels drawn.
    """

    def __init__(self, sizes: tuple[int, ...], n_axes: int, n_channels: int) -> None:
        super().__init__()
        self.summary = Summary(sizes)
        self.drawn = PlaceMaps(self.summary.output_size, n_axes, n_channels)

    def forward(self, context: Context, space: torch.Size | tuple[int, ...]) -> torch.Tensor:
        """(B, n_channels, *space)."""
        vector = self.summary(context.vectors, context.present)
        drawn = self.drawn.over(vector, context, space)
        return keep_alone(drawn, torch.zeros_like(drawn), context)


class PooledOpinions(nn.Module):
    """Logits of an image averaged with coarse ones that each other modality gives of each place.

    Args:
        sizes: Size of each embedding.
        shape: The feature maps.
        weights: (1 + M,) weight of the image and of each other modality.
    """

    def __init__(self, sizes: tuple[int, ...], shape: MapShape, weights: torch.Tensor) -> None:
        super().__init__()
        self.projected = Projected(sizes)
        self.opinions = nn.ModuleList(
            PlaceMaps(self.projected.size, shape.n_axes, shape.n_outputs) for _ in sizes
        )
        self.weights: torch.Tensor
        # Not saved with the weights: they are in the study's settings already.
        self.register_buffer("weights", weights, persistent=False)
        self.shares: torch.Tensor | None = None

    def forward(self, logits: torch.Tensor, context: Context) -> torch.Tensor:
        """(B, K, *space)."""
        shares = share_fixed(self.weights, with_image(context.present))
        self.shares = shares.detach()
        tokens = self.projected(context.vectors, context.present)
        pooled = logits
        for m, (token, opinion) in enumerate(zip(tokens, self.opinions, strict=True), start=1):
            heard = cast("PlaceMaps", opinion).over(token, context, logits.shape[2:])
            pooled = pooled + over_places(shares[:, m] / shares[:, 0], heard) * heard
        return keep_alone(pooled, logits, context)


def with_image(present: torch.Tensor) -> torch.Tensor:
    """(B, 1 + M) presence of the image, which every row has, and of each other modality."""
    return torch.cat([present.new_ones(len(present), 1), present], dim=1)


def over_places(numbers: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """(B,) as (B, 1, ...), to multiply the maps of each row by."""
    return numbers.view(-1, *[1] * (maps.ndim - 1))


def n_waves(n_axes: int) -> int:
    """Numbers that `waves` gives for each place."""
    return n_axes * (1 + 2 * N_OCTAVES)


def waves(coordinates: torch.Tensor) -> torch.Tensor:
    """(B, A, *space) coordinates, -1..1 -> themselves, their sines and cosines (B, n_waves, ...).

    The longest wave is two images long, so that left and right differ in it.
    """
    found = [coordinates]
    for octave in range(N_OCTAVES):
        angle = coordinates * (math.pi / 2 * 2**octave)
        found += [angle.sin(), angle.cos()]
    return torch.cat(found, dim=1)


def zero(layer: nn.Linear) -> nn.Linear:
    """The layer, starting with zeros: what it is added to starts as it was."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def guided_maps(shape: MapShape, n_coarsest: int) -> tuple[int, ...]:
    """Indices of the coarsest maps, in the order of `MapShape.sizes`."""
    return tuple(range(max(0, len(shape.sizes) - n_coarsest), len(shape.sizes)))


def keep_alone(changed: torch.Tensor, own: torch.Tensor, context: Context) -> torch.Tensor:
    """What a guide changed, and what the image alone gives in rows without another modality."""
    has_other = context.present.any(dim=1)
    return torch.where(has_other.view(-1, *[1] * (own.ndim - 1)), changed.to(own.dtype), own)


def coarse_space(space: torch.Size | tuple[int, ...], most: int = 16) -> tuple[int, ...]:
    """A grid of at most so many places along each side, to compute on and to enlarge from."""
    return tuple(min(length, most) for length in space)


def enlarge(maps: torch.Tensor, space: torch.Size | tuple[int, ...]) -> torch.Tensor:
    """Maps (B, N, *coarse) interpolated linearly between their places."""
    if tuple(maps.shape[2:]) == tuple(space):
        return maps
    mode = "bilinear" if len(space) == 2 else "trilinear"
    return F.interpolate(maps, size=tuple(space), mode=mode, align_corners=False)
