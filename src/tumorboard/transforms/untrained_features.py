"""Features of a tumour's surroundings from random filters: a stand-in for a foundation model's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from tumorboard.records import Floats

#: Edge of the cube in mm and its voxels per axis.
EDGE_MM, EDGE_VOX = 50.0, 16
#: Filters at each scale, and voxels per axis of a filter.
N_FILTERS, WIDTH_VOX = 256, 3
_SCALES = (1, 2)
#: Responses are averaged in each octant: features that say where are as many as real ones are.
_OCTANTS = 8
N_FEATURES = N_FILTERS * len(_SCALES) * _OCTANTS
#: Lowest intensity and range that become 0 to 1, in HU; lung, -850, is what lies outside.
_LOWEST_HU, _RANGE_HU, _OUTSIDE_HU = -1024.0, 3072.0, -850.0
#: One network for every cohort, as a foundation model is.
_SEED = 20240315


def untrained_features(
    hu: NDArray[np.generic], affine: Floats, center_mm: Sequence[float]
) -> NDArray[np.float32]:
    """(4096,) responses of random filters, rectified, to the 50 mm around a centre.

    One convolution layer of random weights at each of two scales, averaged in each octant. Nothing
    was learned from any image: what these features tell is what such a layer leaves of the
    intensities. They have the form of FMCIB's features, not their worth.

    Args:
        hu: (X, Y, Z) Hounsfield units.
        affine: (4, 4) voxel index -> mm.
        center_mm: Centre of the cube, in the affine's space.

    Source:
        Jarrett et al., ICCV 2009: random filters, rectified and pooled, tell objects apart.
    """
    cube = _cube(hu, affine, center_mm)
    found: list[NDArray[np.float32]] = []
    for k, scale in enumerate(_SCALES):
        patches = np.lib.stride_tricks.sliding_window_view(_pooled(cube, scale), (WIDTH_VOX,) * 3)
        weights, bias = _filters()[k]
        n = len(patches) // 2
        response = np.maximum(patches.reshape(-1, WIDTH_VOX**3) @ weights + bias, 0.0)
        octants = response.reshape(2, n, 2, n, 2, n, N_FILTERS).mean(axis=(1, 3, 5))
        found.append(octants.astype(np.float32).ravel())
    return np.concatenate(found)


def _cube(hu: NDArray[np.generic], affine: Floats, center_mm: Sequence[float]) -> Floats:
    """(16, 16, 16) intensities from 0 to 1, between voxels linearly."""
    step = EDGE_MM / EDGE_VOX
    along = (np.arange(EDGE_VOX) - (EDGE_VOX - 1) / 2) * step
    place = np.stack(np.meshgrid(along, along, along, indexing="ij")).reshape(3, -1)
    place = place + np.asarray(center_mm, dtype=np.float64)[:, None]
    index = np.linalg.inv(affine) @ np.vstack([place, np.ones((1, place.shape[1]))])
    values = map_coordinates(
        hu.astype(np.float64), index[:3], order=1, mode="constant", cval=_OUTSIDE_HU
    )
    scaled = np.clip((values - _LOWEST_HU) / _RANGE_HU, 0.0, 1.0)
    return scaled.reshape((EDGE_VOX,) * 3)


def _pooled(cube: Floats, scale: int) -> Floats:
    n = len(cube) // scale
    return cube.reshape(n, scale, n, scale, n, scale).mean(axis=(1, 3, 5))


@cache
def _filters() -> list[tuple[Floats, Floats]]:
    """Weights (27, 256) with mean 0 or not, half and half, and biases (256,) of each scale."""
    rng = np.random.default_rng(_SEED)
    found: list[tuple[Floats, Floats]] = []
    for _ in _SCALES:
        weights = rng.normal(0.0, WIDTH_VOX**-1.5, size=(WIDTH_VOX**3, N_FILTERS))
        weights[:, ::2] -= weights[:, ::2].mean(axis=0)  # edges alone, whatever the brightness
        found.append((weights, rng.normal(0.0, 0.05, size=N_FILTERS)))
    return found
