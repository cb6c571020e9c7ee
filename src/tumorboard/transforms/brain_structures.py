"""Structures of a drawn head that a plan for surgery names, as masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tumorboard.records import Bools, Floats
from tumorboard.transforms.brain_drawing import Acquisition, head_coordinates
from tumorboard.transforms.brain_tissues import Anatomy, outside_cerebrum, outside_ventricles

#: Structures in the order of `head_structures`.
STRUCTURES = ("ventricles", "falx", "motor_strip", "outside_cerebrum")
#: The fold of dura between the hemispheres stands this far above the middle of the head, in mm.
_FALX_FROM_MM = 26.0


def head_structures(
    anatomy: Anatomy, acquisition: Acquisition, *, shape: Sequence[int], affine: Floats,
    tumour: Bools,
) -> Mapping[str, Bools]:  # fmt: skip
    """Masks of structures where the head is drawn; the tumour is in none.

    Ventricles show on the images. The falx is the sheet between the hemispheres above and around
    the corpus callosum, at least a voxel thick, so that no margin slips through. The motor strip is
    the cortex before a central sulcus from y = -20 mm at the vertex to y = 5 mm at the Sylvian
    fissure. `outside_cerebrum` is skull, scalp, cerebellum and stem. Tissue that the tumour presses
    aside is where it was before.

    Args:
        anatomy: Whose head it is.
        acquisition: Its pose.
        shape: Voxels per axis.
        affine: (4, 4) voxel -> mm.
        tumour: (X, Y, Z).
    """
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")).reshape(3, -1)
    points = head_coordinates(affine[:3, :3] @ index + affine[:3, 3:], anatomy, acquisition)
    x, y, z = points
    surface = outside_cerebrum(points)
    thick = max(1.2, 0.75 * float(np.linalg.norm(affine[:3, 0])))
    sulcus = -20 + (70 - z) * 25 / 60
    found = {
        "ventricles": outside_ventricles(points, anatomy) < 0,
        "falx": (np.abs(x) < thick) & (np.hypot(0.62 * y, z - 2) > _FALX_FROM_MM) & (surface < 0)
        & (z > 0),
        "motor_strip": (np.abs(surface + 8) < 8) & (y > sulcus) & (y < sulcus + 12)
        & (np.abs(x) > 6) & (z > 10),
        "outside_cerebrum": surface > 0,
    }  # fmt: skip
    return {name: found[name].reshape(tuple(shape)) & ~tumour for name in STRUCTURES}
