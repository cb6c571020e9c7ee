"""NSD and HD95: hand counts, spheres, MONAI and every pair of points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.metrics.surface_dice import compute_surface_dice

from tumorboard.evaluation.surface_distances import Surface, hausdorff, nsd, surfaces
from tumorboard.evaluation.surface_elements import cell_codes, element_sizes
from tumorboard.records import Bools


def sphere(radius: float, spacing: tuple[float, ...], *, shift: float = 0.0) -> Bools:
    """A ball in a box of 60 mm, moved along the first axis."""
    axes = [np.arange(round(60 / size)) * size - 30 for size in spacing]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    return (x - shift) ** 2 + y**2 + z**2 <= radius**2


def blobs(seed: int, shape: tuple[int, ...]) -> Bools:
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).standard_normal(shape)
    return gaussian_filter(noise, 1.5, mode="constant") > 0.05


def test_a_box_moved_by_two_voxels_by_hand() -> None:
    mask = np.zeros((20, 20, 20), dtype=np.bool_)
    mask[5:11, 5:11, 5:11] = True
    moved = np.roll(mask, 2, axis=0)
    pair = surfaces(mask, moved, (1.5, 1.0, 1.0))
    assert hausdorff(pair) == pytest.approx(3.0)
    assert hausdorff(pair, 100) == pytest.approx(3.0)
    # the two faces that moved and their cut edges are apart; half a voxel of each side as well
    assert nsd(pair, 3.0) == 1.0
    assert 0.5 < nsd(pair, 1.49) < nsd(pair, 1.5) < nsd(pair, 2.99) < 1.0


def test_squares_in_a_plane_by_hand() -> None:
    square = np.zeros((12, 12), dtype=np.bool_)
    square[2:6, 2:6] = True
    pair = surfaces(square, np.roll(square, 3, axis=1), (1.0, 1.0))
    # 4 corners of sqrt(0.5) and 4 sides of 3; both have the cells in the columns 4.5 and 5.5 above
    # and below, which are a side and a corner of each
    corner = np.sqrt(0.5)
    assert pair[0].size.sum() == pytest.approx(4 * corner + 12)
    assert pair[0].within(0.0) == pytest.approx(2 + 2 * corner)
    assert hausdorff(pair) == 3.0


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.6, 1.0, 2.0)])
def test_spheres_one_in_the_other(spacing: tuple[float, float, float]) -> None:
    pair = surfaces(sphere(20, spacing), sphere(16, spacing), spacing)
    step = max(spacing)
    assert hausdorff(pair) == pytest.approx(4.0, abs=step)
    assert nsd(pair, 4.0 + step) == 1.0
    assert nsd(pair, 4.0 - 1.5 * step) < 0.05


def test_shifted_sphere() -> None:
    spacing, shift = (0.5, 0.5, 0.5), 6.0
    pair = surfaces(sphere(20, spacing), sphere(20, spacing, shift=shift), spacing)
    # at the angle a from the shift a distance of about shift * |cos a|, which is uniform on a ball
    assert hausdorff(pair) == pytest.approx(0.95 * shift, abs=0.3)
    assert hausdorff(pair, 100) == pytest.approx(shift, abs=0.2)
    assert 0.4 < nsd(pair, 2.5) < 0.5 < nsd(pair, 3.25) < 0.6


# MONAI passes itself an argument that it has deprecated
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy.*:FutureWarning")
@pytest.mark.parametrize(
    ("spacing", "shape"), [((1.0, 1.0, 1.0), (22, 20, 18)), ((0.7, 1.3, 2.0), (22, 20, 18)),
                           ((0.5, 1.2), (40, 30))],
)  # fmt: skip
@pytest.mark.parametrize("tolerance", [0.0, 1.0, 2.0])
def test_nsd_is_that_of_a_second_implementation(
    spacing: tuple[float, ...], shape: tuple[int, ...], tolerance: float
) -> None:
    first, second = blobs(1, shape), blobs(2, shape)
    y, y_pred = (torch.from_numpy(mask)[None, None].float() for mask in (first, second))
    theirs = compute_surface_dice(
        y_pred, y, [tolerance], include_background=True, spacing=spacing, use_subvoxels=True
    )
    assert nsd(surfaces(first, second, spacing), tolerance) == pytest.approx(
        float(theirs[0, 0]), abs=1e-6
    )


def test_distances_are_those_of_all_pairs() -> None:
    spacing = (0.7, 1.3, 2.0)
    first, second = blobs(3, (9, 8, 7)), blobs(4, (9, 8, 7))
    sizes = element_sizes(spacing)
    places = [np.argwhere(sizes[cell_codes(mask)] > 0) * spacing for mask in (first, second)]
    gap = np.linalg.norm(places[0][:, None] - places[1][None], axis=2)
    pair = surfaces(first, second, spacing)
    np.testing.assert_allclose(pair[0].distance, gap.min(axis=1), atol=1e-12)
    np.testing.assert_allclose(pair[1].distance, gap.min(axis=0), atol=1e-12)


def test_percentile_weighs_by_area() -> None:
    surface = Surface(np.array([5.0, 1.0, 2.0]), np.array([1.0, 94.0, 5.0]))
    assert [surface.percentile(p) for p in (50, 94, 95, 99, 100)] == [1, 1, 2, 2, 5]


def test_steps_that_sum_to_the_tolerance_are_within_it() -> None:
    surface = Surface(np.array([0.1 + 0.2, 3 * float(np.float32(0.1))]), np.ones(2))
    assert surface.within(0.3) == 2
