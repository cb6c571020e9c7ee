"""Features of random filters: the form of FMCIB's table, the physics of the cube, and a signal."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.transforms.untrained_features import N_FEATURES, untrained_features

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def ball(radius_mm: float, *, at: tuple[float, float, float] = (40.0, 40.0, 40.0)) -> np.ndarray:
    place = np.stack(np.meshgrid(*(np.arange(41) * 2.0,) * 3, indexing="ij"), axis=-1)
    return np.where(np.linalg.norm(place - at, axis=-1) < radius_mm, 40.0, -850.0)


def test_as_many_as_fmcib_has_and_always_the_same() -> None:
    found = untrained_features(ball(10), AFFINE, (40.0, 40.0, 40.0))
    assert found.shape == (N_FEATURES,) == (4096,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.min() >= 0  # rectified
    np.testing.assert_array_equal(found, untrained_features(ball(10), AFFINE, (40.0, 40.0, 40.0)))


def test_only_the_surroundings_of_the_centre_count() -> None:
    far, near = ball(10), ball(10)
    far[:5] = 1000.0  # 30 mm and more away, beyond the cube's 25
    near[18] = 1000.0
    plain = untrained_features(ball(10), AFFINE, (40.0, 40.0, 40.0))
    np.testing.assert_array_equal(untrained_features(far, AFFINE, (40.0, 40.0, 40.0)), plain)
    assert not np.array_equal(untrained_features(near, AFFINE, (40.0, 40.0, 40.0)), plain)


def test_place_and_orientation_of_the_grid_do_not_count() -> None:
    """The same ball drawn elsewhere, on a grid that runs the other way."""
    plain = untrained_features(ball(10), AFFINE, (40.0, 40.0, 40.0))
    flipped = AFFINE.copy()
    flipped[0, 0], flipped[0, 3] = -2.0, 80.0 + 300.0
    moved = untrained_features(ball(10)[::-1], flipped, (340.0, 40.0, 40.0))
    np.testing.assert_allclose(moved, plain, atol=1e-5)


def test_what_lies_in_an_octant_moves_its_features_alone() -> None:
    there = ball(10)
    there[29:31, 29:31, 29:31] = 1000.0  # 18 to 20 mm right, anterior and superior of the centre
    plain = untrained_features(ball(10), AFFINE, (40.0, 40.0, 40.0)).reshape(2, 8, 256)
    found = untrained_features(there, AFFINE, (40.0, 40.0, 40.0)).reshape(2, 8, 256)
    assert np.flatnonzero((found[0] != plain[0]).any(axis=1)).tolist() == [7]


def test_beyond_the_volume_is_lung() -> None:
    small = ball(10)[8:33, 8:33, 8:33]
    cut = AFFINE.copy()
    cut[:3, 3] = 16.0
    np.testing.assert_allclose(
        untrained_features(small, cut, (40.0, 40.0, 40.0)),
        untrained_features(ball(10), AFFINE, (40.0, 40.0, 40.0)),
        atol=1e-5,
    )


def test_size_can_be_read_off() -> None:
    radius = np.linspace(5, 20, 12)
    found = np.stack([untrained_features(ball(r), AFFINE, (40.0, 40.0, 40.0)) for r in radius])
    varies = found.std(axis=0) > 1e-6
    r = np.corrcoef(np.column_stack([radius, found[:, varies]]), rowvar=False)[0, 1:]
    assert np.abs(r).max() > 0.95
    assert varies.sum() > 2000


@pytest.mark.parametrize("value", [-850.0, 40.0])
def test_a_plain_field_gives_each_filter_one_response(value: float) -> None:
    found = untrained_features(np.full((41, 41, 41), value), AFFINE, (40.0, 40.0, 40.0))
    of_scale = found.reshape(2, 8, 256)
    np.testing.assert_allclose(of_scale, of_scale[:, :1].repeat(8, axis=1), atol=1e-6)
