"""Distances between the surfaces of two masks: NSD and HD95."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorboard.evaluation.surface_elements import Codes, cell_codes, element_sizes
from tumorboard.records import Bools, Floats

#: A distance counts as within a tolerance up to this share above it: headers keep voxel sizes in
#: single precision, and a step of 1.0000001 mm is one of 1 mm.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Surface:
    """The surface of one mask against that of another.

    Args:
        distance: (n,) from each surface element to the nearest element of the other mask.
        size: (n,) area of the elements; length in 2D.
    """

    distance: Floats
    size: Floats

    def within(self, tolerance: float) -> float:
        """Area within a tolerance of the other surface."""
        return float(self.size[self.distance <= tolerance * (1 + _ROUNDING)].sum())

    def percentile(self, percent: float) -> float:
        """Smallest distance that this share of the surface's area does not exceed."""
        order = np.argsort(self.distance)
        reached = np.cumsum(self.size[order])
        at = int(np.searchsorted(reached, percent / 100 * reached[-1]))
        return float(self.distance[order[min(at, len(order) - 1)]])


def surfaces(first: Bools, second: Bools, spacing: Sequence[float]) -> tuple[Surface, Surface]:
    """Surface of each of two masks against the other; neither is empty.

    An element lies in the middle of a cell between neighbouring voxels. Distances are between these
    middles, and exact.
    """
    sizes = element_sizes(spacing)
    codes = cell_codes(first), cell_codes(second)
    is_surface = tuple(sizes[code] > 0 for code in codes)
    there = _distances(is_surface[0], is_surface[1], spacing)
    back = _distances(is_surface[1], is_surface[0], spacing)
    return (
        Surface(there, _sizes(codes[0], is_surface[0], sizes)),
        Surface(back, _sizes(codes[1], is_surface[1], sizes)),
    )


def nsd(pair: tuple[Surface, Surface], tolerance: float) -> float:
    """Normalised surface distance: share of both surfaces within a tolerance of the other.

    Source:
        Nikolov et al., J Med Internet Res 2021; 23: e26151 (surface Dice).
    """
    whole = sum(float(surface.size.sum()) for surface in pair)
    return sum(surface.within(tolerance) for surface in pair) / whole


def hausdorff(pair: tuple[Surface, Surface], percent: float = 95.0) -> float:
    """The larger of both directions' percentile of distance, by area."""
    return max(surface.percentile(percent) for surface in pair)


def _sizes(codes: Codes, is_surface: Bools, sizes: Floats) -> Floats:
    return sizes[codes[is_surface]]


def _distances(of: Bools, to: Bools, spacing: Sequence[float]) -> Floats:
    """Distance of every element of one surface, in the order of the array; 0 where both have one.

    Surfaces are a thin part of the volume, so a tree of their points beats a distance transform.
    """
    from scipy.spatial import KDTree

    distances = np.zeros(int(np.count_nonzero(of)))
    apart = ~to[of]
    if apart.any():
        step = np.asarray(spacing, dtype=np.float64)
        tree: Any = KDTree(np.argwhere(to) * step, balanced_tree=False, compact_nodes=False)
        distances[apart] = tree.query(np.argwhere(of)[apart] * step)[0]
    return distances
