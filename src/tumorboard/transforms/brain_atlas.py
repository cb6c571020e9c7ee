"""Lobes of a head drawn from ellipsoids: where a point in mm lies.

Head coordinates in mm are RAS+ (x to the patient's right, y anterior, z superior), the origin is in
the middle of the head: the patient's left is x < 0. Borders stand for the central sulcus, the
Sylvian fissure and the parieto-occipital sulcus as planes; sizes are those of an adult brain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Ints

SIDES = ("left", "right")
LOBES = ("frontal", "parietal", "temporal", "occipital")
#: Centre and half axes of both hemispheres together, and height of their flat underside.
CEREBRUM: tuple[tuple[float, float, float], tuple[float, float, float]] = (
    (0.0, 0.0, 6.0), (66.0, 84.0, 60.0),
)  # fmt: skip
UNDERSIDE_MM = -40.0

Points = NDArray[np.float32]


def signed_distance(
    points: Points, center: tuple[float, float, float], radii: tuple[float, float, float]
) -> Points:
    """About how many mm points lie outside of an ellipsoid; negative inside, exact on its surface.

    The first-order distance: the value of |p / r| - 1 over the length of its gradient.

    Args:
        points: (3, n).
        center: Of the ellipsoid.
        radii: Its half axes.
    """
    inverse = (1 / np.asarray(radii, dtype=np.float32))[:, None]
    scaled = (points - np.asarray(center, dtype=np.float32)[:, None]) * inverse
    value = np.sqrt(np.einsum("an,an->n", scaled, scaled))
    scaled *= inverse
    slope = np.sqrt(np.einsum("an,an->n", scaled, scaled))
    return value * (value - 1) / np.maximum(slope, 1e-6)


def outside_cerebrum(points: Points) -> Points:
    """Signed distance in mm of points (3, n) to the surface of the hemispheres."""
    return np.maximum(signed_distance(points, *CEREBRUM), UNDERSIDE_MM - points[2])


def sylvian_height(y: Points) -> Points:
    """Height of the Sylvian fissure, which rises to the front, at each y."""
    return -6 + np.float32(0.2) * y


def lobe_of(points: Points) -> Ints:
    """Number in `LOBES` of points (3, n); -1 outside of the hemispheres and deep within."""
    x, y, z = points
    is_inside = outside_cerebrum(points) < 0
    below: Bools = z < sylvian_height(y)
    found = np.full(points.shape[1], -1, dtype=np.int64)
    found[y > 10 - 0.3 * z] = 0
    found[y <= 10 - 0.3 * z] = 1
    found[below] = -1
    found[below & (np.abs(x) > 22) & (y > -52)] = 2
    found[below & (y > 34)] = 0  # the orbital surface of the frontal lobe
    found[(y <= -52) & (z > -32)] = 3
    found[~is_inside] = -1
    return found


def side_of(x: float) -> str:
    """`left` or `right` of the patient."""
    return SIDES[int(x > 0)]
