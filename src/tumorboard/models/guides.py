"""How other modalities guide a segmenter: what a fusion is where feature maps stand for vectors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from tumorboard.models.encoders import Tokens


@dataclass(frozen=True)
class MapShape:
    """The feature maps of a segmenter.

    Args:
        sizes: Channels of each map that `Segmenter.encode` gives, from fine to coarse.
        n_dims: Spatial axes of a map: 2 or 3.
        n_axes: Axes that `Context.places` speaks of: 3 for a volume, even where maps have 2.
        n_outputs: Channels of the logits.
    """

    sizes: tuple[int, ...]
    n_dims: int
    n_axes: int
    n_outputs: int


@dataclass(frozen=True)
class Context:
    """What the other modalities say of the rows of a batch, and where their patches lie.

    Args:
        vectors: One (B, F_m) embedding per other modality; rows where it is absent hold arbitrary
            finite numbers that must not reach the output.
        tokens: One per other modality, in the same order and under the same rule.
        present: (B, M) which of them each row has; a row may have none.
        places: (B, A, 2) where the patch starts and ends along each axis of the whole image, from
            -1 to 1 (its outer edges); end before start where the patch was mirrored.
    """

    vectors: tuple[torch.Tensor, ...]
    tokens: tuple[Tokens, ...]
    present: torch.Tensor
    places: torch.Tensor

    def coordinates(self, space: torch.Size | tuple[int, ...]) -> torch.Tensor:
        """(B, A, *space) place in the whole image, -1..1, of each point of a map of the patch.

        The map's axes are the first of the A; along the others the patch is one point thick.
        """
        start, end = self.places.unbind(dim=2)
        n_rows, n_axes = start.shape
        found = [((start + end) / 2)[:, a].view(-1, *[1] * len(space)) for a in range(n_axes)]
        for axis, length in enumerate(space):
            steps = (torch.arange(length, device=start.device, dtype=start.dtype) + 0.5) / length
            line = start[:, axis, None] + (end - start)[:, axis, None] * steps
            shape = [n_rows, *(length if a == axis else 1 for a in range(len(space)))]
            found[axis] = line.view(shape)
        return torch.stack([each.expand(n_rows, *space) for each in found], dim=1)


class Guide(nn.Module):
    """Where other modalities enter a segmenter: before it, between its halves, or after it.

    A guide overrides one or several of the three. Where a row has none of the modalities, what
    leaves must be what the image alone gives (a learned stand-in counts as that).

    Args:
        names: The other modalities.
        sizes: Size of their embeddings and tokens.
        shape: The feature maps.
    """

    def __init__(self, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape) -> None:
        super().__init__()
        self.names, self.sizes, self.shape = names, sizes, shape

    def channels(
        self, context: Context, space: torch.Size | tuple[int, ...]
    ) -> torch.Tensor | None:
        """Early: further channels (B, extra_channels, *space) of the image; None for none."""
        return None

    def maps(self, maps: list[torch.Tensor], context: Context) -> list[torch.Tensor]:
        """Between encoder and decoder: the maps, of the same shapes, as the decoder gets them."""
        return maps

    def logits(self, logits: torch.Tensor, context: Context) -> torch.Tensor:
        """Late: the segmenter's logits (B, K, *space) joined with what the others say."""
        return logits

    def shares(self) -> torch.Tensor | None:
        """(B, 1 + M) weight of the image and of each other modality in the last batch; else None.

        Weights of a row sum to 1; an absent modality has 0.
        """
        return None
