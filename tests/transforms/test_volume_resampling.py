"""Resampling by hand: a known volume in ml keeps it, places stay places, one grid is copied."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.transforms.volume_resampling import Grid, resample, respaced, shifted


def grid(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (-40, -30, 10)
    return Grid(shape, affine)


def sphere(of: Grid, centre_mm: np.ndarray, radius_mm: float) -> np.ndarray:
    index = np.indices(of.shape).reshape(3, -1)
    points = of.affine[:3, :3] @ index + of.affine[:3, 3:]
    return (np.linalg.norm(points - centre_mm[:, None], axis=0) <= radius_mm).reshape(of.shape)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (0.8, 1.5, 2.4)])
@pytest.mark.parametrize("kind", ["nearest", "linear", "bspline"])
def test_a_sphere_keeps_its_millilitres_and_its_centre(
    spacing: tuple[float, float, float], kind: str
) -> None:
    source = grid((60, 64, 40), (1.0, 1.0, 1.5))
    centre = source.point_of(np.array([31.0, 29.0, 21.0]))
    mask = sphere(source, centre, 15.0)
    truth_ml = 4 / 3 * np.pi * 15**3 / 1000
    target = respaced(source, spacing)
    values = mask if kind == "nearest" else mask.astype(np.float32)
    found = resample(values, source, target, interpolation=kind).astype(float)  # pyright: ignore
    ml = found.sum() * np.prod(target.spacing_mm) / 1000
    assert ml == pytest.approx(truth_ml, rel=0.03)
    # `nearest` is off by up to half a voxel, 0.75 mm here
    assert ml == pytest.approx(mask.sum() * 1.5 / 1000, rel=0.03 if kind == "nearest" else 0.015)
    index = np.indices(target.shape).reshape(3, -1)
    middle = (index * found.ravel()).sum(axis=1) / found.sum()
    np.testing.assert_allclose(
        target.point_of(middle), centre, atol=0.76 if kind == "nearest" else 0.1
    )


def test_a_ramp_is_the_same_function_of_the_place() -> None:
    source = grid((20, 20, 20), (1.0, 2.0, 3.0))
    slope = np.array([1.0, -2.0, 0.5])
    index = np.indices(source.shape).reshape(3, -1)
    ramp = (slope @ (source.affine[:3, :3] @ index)).reshape(source.shape)
    target = respaced(source, (0.7, 1.1, 1.3))
    found = resample(ramp.astype(np.float32), source, target)
    inner = tuple(slice(4, -4) for _ in range(3))
    there = np.indices(target.shape).reshape(3, -1)
    points = target.affine[:3, :3] @ there + (target.affine[:3, 3:] - source.affine[:3, 3:])
    np.testing.assert_allclose(
        found[inner], (slope @ points).reshape(target.shape)[inner], atol=1e-3
    )


def test_the_box_stays_about_its_centre() -> None:
    source = grid((10, 11, 12), (1.0, 2.0, 3.0))
    target = respaced(source, (2.0, 2.0, 2.0))
    assert target.shape == (5, 11, 18)
    for of in (source, target):
        np.testing.assert_allclose(of.point_of((np.asarray(of.shape) - 1) / 2), [-35.5, -20, 26.5])


def test_equal_voxels_are_copied_and_padded() -> None:
    source = grid((4, 4, 4), (1.0, 1.0, 1.0))
    values = np.arange(64, dtype=np.int16).reshape(4, 4, 4)
    step = np.eye(4)
    step[:3, 3] = (-1, 2, 0)
    found = resample(values, source, Grid((3, 3, 2), source.affine @ step), fill=-9)
    assert found.dtype == np.int16
    assert (found[0] == -9).all()
    assert (found[:, 2] == -9).all()
    np.testing.assert_array_equal(found[1:, :2], values[:2, 2:, :2])
    assert (shifted(values, (9, 0, 0), (2, 2, 2), fill=7) == 7).all()


def test_larger_voxels_do_not_alias() -> None:
    source = grid((64, 8, 8), (1.0, 1.0, 1.0))
    stripes = np.zeros(source.shape, dtype=np.float32)
    stripes[::2] = 1  # every other voxel: its mean is all that voxels of 4 mm can say
    found = resample(stripes, source, respaced(source, (4.0, 1.0, 1.0)))
    np.testing.assert_allclose(found[2:-2], 0.5, atol=0.02)


def test_beyond_the_scan_lies_the_fill() -> None:
    source = grid((8, 8, 8), (1.0, 1.0, 1.0))
    target = Grid((8, 8, 8), source.affine @ np.array(
        [[1, 0, 0, 5.5], [0, 1, 0, 0.5], [0, 0, 1, 0], [0, 0, 0, 1.0]]
    ))  # fmt: skip
    found = resample(np.ones(source.shape, np.float32), source, target, fill=-1000)
    assert (found[3:] == -1000).all()
    assert (found[:2, :7] == 1).all()
