"""What every fusion does with absent modalities: keep them out, share among the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from tumorboard.errors import StudyError, nearest


def blank_absent(embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> list[torch.Tensor]:
    """Each (B, F_m) with zeros in the rows of absent modalities, as filler that is masked later.

    `where` instead of a product: not even infinities in those rows reach the output or a gradient.
    """
    return [
        torch.where(present[:, m : m + 1], embedding, torch.zeros_like(embedding))
        for m, embedding in enumerate(embeddings)
    ]


class AbsentTokens(nn.Module):
    """One learned vector per modality, which stands for it where it is absent."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.tokens = nn.ParameterList(nn.Parameter(0.02 * torch.randn(size)) for size in sizes)

    def forward(
        self, embeddings: Sequence[torch.Tensor], present: torch.Tensor
    ) -> list[torch.Tensor]:
        """Each (B, F_m) with the learned vector in the rows of absent modalities."""
        return [
            torch.where(present[:, m : m + 1], embedding, self.tokens[m])
            for m, embedding in enumerate(embeddings)
        ]


class WeighedTokens(nn.Module):
    """Embeddings projected to one size, each times its weight, side by side.

    Each is normalised before it is weighed, so that a projection cannot undo its weight by growing;
    a learned mask token stands for an absent one.

    Args:
        sizes: Size of each embedding.
        size: Units that each is projected to.
        dropout: Share of the projected units dropped while training.
    """

    def __init__(self, sizes: tuple[int, ...], size: int, dropout: float) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(inputs, size) for inputs in sizes)
        # Without a learned scale of its own, which would be a weight too.
        self.norm = nn.LayerNorm(size, elementwise_affine=False)
        self.dropout = nn.Dropout(dropout)
        self.masks = AbsentTokens((size,) * len(sizes))

    def forward(
        self, embeddings: Sequence[torch.Tensor], present: torch.Tensor, shares: torch.Tensor
    ) -> torch.Tensor:
        """(B, M * size); shares (B, M) sum to 1, and M times a share multiplies an embedding."""
        blanked = blank_absent(embeddings, present)
        weighed = [
            shares.shape[1] * shares[:, m : m + 1] * self.dropout(self.norm(layer(embedding)))
            for m, (layer, embedding) in enumerate(zip(self.projections, blanked, strict=True))
        ]
        return torch.cat(self.masks(weighed, present), dim=1)


def share_equally(present: torch.Tensor) -> torch.Tensor:
    """(B, M) weights: the same for each modality present, summing to 1."""
    return share_fixed(torch.ones(present.shape[1], device=present.device), present)


def share_fixed(weights: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """(B, M) from positive weights (M,): renormalised over the modalities present."""
    kept = torch.where(present, weights, torch.zeros_like(weights))
    return kept / kept.sum(dim=1, keepdim=True)


def share_learned(scores: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """(B, M) softmax of scores over the modalities present, safe for any score."""
    return scores.masked_fill(~present, -torch.inf).softmax(dim=1)


def checked_weights(
    fixed: Mapping[str, float],
    names: tuple[str, ...],
    *,
    is_used: bool,
    where: str = "fusion.fixed",
) -> torch.Tensor:
    """The study's fixed weights in the order of `names`; ones where they are not used.

    Raises:
        StudyError: Weights that are not used, that name another modality, leave one out, or are not
            positive: a patient with that modality alone would have no weight at all.
    """
    if not is_used:
        if fixed:
            raise StudyError(f'{where}: is used only with weights = "fixed". Remove one of them.')
        return torch.ones(len(names))
    faults = [
        f"{where}.{name}: not a modality of this arm. {nearest(name, names)}"
        for name in fixed
        if name not in names
    ]
    faults += [f"{where}: no weight for {name!r}. Give one." for name in names if name not in fixed]
    faults += [
        f"{where}.{name}: found {weight}, expected a number above 0. Leave the modality out "
        "of the arm instead."
        for name, weight in fixed.items()
        if not 0 < weight < float("inf")
    ]
    if faults:
        raise StudyError(faults)
    return torch.tensor([fixed[name] for name in names], dtype=torch.float32)
