"""Which stage of a network can tell where."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

#: Places along each side below which a map says hardly anything of where.
FEWEST_PLACES = 3


def last_with_places(
    stages: Sequence[nn.Module], sizes: Sequence[int], *, first_step: int
) -> nn.Module:
    """The last stage whose maps have three places or more along each side; else the first.

    Volumes are small: the last stage of a network that halves them five times leaves one place of a
    side of up to 32 voxels, and no map of it could tell where.

    Args:
        stages: In their order; each but the first halves the sides.
        sizes: (X, Y, Z) voxels of the input.
        first_step: Voxels between two places of the first stage.
    """
    places = [-(-min(sizes) // (first_step * 2**i)) for i in range(len(stages))]
    enough = [stage for stage, n in zip(stages, places, strict=True) if n >= FEWEST_PLACES]
    return (enough or stages[:1])[-1]
