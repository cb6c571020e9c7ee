"""Registration of a simulated head that was shifted and turned by a known amount."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.nifti import read_nifti
from tumorboard.records import Floats
from tumorboard.simulators.brain_mri import BrainMri
from tumorboard.transforms.visit_alignment import Alignment, align_visits, check_align
from tumorboard.transforms.volume_resampling import Grid, resample


@cache
def head(folder: str) -> tuple[NDArray[np.float32], Grid]:
    from pathlib import Path

    out = Path(folder) / "head"
    BrainMri(size=(48, 54, 42), noise=0.02).write(out, n_patients=1, seed=3)
    volume = read_nifti(next((out / "mri").rglob("*flair*")))
    values = volume.array[0].astype(np.float32)
    return values, Grid((values.shape[0], values.shape[1], values.shape[2]), volume.affine)


def turned(degrees: tuple[float, float, float], shift: tuple[float, float, float]) -> Floats:
    matrix = np.eye(4)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        one = np.eye(3)
        a, b = [k for k in range(3) if k != axis]
        one[a, a] = one[b, b] = math.cos(angle)
        one[a, b], one[b, a] = -math.sin(angle), math.sin(angle)
        matrix[:3, :3] = one @ matrix[:3, :3]
    matrix[:3, 3] = shift
    return matrix


def moved(values: NDArray[np.float32], grid: Grid, matrix: Floats) -> NDArray[np.float32]:
    """The image of a patient who lies elsewhere: the point p of `grid` now lies at matrix @ p."""
    there = Grid(grid.shape, matrix @ grid.affine)
    return resample(values, there, grid, fill=float(values.min())).astype(np.float32)


def error_mm(found: Alignment, matrix: Floats, grid: Grid) -> float:
    """How far points of the head are put from where they were."""
    index = np.random.default_rng(0).uniform(0.2, 0.8, (200, 3)) * grid.shape
    points = np.c_[index @ grid.affine[:3, :3].T + grid.affine[:3, 3], np.ones(200)]
    back = points @ (found.matrix @ matrix).T
    return float(np.linalg.norm((back - points)[:, :3], axis=1).max())


@pytest.mark.parametrize(
    ("degrees", "shift"),
    [((0.0, 0.0, 8.0), (6.0, -9.0, 4.0)), ((-6.0, 4.0, 5.0), (-12.0, 5.0, 8.0))],
)
def test_a_moved_head_is_found(
    tmp_path_factory: pytest.TempPathFactory,
    degrees: tuple[float, float, float],
    shift: tuple[float, float, float],
) -> None:
    values, grid = head(str(tmp_path_factory.getbasetemp()))
    matrix = turned(degrees, shift)
    other = moved(values, grid, matrix)
    other += np.random.default_rng(1).normal(0, 0.02 * float(values.max()), other.shape)
    found = align_visits(values, grid, other.astype(np.float32), grid)
    voxel = float(grid.spacing_mm.min())
    assert error_mm(found, matrix, grid) < voxel
    assert found.residual_mm < voxel / 2
    assert found.correlation_after > max(0.9, found.correlation)
    angle = math.degrees(math.acos((np.trace(matrix[:3, :3]) - 1) / 2))
    assert found.turned_degrees == pytest.approx(angle, abs=0.7)


def test_nothing_moved_and_the_same_answer_twice(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    values, grid = head(str(tmp_path_factory.getbasetemp()))
    first, second = (align_visits(values, grid, values, grid) for _ in range(2))
    assert np.abs(first.matrix - second.matrix).max() < 1e-6
    assert error_mm(first, np.eye(4), grid) < 0.2
    assert first.correlation == pytest.approx(1.0)


def test_another_frame_of_the_scanner(tmp_path_factory: pytest.TempPathFactory) -> None:
    values, grid = head(str(tmp_path_factory.getbasetemp()))
    away = np.eye(4)
    away[:3, 3] = (0, 0, 900.0)
    found = align_visits(values, grid, values, Grid(grid.shape, away @ grid.affine))
    assert np.abs(found.matrix[:3, 3] - (0, 0, -900)).max() < 0.5


def test_words() -> None:
    assert check_align("rigid") == "rigid"
    with pytest.raises(InputError, match=r"^--align affine: expected none or rigid\.$"):
        check_align("affine")
