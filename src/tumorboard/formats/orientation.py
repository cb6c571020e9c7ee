"""Axes of a volume: in which direction they point, and whether they make a regular grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Floats

#: Largest cosine between two axes that counts as a right angle: 0.06 degrees.
_SKEW = 1e-3


def to_ras(array: NDArray[Any], affine: Floats) -> tuple[NDArray[Any], Floats]:
    """Flip and exchange the axes of (X, Y, Z) so that they point right, anterior and superior.

    Args:
        array: Voxels in any order of axes.
        affine: (4, 4) their index -> world mm, RAS+.

    Returns:
        A view of the same voxels, and its affine; no voxel moves in the world.
    """
    from nibabel.orientations import (  # pyright: ignore[reportMissingTypeStubs]
        apply_orientation,
        inv_ornt_aff,
        io_orientation,
    )

    turn: Any = io_orientation(affine)
    turned: NDArray[Any] = apply_orientation(array, turn)
    return turned, affine @ np.asarray(inv_ornt_aff(turn, array.shape), dtype=np.float64)


def check_affine(path: Path, affine: Floats) -> Floats:
    """The affine, if its axes have a length and stand at right angles.

    Raises:
        InputError: An axis without length, or a shear.
    """
    axes = affine[:3, :3]
    length = np.linalg.norm(axes, axis=0)
    if not np.isfinite(affine).all() or not (length > 0).all():
        raise InputError(f"{path}: voxel size {length.tolist()} mm, expected three above 0.")
    unit = axes / length
    cosine = float(np.abs(unit.T @ unit - np.eye(3)).max())
    if cosine > _SKEW:
        tilt = float(np.degrees(np.arcsin(min(cosine, 1.0))))
        raise InputError(
            f"{path}: the axes are sheared by {tilt:.1f} degrees (gantry tilt?), which no regular "
            "grid has. Resample the volume to a rectangular grid first."
        )
    return affine
