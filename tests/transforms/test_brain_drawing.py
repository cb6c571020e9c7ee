"""Heads: contrasts of each sequence, truth of each lesion, and nothing that tells a decoy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from tumorboard.records import Bools
from tumorboard.transforms.brain_atlas import LOBES, lobe_of
from tumorboard.transforms.brain_drawing import (
    EXTENT_MM,
    Head,
    draw_acquisition,
    draw_head,
    head_coordinates,
    whole,
)
from tumorboard.transforms.brain_lesions import (
    CORE,
    ENHANCING,
    OEDEMA,
    Heterogeneity,
    draw_lesion,
    middle_of,
)
from tumorboard.transforms.brain_tissues import SEQUENCES, draw_anatomy, outside_ventricles

SIZE = (64, 72, 56)


def drawn(kind: Heterogeneity, *, size: tuple[int, int, int] = SIZE, noise: float = 0.02) -> Head:
    rng = np.random.default_rng(4)
    anatomy = draw_anatomy(60.0, rng)
    lesion = draw_lesion("left", "parietal", heterogeneity=kind, border_mm=(3.0, 3.0), rng=rng)
    return draw_head(
        anatomy, [lesion], size=size, acquisition=draw_acquisition(rng), noise=noise,
        contrast=1.0, rng=rng,
    )  # fmt: skip


def grown(mask: Bools, steps: int) -> Bools:
    return np.asarray(binary_dilation(mask, iterations=steps), dtype=np.bool_)


def level(head: Head, sequence: str, where: np.ndarray) -> float:
    return float(np.median(head.volumes[sequence][where]))


def test_tumours_look_as_on_each_sequence() -> None:
    head = drawn("necrosis")
    labels = head.labels[0]
    near = grown(whole(labels), 3) & ~whole(labels)
    near &= head.volumes["t1"] > 0.5 * level(head, "t1", whole(labels))
    oedema, core, rim = (labels == k for k in (OEDEMA, CORE, ENHANCING))
    for bright in ("flair", "t2"):
        assert level(head, bright, oedema) > 1.25 * level(head, bright, near)
    assert level(head, "t1", oedema) < 0.95 * level(head, "t1", near)
    assert level(head, "t1c", rim) > 1.5 * level(head, "t1c", near)
    assert level(head, "t1c", core) < 0.6 * level(head, "t1c", rim)
    assert level(head, "flair", core) < 0.85 * level(head, "flair", oedema)


def test_fluid_is_dark_on_t1_and_flair_and_bright_on_t2() -> None:
    rng = np.random.default_rng(4)
    anatomy, acquisition = draw_anatomy(80.0, rng), draw_acquisition(rng)
    head = draw_head(
        anatomy, [], size=SIZE, acquisition=acquisition, noise=0.0, contrast=1.0, rng=rng
    )
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in SIZE), indexing="ij")).reshape(3, -1)
    points = head_coordinates(
        head.affine[:3, :3] @ grid + head.affine[:3, 3:], anatomy, acquisition
    )
    fluid = (outside_ventricles(points, anatomy) < -2).reshape(SIZE)
    brain = (np.linalg.norm(points - [[0], [0], [20]], axis=0) < 45).reshape(SIZE) & ~fluid
    assert fluid.sum() > 30
    for sequence in SEQUENCES:
        share = level(head, sequence, fluid) / level(head, sequence, brain)
        assert share > 1.5 if sequence == "t2" else share < 0.6
    assert not head.labels


def test_a_lesion_has_its_place_and_volume_on_every_grid() -> None:
    rng = np.random.default_rng(9)
    anatomy, acquisition = draw_anatomy(50.0, rng), draw_acquisition(rng)
    lesion = draw_lesion("right", "frontal", heterogeneity="rim", border_mm=(5.0, 5.0), rng=rng)
    _, volume_ml = middle_of(lesion)
    for size in ((48, 54, 42), (70, 60, 80)):
        head = draw_head(
            anatomy, [lesion], size=size, acquisition=acquisition, noise=0.02, contrast=1.0,
            rng=np.random.default_rng(1),
        )  # fmt: skip
        voxel_ml = float(np.prod(np.diag(head.affine)[:3])) / 1000
        # the head is larger or smaller than the atlas; ventricles are no tumour
        found = whole(head.labels[0]).sum() * voxel_ml
        assert found == pytest.approx(volume_ml * np.prod(anatomy.build), rel=0.1)
        middle = head.affine @ [*np.argwhere(whole(head.labels[0])).mean(axis=0), 1.0]
        assert middle[0] > 0
        inside = head_coordinates(middle[:3, None], anatomy, acquisition)
        assert LOBES[lobe_of(inside)[0]] == "frontal"
        edges = np.asarray(size) * np.diag(head.affine)[:3]
        assert np.allclose(edges, EXTENT_MM)


def test_a_wide_border_fades_and_the_truth_is_where_half_is_lesion() -> None:
    rng = np.random.default_rng(2)
    anatomy, acquisition = draw_anatomy(50.0, rng), draw_acquisition(rng)
    steps: list[float] = []
    for width in (2.0, 14.0):
        own = np.random.default_rng(3)
        lesion = draw_lesion(
            "left", "parietal", heterogeneity="homogeneous", border_mm=(width, width), rng=own
        )
        head = draw_head(
            anatomy, [lesion], size=SIZE, acquisition=acquisition, noise=0.0, contrast=1.0,
            rng=np.random.default_rng(1),
        )  # fmt: skip
        mask = whole(head.labels[0])
        steps.append(
            level(head, "flair", mask & ~grown(~mask, 2))
            - level(head, "flair", mask & grown(~mask, 1))
        )
    assert steps[1] > steps[0] + 0.03 * level(head, "flair", mask)


def test_noise_and_unevenness_are_drawn_anew_but_the_truth_is_not() -> None:
    first, second = drawn("rim"), drawn("rim", noise=0.08)
    assert np.array_equal(first.labels[0], second.labels[0])
    corner = np.s_[:6, :6, :6]
    spread = [float(h.volumes["t2"][corner].mean()) for h in (first, second)]
    # Rayleigh: the mean of noise alone goes with its standard deviation
    assert spread[1] / spread[0] == pytest.approx(4.0, rel=0.1)
