"""Three planes: sides, scale and the crossing lines by hand."""

from __future__ import annotations

import numpy as np

from tumorboard.prediction.kept_maps import KeptMap
from tumorboard.report.three_planes import is_flat, three_planes


def made(*, affine: np.ndarray | None, at: tuple[int, int, int] = (3, 16, 5)) -> KeptMap:
    """A volume of 20 x 20 x 10 voxels with one place of the map, and a grey ramp to the right."""
    strength = np.zeros((20, 20, 10), dtype=np.float32)
    strength[at] = 1.0
    image = np.zeros((1, 20, 20, 10), dtype=np.uint8)
    image[0] = np.linspace(0, 200, 20).astype(np.uint8)[:, None, None]
    return KeptMap(strength, image, None, affine=affine)


def brightest(pixels: np.ndarray) -> tuple[float, float]:
    """Row and column of the middle of what is far from grey, as shares."""
    colour = pixels.astype(int).max(axis=2) - pixels.astype(int).min(axis=2)
    rows, columns = np.nonzero(colour > 0.6 * colour.max())
    return rows.mean() / len(pixels), columns.mean() / pixels.shape[1]


def test_each_plane_shows_the_place_where_a_radiologist_looks_for_it() -> None:
    """x = 3 of 20 is on the patient's left: on the right; y = 16 is in front; z = 5 in the middle.

    Voxels of 1 x 1 x 2 mm: all planes are 20 x 20 mm, drawn with 300 px each.
    """
    pixels = three_planes(made(affine=np.diag([1.0, 1.0, 2.0, 1.0])))
    assert pixels.shape == (608, 3 * 300 + 2 * 8, 3)
    below = pixels[308:]
    expected = {
        0: (1 - 16.5 / 20, 1 - 3.5 / 20),  # axial: rows from the front, columns from the right
        1: (1 - 5.5 / 10, 1 - 3.5 / 20),  # coronal: rows from the head
        2: (1 - 5.5 / 10, 1 - 16.5 / 20),  # sagittal: columns from the front
    }
    for panel, place in expected.items():
        found = brightest(below[:, panel * 308 : panel * 308 + 300])
        np.testing.assert_allclose(found, place, atol=0.03)


def test_the_ramp_to_the_patients_right_is_bright_on_the_left() -> None:
    pixels = three_planes(made(affine=np.eye(4)))
    axial = pixels[40:100, :300, 0].mean(axis=0)
    assert axial[40:60].mean() > axial[240:260].mean() + 80


def test_planes_have_one_scale_in_mm_and_no_bar_without_one() -> None:
    thick = three_planes(made(affine=np.diag([1.0, 1.0, 4.0, 1.0])))
    assert thick.shape[0] == 2 * 300 + 8  # 40 mm from foot to head is the longest side
    assert thick.shape[1] == 3 * 150 + 2 * 8
    unknown = three_planes(made(affine=None))
    assert unknown.shape == (2 * 300 + 8, 3 * 300 + 2 * 8, 3)
    known = three_planes(made(affine=np.eye(4)))
    differs = np.argwhere((known != unknown).any(axis=2))
    assert (
        differs.min(axis=0)[0] > 500
    )  # the bar alone, in the lower left corner of the axial plane
    assert differs.max(axis=0)[1] < 150


def test_a_map_without_a_place_is_cut_through_the_middle_without_lines() -> None:
    image = np.zeros((1, 9, 9, 9), dtype=np.uint8)
    image[0, 4, 4, 4] = 255
    empty = KeptMap(np.zeros((9, 9, 9), dtype=np.float32), image, None, affine=None)
    assert is_flat(empty.map)
    pixels = three_planes(empty)[:300].astype(int)
    green = (pixels[..., 1] - pixels[..., 0]) > 60
    assert not green.any()
    for panel in range(3):  # the bright voxel in the middle is on every plane
        assert pixels[150 - 5 : 150 + 5, panel * 308 + 145 : panel * 308 + 155].mean() > 150
    placed = made(affine=None)
    assert not is_flat(placed.map)
    shown = three_planes(placed)[:300].astype(int)
    assert ((shown[..., 1] - shown[..., 0]) > 60).any()
