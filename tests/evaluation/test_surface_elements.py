"""Surface elements: hand counts, a sphere, and MONAI's table as a second implementation."""

from __future__ import annotations

import numpy as np
import pytest
from monai.metrics.utils import get_code_to_measure_table

from tumorboard.evaluation.surface_elements import cell_codes, element_sizes


@pytest.mark.parametrize(
    "spacing", [(1.0, 1.0), (0.7, 2.0), (1.0, 1.0, 1.0), (0.7, 1.3, 2.0), (3.0, 1.0, 1.0)]
)
def test_sizes_are_those_of_a_second_implementation(spacing: tuple[float, ...]) -> None:
    theirs, _ = get_code_to_measure_table(spacing)
    np.testing.assert_allclose(element_sizes(spacing), theirs.numpy(), atol=1e-6)


def test_codes_of_one_voxel() -> None:
    codes = cell_codes(np.ones((1, 1, 1), dtype=np.bool_))
    assert sorted(codes.ravel().tolist()) == [1, 2, 4, 8, 16, 32, 64, 128]
    assert codes[0, 0, 0] == 1
    assert codes[1, 0, 0] == 16
    np.testing.assert_array_equal(cell_codes(np.ones((1, 1), dtype=np.bool_)), [[1, 2], [4, 8]])


def test_surface_of_a_box_is_its_faces_with_cut_edges() -> None:
    mask = np.ones((6, 5, 4), dtype=np.bool_)
    sizes = element_sizes((1, 1, 1))[cell_codes(mask)]
    faces = 2 * (5 * 4 + 5 * 3 + 4 * 3)  # between voxel centres
    edges = 4 * (5 + 4 + 3) * np.sqrt(0.5)
    assert sizes.sum() == pytest.approx(faces + edges + 8 * np.sqrt(3) / 8)


def test_area_of_a_sphere_in_mm() -> None:
    spacing = (0.8, 1.0, 1.4)
    axes = [(np.arange(61) - 30) * size for size in spacing]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    mask = x**2 + y**2 + z**2 <= 20**2
    area = element_sizes(spacing)[cell_codes(mask)].sum()
    # steps of one voxel make a curved surface longer than it is; as a weight this cancels
    assert 1.0 < area / (4 * np.pi * 20**2) < 1.12
