"""Sides of the patches that a segmenter sees, and the axes that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

#: Longest side of a patch of a volume where the study says nothing.
_LONGEST_SIDE = 96


def patch_size(
    wanted: Sequence[int] | Literal["auto"], shapes: Sequence[tuple[int, ...]]
) -> tuple[int, ...]:
    """Sides of the patches of a study.

    Args:
        wanted: `[training] patches.size`.
        shapes: Sizes of the training images as the segmenter sees them.

    Returns:
        What is wanted; with "auto" the largest picture, or up to 96 voxels a side of a volume.
    """
    if not isinstance(wanted, str):
        return tuple(wanted)
    largest = [max(sides) for sides in zip(*shapes, strict=True)]
    if len(largest) == 2:
        return tuple(largest)
    return tuple(min(_LONGEST_SIDE, side) for side in largest)


def n_dims(size: Sequence[int]) -> Literal[2, 3]:
    """Axes that a network of these patches has."""
    return 3 if len(size) == 3 and size[2] > 1 else 2
