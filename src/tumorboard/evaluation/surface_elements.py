"""Surfaces of masks between the voxel centres, each element with its own area."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats

Codes = NDArray[np.uint8]
_Point = tuple[float, ...]
#: A set of triangles of one polygon that cover it, by the numbers of its corners.
_Triangles = list[tuple[int, int, int]]


def cell_codes(mask: Bools) -> Codes:
    """Which corners of each cell between neighbouring voxels are inside, as bits of one number.

    Beyond the array nothing is inside, so a mask that touches its edge has a closed surface.

    Returns:
        One more along each axis than `mask`; 0 outside, 15 (2D) or 255 (3D) inside, else surface.
    """
    codes = np.pad(mask, 1).view(np.uint8)
    for axis in range(mask.ndim - 1, -1, -1):
        bits = 2 ** (mask.ndim - 1 - axis)
        lower, upper = (
            codes[(*[slice(None)] * axis, part)] for part in (slice(None, -1), slice(1, None))
        )
        codes = (lower << np.uint8(bits)) | upper
    return codes


def element_sizes(spacing: Sequence[float]) -> Floats:
    """Area (3D) or length (2D) of the surface in a cell, by its code.

    The surface cuts each edge between an inside and an outside corner in its middle. Where the
    rarer kind of corner touches only over a diagonal, its corners are cut off one by one; of the
    ways to cover a bent polygon with triangles the one with the largest area is taken.

    Args:
        spacing: Two or three sizes of a voxel.

    Source:
        Marching cubes (Lorensen & Cline, SIGGRAPH 1987), used to weight surface distances as in
        Nikolov et al., J Med Internet Res 2021; 23: e26151.
    """
    if len(spacing) == 2:
        return _lengths(spacing)
    x, y, z = spacing
    facing = np.asarray([y * z, x * z, x * y], dtype=np.float64)
    return np.asarray(
        [sum(float(np.linalg.norm(v * facing)) for v in vectors) for vectors in _area_vectors()]
    )


def _lengths(spacing: Sequence[float]) -> Floats:
    """Lengths for the 16 codes of a square."""
    x, y = spacing
    corner = float(np.hypot(x, y)) / 2
    sizes = np.full(16, corner)
    sizes[[0b0000, 0b1111]] = 0.0
    sizes[[0b0011, 0b1100]] = y  # across the first axis
    sizes[[0b0101, 0b1010]] = x
    sizes[[0b0110, 0b1001]] = 2 * corner
    return sizes


@cache
def _area_vectors() -> tuple[tuple[Floats, ...], ...]:
    """Area vectors of the triangles of every code in a cube of side 1."""
    half = [
        tuple(v for polygon in _polygons(code) for v in _widest_cover(polygon))
        if code.bit_count() <= 4
        else ()
        for code in range(256)
    ]
    # inside and outside exchanged: the same surface
    return tuple(half[code if code.bit_count() <= 4 else 255 - code] for code in range(256))


def _polygons(code: int) -> Iterator[list[_Point]]:
    """Closed polygons through the middles of the cut edges."""
    neighbours: dict[_Point, list[_Point]] = {}
    for one, other in _segments(code):
        neighbours.setdefault(one, []).append(other)
        neighbours.setdefault(other, []).append(one)
    while neighbours:
        start = min(neighbours)
        polygon, at = [start], neighbours[start][0]
        while at != start:
            before, after = neighbours[at]
            polygon.append(at)
            at = after if before == polygon[-2] else before
        for point in polygon:
            del neighbours[point]
        yield polygon


def _segments(code: int) -> Iterator[tuple[_Point, _Point]]:
    """Where the surface crosses the six faces."""
    for axis, side in product(range(3), (0, 1)):
        around = ((0, 0), (1, 0), (1, 1), (0, 1))
        corners = [(*pair[:axis], side, *pair[axis:]) for pair in around]
        inside = [bool(code & (128 >> (4 * x + 2 * y + z))) for x, y, z in corners]
        middles = [
            tuple((a + b) / 2 for a, b in zip(corners[i], corners[(i + 1) % 4], strict=True))
            for i in range(4)
        ]
        cut = [i for i in range(4) if inside[i] != inside[(i + 1) % 4]]
        if len(cut) == 2:
            yield middles[cut[0]], middles[cut[1]]
        elif cut:  # two inside corners over a diagonal: each is cut off
            yield from ((middles[i - 1], middles[i]) for i in range(4) if inside[i])


def _widest_cover(polygon: list[_Point]) -> list[Floats]:
    points = np.asarray(polygon)

    def vectors(triangles: _Triangles) -> list[Floats]:
        return [np.cross(points[b] - points[a], points[c] - points[a]) / 2 for a, b, c in triangles]

    covers = [vectors(triangles) for triangles in _covers(list(range(len(polygon))))]
    return max(covers, key=lambda cover: sum(float(np.linalg.norm(v)) for v in cover))


def _covers(corners: list[int]) -> Iterator[_Triangles]:
    """Every way to cut a polygon into triangles."""
    if len(corners) < 3:
        yield []
        return
    first, last = corners[0], corners[-1]
    for k in range(1, len(corners) - 1):
        for left, right in product(_covers(corners[: k + 1]), _covers(corners[k:])):
            yield [*left, *right, (first, corners[k], last)]
