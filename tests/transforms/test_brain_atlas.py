"""Lobes lie where anatomy has them."""

from __future__ import annotations

import numpy as np

from tumorboard.transforms.brain_atlas import (
    LOBES,
    UNDERSIDE_MM,
    lobe_of,
    outside_cerebrum,
    side_of,
    signed_distance,
)


def test_known_places_have_their_lobe() -> None:
    """Places of an adult brain, mm from its middle: y to the front, z to the head."""
    places = {
        "frontal": (30, 60, 10), "parietal": (35, -40, 40), "temporal": (50, 0, -24),
        "occipital": (20, -72, 5),
    }  # fmt: skip
    for lobe, (x, y, z) in places.items():
        for side in (1, -1):
            (number,) = lobe_of(np.asarray([[side * x], [y], [z]], dtype=np.float32))
            assert LOBES[number] == lobe
    nowhere = np.asarray([[0, 0, 90], [0, -10, -20]], dtype=np.float32).T
    assert lobe_of(nowhere).tolist() == [-1, -1]
    assert (side_of(-3.0), side_of(3.0)) == ("left", "right")


def test_distance_to_a_ball_is_exact_and_the_underside_is_flat() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-50, 50, (3, 200)).astype(np.float32)
    away = np.linalg.norm(points - np.asarray([[3], [2], [1]]), axis=0)
    assert np.abs(signed_distance(points, (3, 2, 1), (20, 20, 20)) - (away - 20)).max() < 1e-3
    below = np.asarray([[0.0], [0.0], [UNDERSIDE_MM - 4]], dtype=np.float32)
    assert outside_cerebrum(below)[0] == 4
