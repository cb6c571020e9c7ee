"""Heat maps over images and volumes: their size, and where their mass lies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats

Maps = NDArray[np.float32]


def enlarge(maps: Maps, size: tuple[int, ...]) -> Maps:
    """Maps (n, *space) of any number of axes on a finer grid `size`, linear between the centres."""
    import torch
    from torch.nn.functional import interpolate

    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[len(size)]
    given = torch.from_numpy(np.ascontiguousarray(maps))[:, None]
    made = interpolate(given, size=size, mode=mode, align_corners=False)
    return made[:, 0].numpy()


def share_inside(maps: NDArray[Any], masks: Bools) -> Floats:
    """(n,) share of each map's mass that lies inside its mask; NaN for a map without any mass.

    Args:
        maps: (n, *space), non-negative.
        masks: (n, *space).
    """
    axes = tuple(range(1, maps.ndim))
    whole = maps.sum(axis=axes, dtype=np.float64)
    inside = np.where(masks, maps, 0).sum(axis=axes, dtype=np.float64)
    return np.divide(inside, whole, out=np.full(len(maps), np.nan), where=whole > 0)


def around_points(points: NDArray[Any], size: tuple[int, ...], *, radius: float) -> Bools:
    """A mask of all places within `radius` of any point, such as annotated nuclei.

    Args:
        points: (n, axes) positions in px, or voxels; 0 is the centre of the first.
        size: Of the mask.
        radius: In the same unit.
    """
    mask = np.zeros(size, dtype=np.bool_)
    grid = np.meshgrid(*(np.arange(length) for length in size), indexing="ij", sparse=True)
    for point in np.asarray(points, dtype=np.float64).reshape(-1, len(size)):
        distance = sum((axis - at) ** 2 for axis, at in zip(grid, point, strict=True))
        mask |= distance <= radius**2
    return mask


def peaks(maps: NDArray[Any]) -> NDArray[np.int64]:
    """(n, axes) place of each map's largest value; the first where there are several."""
    flat = maps.reshape(len(maps), -1).argmax(axis=1)
    return np.stack(np.unravel_index(flat, maps.shape[1:]), axis=1).astype(np.int64)


def entropy(maps: NDArray[Any]) -> Floats:
    """(n,) how spread out each map is: 1 alike everywhere, 0 in one place; NaN without mass.

    Shannon entropy of the map as a distribution over places, divided by the largest possible.
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    whole = flat.sum(axis=1, keepdims=True)
    share = np.divide(flat, whole, out=np.zeros_like(flat), where=whole > 0)
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    spread = -(share * logs).sum(axis=1) / np.log(flat.shape[1])
    return np.where(whole[:, 0] > 0, spread, np.nan)


def rank_correlation(first: NDArray[Any], second: NDArray[Any]) -> Floats:
    """(n,) Spearman correlation over places between two maps of each image.

    0 where one of the two is the same everywhere and the other is not; NaN where both are.
    """
    from scipy.stats import rankdata

    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    norms = np.stack([np.sqrt((rank**2).sum(axis=1)) for rank in (a, b)])
    product = norms.prod(axis=0)
    found = np.divide((a * b).sum(axis=1), product, out=np.zeros(len(a)), where=product > 0)
    return np.where((norms == 0).all(axis=0), np.nan, found)
