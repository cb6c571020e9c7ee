"""How far a tumour, or the margin around it, is from a structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorboard.evaluation.mask_metrics import ML
from tumorboard.evaluation.surface_elements import cell_codes, element_sizes
from tumorboard.records import Bools


@dataclass(frozen=True)
class StructureDistance:
    """From one mask to another; distances are 0 where they overlap, NaN where one is empty.

    Args:
        least_mm: Smallest distance of both surfaces.
        near_mm: 5th percentile over the area of the first mask's surface: what single voxels do not
            decide.
        overlap_ml: Volume that both have in common.
        overlap_share: As a share of the structure.
    """

    least_mm: float
    near_mm: float
    overlap_ml: float
    overlap_share: float


def structure_distance(
    mask: Bools, structure: Bools, spacing_mm: Sequence[float], *, percent: float = 5.0
) -> StructureDistance:
    """Distances between surfaces, which run through the middles between voxels.

    Args:
        mask: (X, Y, Z) the tumour, or its margin.
        structure: (X, Y, Z) on the same grid.
        spacing_mm: Size of a voxel along each axis.
        percent: Of the surface's area, for `near_mm`.
    """
    from scipy.spatial import KDTree

    nan = float("nan")
    if not mask.any() or not structure.any():
        return StructureDistance(nan, nan, 0.0, nan if not structure.any() else 0.0)
    sizes = element_sizes(tuple(float(v) for v in spacing_mm))
    codes, other = cell_codes(mask), cell_codes(structure)
    is_surface, is_other = sizes[codes] > 0, sizes[other] > 0
    step = np.asarray(spacing_mm, dtype=np.float64)
    tree: Any = KDTree(np.argwhere(is_other) * step, balanced_tree=False, compact_nodes=False)
    distance: Any = tree.query(np.argwhere(is_surface) * step)[0]
    distance = np.where(other[is_surface] == 255, 0.0, distance)  # 255: inside the structure
    both = int(np.count_nonzero(mask & structure))
    least = 0.0 if both else float(distance.min())
    order = np.argsort(distance)
    reached = np.cumsum(sizes[codes][is_surface][order])
    at = int(np.searchsorted(reached, percent / 100 * reached[-1]))
    voxel = float(np.prod(step)) * ML
    return StructureDistance(
        least, float(distance[order[at]]), both * voxel, both / int(np.count_nonzero(structure))
    )
