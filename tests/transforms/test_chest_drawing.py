"""What the drawn chest shows, measured in its voxels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, label

from tumorboard.records import Bools
from tumorboard.transforms.chest_drawing import Chest, Nodule, Scanner, draw_chest

SIZE = (96, 96, 48)
QUIET = Scanner("SIEMENS", "Sensation 64", "B45f", 120, 10.0, 0.8, 1.6)


def drawn(nodule: Nodule, *, scanner: Scanner = QUIET, seed: int = 0) -> Chest:
    return draw_chest(nodule, size=SIZE, scanner=scanner, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("diameter_mm", [12.0, 26.0, 49.9])
def test_nodule_has_its_diameter_and_lies_where_it_says(diameter_mm: float) -> None:
    chest = drawn(Nodule(diameter_mm, roughness=1.0, glass=0.0))
    voxel_mm3 = abs(float(np.linalg.det(chest.affine[:3, :3])))
    volume = chest.tumour.sum() * voxel_mm3
    assert volume == pytest.approx(np.pi / 6 * diameter_mm**3, abs=voxel_mm3 / 2 + 1e-6)
    assert cast("tuple[Any, int]", label(chest.tumour, structure=np.ones((3, 3, 3))))[1] == 1
    places = np.argwhere(chest.tumour) @ chest.affine[:3, :3].T + chest.affine[:3, 3]
    assert np.abs(places.mean(axis=0) - chest.center_mm).max() < 0.25 * diameter_mm


def test_tissues_have_their_hounsfield_units() -> None:
    chest = drawn(Nodule(12.0, roughness=0.0, glass=0.0))
    corner = chest.hu[:8, -8:]
    assert corner.mean() == pytest.approx(-1000, abs=15)
    shares = [
        np.mean((chest.hu > low) & (chest.hu < high))
        for low, high in ((-950, -700), (-150, -60), (0, 100), (200, 1000))
    ]
    lung, fat, muscle, bone = (float(share) for share in shares)
    assert 0.10 < lung < 0.25
    assert 0.03 < fat < 0.15
    assert 0.10 < muscle < 0.30
    assert 0.005 < bone < 0.06


def inner(mask: Bools) -> Bools:
    return np.asarray(binary_erosion(mask), dtype=np.bool_)


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    first, second = (np.argsort(np.argsort(values)) for values in (x, y))
    return float(np.corrcoef(first, second)[0, 1])


def test_roughness_and_glass_are_seen_in_the_voxels() -> None:
    levels = np.linspace(-2, 2, 7).tolist()
    dark: list[float] = []
    pale: list[float] = []
    surface: list[float] = []
    for k, level in enumerate(levels):
        rough = drawn(Nodule(40.0, roughness=level, glass=-3.0), seed=k)
        inside = inner(rough.tumour)
        dark.append(float(np.mean(rough.hu[inside] < 20)))
        surface.append(float((rough.tumour & ~inside).mean()))
        glass = drawn(Nodule(40.0, roughness=-3.0, glass=level), seed=k)
        pale.append(float(np.mean(glass.hu[glass.tumour] < -300)))
    assert rank_correlation(levels, dark) > 0.9
    assert rank_correlation(levels, pale) > 0.9
    assert rank_correlation(levels, surface) > 0.7


def test_scanners_differ_in_noise_offset_spacing_and_field_of_view() -> None:
    nodule = Nodule(20.0, 0.0, 0.0)
    loud = Scanner("TOSHIBA", "Aquilion", "FC51", 135, 40.0, 0.8, 1.1, 12.0, 1.06, 0.9, -2000)
    quiet, other = drawn(nodule), drawn(nodule, scanner=loud)
    assert not quiet.outside.any()
    assert (other.hu[other.outside] == -1024).all()
    assert 0.1 < other.outside.mean() < 0.3
    ratio = np.diag(other.affine)[:3] / np.diag(quiet.affine)[:3]
    assert ratio == pytest.approx([1.06, 1.06, 0.9], abs=1e-3)
    heart = (slice(40, 45), slice(52, 56), slice(14, 18))
    assert quiet.hu[heart].mean() == pytest.approx(45, abs=10)
    assert other.hu[heart].mean() == pytest.approx(57, abs=15)
    assert other.hu[heart].std() > 2.5 * quiet.hu[heart].std()


def test_the_same_draws_give_the_same_chest() -> None:
    nodule = Nodule(20.0, 0.0, 0.0)
    assert np.array_equal(drawn(nodule).hu, drawn(nodule).hu)
    assert not np.array_equal(drawn(nodule).hu, drawn(nodule, seed=1).hu)
