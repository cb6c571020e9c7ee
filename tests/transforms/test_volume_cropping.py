"""Where the box lies: the centre in the middle voxel, body and lungs found, outside refused."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.transforms.volume_cropping import (
    box_around,
    centre_of_body,
    centre_of_lungs,
    centre_of_mask,
    check_inside,
    middle_of,
)
from tumorboard.transforms.volume_resampling import Grid, resample


def grid() -> Grid:
    affine = np.diag([4.0, 4.0, 5.0, 1.0])
    affine[:3, 3] = (-200, -160, -100)
    return Grid((100, 80, 60), affine)


def chest() -> np.ndarray:
    """A body in air off the middle, with two lungs, a trachea out of the top, and a table."""
    x, y, z = np.indices(grid().shape)
    hu = np.full(grid().shape, -1000.0)
    hu[((x - 55) / 35) ** 2 + ((y - 42) / 25) ** 2 <= 1] = 40
    for side in (40, 70):
        hu[((x - side) / 10) ** 2 + ((y - 42) / 15) ** 2 + ((z - 25) / 18) ** 2 <= 1] = -850
    hu[53:56, 40:43, 30:] = -1000
    hu[30:80, 5:7] = 100
    return hu.astype(np.int16)


@pytest.mark.parametrize("size", [(9, 9, 9), (8, 6, 10)])
@pytest.mark.parametrize("spacing", [(4.0, 4.0, 5.0), (2.0, 3.0, 2.5)])
def test_the_centre_lies_in_the_middle_voxel(
    size: tuple[int, int, int], spacing: tuple[float, float, float]
) -> None:
    values = np.zeros(grid().shape, dtype=np.float32)
    values[50, 40, 30] = 1
    centre = grid().point_of(np.array([50, 40, 30]) + 0.3)
    box = box_around(grid(), centre, size, np.asarray(spacing))
    assert box.shape == size
    middle = box.point_of(np.asarray(size) // 2 * 1.0)
    assert (np.abs(middle - centre) <= grid().spacing_mm / 2 + 1e-9).all()
    if spacing != (4.0, 4.0, 5.0):
        np.testing.assert_allclose(middle, centre)
    marked = box_around(
        grid(), grid().point_of(np.array([50.0, 40, 30])), size, np.asarray(spacing)
    )
    found = resample(values, grid(), marked)
    assert np.unravel_index(found.argmax(), size) == tuple(n // 2 for n in size)


def test_the_middle_of_the_volume_gives_the_volume() -> None:
    box = box_around(grid(), middle_of(grid()), grid().shape, grid().spacing_mm)
    np.testing.assert_allclose(box.affine, grid().affine)


def test_body_and_lungs_by_their_boxes() -> None:
    body = grid().index_of(centre_of_body(chest(), grid(), is_ct=True, what="it"))
    np.testing.assert_allclose(body, [55, 42, 29.5], atol=0.6)
    lungs = grid().index_of(centre_of_lungs(chest(), grid(), what="it"))
    np.testing.assert_allclose(lungs, [55, 42, 25], atol=0.6)


def test_a_body_without_hounsfield_units_and_padding_that_is_no_lung() -> None:
    bright = (chest() + 1000.0) / 7
    body = grid().index_of(centre_of_body(bright, grid(), is_ct=False, what="it"))
    np.testing.assert_allclose(body[:2], [55, 42], atol=0.6)
    solid = np.full(grid().shape, 40, dtype=np.int16)
    outside = np.zeros(grid().shape, dtype=np.bool_)
    outside[:5] = True
    with pytest.raises(InputError, match=r"no lung found .* 0 ml, expected at least 200"):
        centre_of_lungs(solid, grid(), what="it", outside=outside)
    with pytest.raises(InputError, match="no body found"):
        centre_of_body(np.full(grid().shape, -1000), grid(), is_ct=True, what="it")


def test_the_centre_of_a_mask_is_its_centre_of_mass() -> None:
    mask = np.zeros(grid().shape, dtype=np.bool_)
    mask[10:13, 20, 30] = True
    np.testing.assert_allclose(centre_of_mask(mask, grid(), what="it"), [-156, -80, 50])
    with pytest.raises(InputError, match="it: an empty mask"):
        centre_of_mask(mask & False, grid(), what="it")


def test_a_centre_outside_is_refused_with_the_distance_and_a_hint() -> None:
    check_inside(grid(), np.array([-201.0, 0, 0]), what="it")  # within the first voxel
    with pytest.raises(InputError, match=r"lies 98\.0 mm outside of the volume, .* z -100 to 195"):
        check_inside(grid(), np.array([0.0, 0, -200.5]), what="it")
    with pytest.raises(InputError, match="signs of x and y changed it would lie inside"):
        check_inside(grid(), np.array([0.0, 161.0, 0]), what="it")
