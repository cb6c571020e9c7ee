"""Stains: recovered from slides whose stains are known, and moved from one slide to another."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.errors import InputError
from tumorboard.transforms.stains import (
    HED,
    Bytes,
    Stain,
    estimate_stains,
    hed_to_rgb,
    macenko_normalise,
    od_to_rgb,
    restain,
    rgb_to_hed,
    rgb_to_od,
    transfer_matrix,
    typical_stain,
)

ONE = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
OTHER = np.array([[0.55, 0.76, 0.35], [0.15, 0.95, 0.27]])


def make_pixels(vectors: np.ndarray, scale: tuple[float, float], *, seed: int = 1) -> Bytes:
    """(n, 3): nuclei, stroma, mixtures and a third of bare glass."""
    rng = np.random.default_rng(seed)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    haematoxylin = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.0, 0.0]])
    share = haematoxylin[rng.choice(4, size=30_000, p=[0.2, 0.3, 0.2, 0.3])]
    strength = share * np.asarray(scale) * rng.uniform(0.6, 1.0, (30_000, 1))
    return od_to_rgb(strength @ vectors + rng.normal(0, 0.004, (30_000, 3)))


def degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=1), -1, 1)))


def as_patches(pixels: Bytes) -> Bytes:
    return np.ascontiguousarray(pixels.reshape(30, 25, 40, 3).transpose(0, 3, 1, 2))


def as_pixels(patches: Bytes) -> Bytes:
    return patches.transpose(0, 2, 3, 1).reshape(-1, 3)


def test_density_by_hand_and_back_for_every_byte() -> None:
    # white lets all light pass; (127 + 1) / 256 is half, log10 of 2; black lets 1/256 pass
    expected = [0.0, np.log10(2), np.log10(256)]
    assert rgb_to_od(np.array([255, 127, 0], np.uint8)) == pytest.approx(expected, abs=1e-6)
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(od_to_rgb(rgb_to_od(every)), every)


def test_hed_is_the_published_matrix_and_comes_back() -> None:
    # Ruifrok & Johnston's table of normalised densities, haematoxylin, eosin and DAB
    published = [[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]]
    assert pytest.approx(np.array(published), abs=0.006) == HED
    assert np.linalg.norm(HED, axis=1) == pytest.approx(1)
    pixels = np.random.default_rng(0).integers(0, 256, (5000, 3)).astype(np.uint8)
    back = hed_to_rgb(rgb_to_hed(pixels))
    assert np.abs(back.astype(int) - pixels).max() <= 1
    # a pixel with one unit of haematoxylin has that, and nothing of the others
    only = rgb_to_hed(od_to_rgb(HED[:1]))
    assert only[0] == pytest.approx([1, 0, 0], abs=0.02)


@pytest.mark.parametrize("vectors", [ONE, OTHER])
def test_known_stains_are_recovered(vectors: np.ndarray) -> None:
    stain = estimate_stains(make_pixels(vectors, (1.2, 0.7)))
    assert degrees(stain.vectors, vectors).max() < 2
    # 99 % of nuclei are below 0.6 + 0.4 * 0.97; more than half of all pixels lack the stain
    assert stain.maximum == pytest.approx([1.18, 0.69], rel=0.04)


def test_glass_does_not_move_the_estimate() -> None:
    pixels = make_pixels(ONE, (1.2, 0.7))
    glass = np.full((200_000, 3), 243, np.uint8)
    alone, beside = estimate_stains(pixels), estimate_stains(np.vstack([pixels, glass]))
    assert np.array_equal(alone.vectors, beside.vectors)
    assert np.array_equal(alone.maximum, beside.maximum)


def test_a_slide_normalised_to_itself_stays_as_it_is() -> None:
    stain = estimate_stains(make_pixels(ONE, (1.2, 0.7)))
    patches = np.random.default_rng(2).integers(0, 256, (40, 3, 8, 9)).astype(np.uint8)
    same = macenko_normalise(patches, stain, stain)
    assert same.shape == patches.shape
    assert same.dtype == np.uint8
    assert np.abs(same.astype(int) - patches).max() <= 1


def test_a_normalised_slide_has_the_others_stains() -> None:
    pixels = make_pixels(ONE, (1.2, 0.7))
    source = estimate_stains(pixels)
    target = estimate_stains(make_pixels(OTHER, (0.9, 0.9), seed=3))
    moved = estimate_stains(as_pixels(macenko_normalise(as_patches(pixels), source, target)))
    assert degrees(moved.vectors, target.vectors).max() < 0.5
    assert moved.maximum == pytest.approx(target.maximum, rel=0.02)


def test_each_patch_is_restained_by_its_own_matrix() -> None:
    patches = np.random.default_rng(2).integers(0, 256, (40, 3, 4, 5)).astype(np.uint8)
    double = 2 * np.eye(3)
    changed = restain(patches, np.stack([np.eye(3), double] * 20))
    assert np.array_equal(changed[::2], patches[::2])
    # twice the density is the square of the light, of which bytes have (byte + 1) / 256
    light = ((patches[1::2].astype(np.float64) + 1) / 256) ** 2
    assert np.abs(changed[1::2] - np.clip(256 * light - 1, 0, None)).max() <= 0.51


def test_patches_are_restained_one_by_one_as_together() -> None:
    """More patches than are worked on at once."""
    rng = np.random.default_rng(3)
    patches = rng.integers(0, 256, (21, 3, 64, 64)).astype(np.uint8)
    matrices = np.eye(3) + rng.normal(0, 0.1, (21, 3, 3))
    alone = [restain(patches[i : i + 1], matrices[i : i + 1]) for i in range(21)]
    assert np.array_equal(restain(patches, matrices), np.concatenate(alone))


def test_transfer_by_hand() -> None:
    """One unit of haematoxylin at a maximum of 2 becomes half the other slide's maximum."""
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (ONE, OTHER)]
    source = Stain(vectors=unit[0], maximum=np.array([2.0, 1.0]))
    target = Stain(vectors=unit[1], maximum=np.array([3.0, 4.0]))
    matrix = transfer_matrix(source, target)
    assert unit[0][0] @ matrix == pytest.approx(1.5 * unit[1][0])
    assert unit[0][1] @ matrix == pytest.approx(4.0 * unit[1][1])
    back = transfer_matrix(target, source)
    assert matrix @ back == pytest.approx(np.eye(3), abs=1e-9)


def test_little_tissue_is_refused_with_its_count() -> None:
    pixels = np.full((5000, 3), 250, np.uint8)
    pixels[:7] = (120, 60, 150)
    with pytest.raises(
        InputError, match=r"Case_1: found 7 pixels with tissue .* of 5000, expected at least 1000"
    ):
        estimate_stains(pixels, where="Case_1")


def test_one_stain_is_refused() -> None:
    strength = np.random.default_rng(0).uniform(0.3, 1.0, (4000, 1))
    with pytest.raises(InputError, match=r"found one colour of stain .* expected haematoxylin and"):
        estimate_stains(od_to_rgb(strength * HED[:1]))


def test_one_odd_slide_does_not_move_the_typical_stain() -> None:
    usual = [estimate_stains(make_pixels(ONE, (1.2, 0.7), seed=s)) for s in (1, 2)]
    odd = estimate_stains(make_pixels(OTHER, (3.0, 2.0)))
    typical = typical_stain([*usual, odd])
    assert degrees(typical.vectors, ONE).max() < 2
    assert np.linalg.norm(typical.vectors, axis=1) == pytest.approx(1)
    assert typical.maximum == pytest.approx([1.18, 0.69], rel=0.05)
    with pytest.raises(InputError, match="no training slide"):
        typical_stain([])


def test_a_stain_survives_json() -> None:
    stain = estimate_stains(make_pixels(ONE, (1.2, 0.7)))
    back = Stain.from_plain(json.loads(json.dumps(stain.to_plain())))
    assert np.array_equal(back.vectors, stain.vectors)
    assert np.array_equal(back.maximum, stain.maximum)


@pytest.mark.realdata
def test_real_slides_of_one_patient_are_stained_alike() -> None:
    """Haematoxylin near its published direction, and images of a case nearer than of two."""
    images = Path(os.environ.get("TUMORBOARD_DATA", "none")) / "brecahad" / "images"
    if not images.is_dir():
        pytest.skip("TUMORBOARD_DATA does not hold brecahad")
    found: list[np.ndarray] = []
    for name in ("Case_10-03", "Case_10-07", "Case_13-01", "Case_13-03"):
        with Image.open(images / f"{name}.jpg") as image:
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
        found.append(estimate_stains(pixels, where=name).vectors)
    for vectors in found:
        assert degrees(vectors[:1], HED[:1])[0] < 8
        assert 15 < degrees(vectors[:1], vectors[1:])[0] < 30
    one, two, three, four = found
    assert max(degrees(one, two).max(), degrees(three, four).max()) < 3
    assert min(degrees(one, three)[1], degrees(two, four)[1]) > 3
