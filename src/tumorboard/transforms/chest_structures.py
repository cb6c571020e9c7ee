"""Organs of a drawn chest that a plan for radiotherapy names, as masks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tumorboard.records import Bools
from tumorboard.transforms.chest_drawing import Chest

#: Structures in the order of `structures_of`.
STRUCTURES = ("heart", "aorta", "oesophagus", "spinal_cord")


def structures_of(chest: Chest) -> Mapping[str, Bools]:
    """Masks of named structures, where `chest_drawing` draws them; the tumour is in none.

    The heart, the aorta and the cord show on the images. The oesophagus is the tube of 7 mm between
    trachea and spine: as in life, it hardly differs from what lies around it.

    Args:
        chest: A drawn chest.
    """
    axes = [
        np.arange(n) * chest.affine[k, k] + chest.affine[k, 3] - chest.middle_mm[k]
        for k, n in enumerate(chest.hu.shape)
    ]
    x, y, z = axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]
    everywhere = z < np.inf
    tubes = {"aorta": (-22, -34, 12), "oesophagus": (0, -28, 7), "spinal_cord": (0, -90, 6)}
    found = {"heart": ((x + 24) / 52) ** 2 + ((y - 22) / 44) ** 2 + ((z + 45) / 52) ** 2 < 1}
    for name, (a, b, radius) in tubes.items():
        found[name] = ((x - a) ** 2 + (y - b) ** 2 < radius**2) & everywhere
    found["aorta"] &= ~found["heart"]
    return {name: found[name] & ~chest.tumour for name in STRUCTURES}
