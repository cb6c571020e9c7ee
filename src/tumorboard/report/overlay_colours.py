"""A map over an image: its colours, and the outline of the lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats

#: Outline of the lesion: apart from every colour of the map, and from grey.
OUTLINE = (0, 255, 255)
#: How far the strongest place hides the image.
_OPACITY = 0.75
#: Perceptually uniform, dark where there is nothing.
_COLOURS = "inferno"


def overlaid(image: Floats, heat: Floats, mask: Bools | None) -> NDArray[np.uint8]:
    """(H, W, 3) the image with the map over it.

    Args:
        image: (H, W, 3) in 0..255.
        heat: (H, W) in 0..1 of the map's largest value.
        mask: (H, W) True inside the lesion, or None.
    """
    from matplotlib import colormaps

    heat = heat.clip(0, 1)
    coloured: Floats = np.asarray(colormaps[_COLOURS](heat), dtype=np.float64)[..., :3] * 255
    over = np.round(image + (coloured - image) * (_OPACITY * heat)[..., None]).astype(np.uint8)
    if mask is not None:
        over[_border(mask)] = OUTLINE
    return over


def _border(mask: Bools) -> Bools:
    """The lesion's border, two pixels wide, outside of it."""
    grown = mask.copy()
    for _ in range(2):
        wider = grown.copy()
        wider[1:] |= grown[:-1]
        wider[:-1] |= grown[1:]
        wider[:, 1:] |= grown[:, :-1]
        wider[:, :-1] |= grown[:, 1:]
        grown = wider
    return grown & ~mask
