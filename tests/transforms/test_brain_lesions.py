"""Lesions: their parts, their places and their sizes."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.transforms.brain_atlas import LOBES, SIDES, lobe_of, side_of
from tumorboard.transforms.brain_lesions import (
    CORE,
    ENHANCING,
    HETEROGENEITY,
    OEDEMA,
    RADII_MM,
    Heterogeneity,
    Lesion,
    draw_lesion,
    draw_waves,
    middle_of,
    parts_at,
    waves_at,
)


def drawn(kind: Heterogeneity, side: str, lobe: str, seed: int = 0) -> Lesion:
    rng = np.random.default_rng([seed, LOBES.index(lobe), SIDES.index(side)])
    return draw_lesion(side, lobe, heterogeneity=kind, border_mm=(2.0, 8.0), rng=rng)


def around(lesion: Lesion, step_mm: float = 1.5) -> np.ndarray:
    axis = np.arange(-lesion.reach_mm, lesion.reach_mm, step_mm)
    away = np.stack(np.meshgrid(axis, axis, axis, indexing="ij")).reshape(3, -1)
    return (away + lesion.center_mm[:, None]).astype(np.float32)


@pytest.mark.parametrize("lobe", LOBES)
@pytest.mark.parametrize("side", SIDES)
def test_the_middle_of_a_lesion_is_where_it_is_said_to_be(side: str, lobe: str) -> None:
    for seed, kind in enumerate(HETEROGENEITY):
        middle, volume_ml = middle_of(drawn(kind, side, lobe, seed))
        assert LOBES[lobe_of(middle[:, None].astype(np.float32))[0]] == lobe
        assert side_of(middle[0]) == side
        smallest, largest = (4 / 3 * np.pi * r**3 / 1000 for r in RADII_MM)
        assert 0.5 * smallest < volume_ml < 1.6 * largest


def test_a_lesion_grows_more_mixed_from_kind_to_kind() -> None:
    """Solid without a rim; a closed rim; a thick one around necrosis; several bodies."""
    found = {
        kind: [drawn(kind, "left", "parietal", seed) for seed in range(3)] for kind in HETEROGENEITY
    }
    for kind, lesions in found.items():
        for lesion in lesions:
            labels = parts_at(lesion, around(lesion)).labels(kind == "homogeneous")
            here = set(np.unique(labels).tolist())
            assert here == {0, CORE, OEDEMA} | ({ENHANCING} if kind != "homogeneous" else set())
            assert (len(lesion.bodies) > 1) == (kind == "multifocal")
    thin, thick = (np.mean([o.bodies[0].rim_share for o in found[k]]) for k in ("rim", "necrosis"))
    assert thin < thick


def test_scaling_a_lesion_scales_its_volume_by_the_cube() -> None:
    lesion = drawn("multifocal", "right", "frontal")
    points = around(lesion)
    volume = (parts_at(lesion, points).outside_mm < 0).sum()
    smaller = (parts_at(lesion.scaled(0.8), points).outside_mm < 0).sum()
    assert smaller / volume == pytest.approx(0.8**3, rel=0.02)


def test_waves_have_the_standard_deviation_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-100, 100, (3, 20_000)).astype(np.float32)
    waves = draw_waves(rng, (0.3, 0.5), 12, 2.0)
    assert waves_at(points, waves).std() == pytest.approx(2.0, rel=0.05)
