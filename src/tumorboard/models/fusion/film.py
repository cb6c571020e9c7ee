"""Feature-wise linear modulation of one modality by the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.guide_layers import PlaceMaps, Summary, guided_maps, keep_alone
from tumorboard.models.guides import Context, Guide, MapShape
from tumorboard.models.presence import AbsentTokens, blank_absent
from tumorboard.models.setting_types import Count, Dropout


class Film(Fusion):
    """The others scale and shift each feature of the first modality, or each map of a segmenter.

    Of vectors it is the first modality of the arm whose projected embedding is modulated; a learned
    vector stands for an absent modality. In a segmenter scale and shift differ from place to place
    (`places`), since words such as "left" could not matter otherwise.

    Args:
        size: Units that every embedding is projected to.
        dropout: Share of the modulated units dropped while training; not used in a segmenter.
        maps: Of a segmenter: how many of the coarsest feature maps are modulated.
        places: Of a segmenter: whether scale and shift also depend on the place's coordinates; as
            published they do not.

    Source:
        Perez et al., FiLM: visual reasoning with a general conditioning layer, AAAI 2018.
    """

    level = "feature"
    guides = True

    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        *,
        size: Count = 64,
        dropout: Dropout = 0.2,
        maps: Count = 2,
        places: bool = True,
    ) -> None:
        super().__init__(names, sizes)
        self.output_size = size
        self.projections = nn.ModuleList(nn.Linear(inputs, size) for inputs in sizes)
        self.absent = AbsentTokens((size,) * len(sizes))
        self.dropout = nn.Dropout(dropout)
        if len(names) > 1:
            self.modulation = nn.Linear((len(names) - 1) * size, 2 * size)

    def forward(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Fused:
        """Project, modulate the first by the others; no weights per modality."""
        blanked = blank_absent(embeddings, present)
        projected = [layer(e) for layer, e in zip(self.projections, blanked, strict=True)]
        first, *others = self.absent(projected, present)
        if others:
            scale, shift = self.modulation(torch.cat(others, dim=1).tanh()).chunk(2, dim=1)
            first = first * (1 + scale) + shift
        return Fused(self.dropout(F.gelu(first)))

    @classmethod
    def guide(
        cls, names: tuple[str, ...], sizes: tuple[int, ...], shape: MapShape, **settings: Any
    ) -> Guide:
        """Scale and shift of the coarsest maps."""
        own = {key: settings[key] for key in ("size", "maps", "places")}
        return _FilmGuide(names, sizes, shape, **own)


class _FilmGuide(Guide):
    def __init__(
        self,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        shape: MapShape,
        *,
        size: int,
        maps: int,
        places: bool,
    ) -> None:
        super().__init__(names, sizes, shape)
        self.places = places
        self.summary = Summary(sizes, size)
        self.guided = guided_maps(shape, maps)
        self.modulations = nn.ModuleList(
            PlaceMaps(self.summary.output_size, shape.n_axes, 2 * shape.sizes[i])
            for i in self.guided
        )

    def maps(self, maps: list[torch.Tensor], context: Context) -> list[torch.Tensor]:
        """The coarsest maps modulated; the others as they are."""
        vector = self.summary(context.vectors, context.present)
        changed = list(maps)
        for i, module in zip(self.guided, self.modulations, strict=True):
            own, modulation = maps[i], cast("PlaceMaps", module)
            if self.places:
                both = modulation.over(vector, context, own.shape[2:])
            else:  # as at the centre of the image, everywhere
                centre = vector.new_zeros(len(vector), self.shape.n_axes, *[1] * (own.ndim - 2))
                both = modulation(vector, centre)
            scale, shift = both.chunk(2, dim=1)
            changed[i] = keep_alone(own * (1 + scale) + shift, own, context)
        return changed
