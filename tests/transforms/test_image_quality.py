"""Quality of images: closed forms, and what each degradation does to each measure."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tumorboard.transforms.degradation import add_noise, blur, reduce_resolution
from tumorboard.transforms.image_quality import (
    FEWEST,
    MIN_SIZE,
    QUALITIES,
    is_poor,
    measure_quality,
    reference_of,
    say_poor,
)
from tumorboard.transforms.intensity import change_contrast


def pictures(n: int = 60, *, seed: int = 0) -> torch.Tensor:
    """Smooth blobs with a little noise, no two alike: (n, 1, 64, 64)."""
    rng = np.random.default_rng(seed)
    rough = torch.from_numpy(rng.normal(0.5, 0.35, (n, 1, 64, 64)).astype(np.float32))
    smooth = blur(rough, sd_px=2.0)
    scale = torch.from_numpy(rng.uniform(2.5, 4.5, (n, 1, 1, 1)).astype(np.float32))
    grain = torch.from_numpy(rng.normal(0, 0.01, (n, 1, 64, 64)).astype(np.float32))
    return ((smooth - 0.5) * scale + 0.5 + grain).clamp(0, 1)


def quality(images: torch.Tensor) -> np.ndarray:
    return measure_quality(images[:, 0].numpy())


def test_noise_is_estimated_in_its_own_unit() -> None:
    rng = np.random.default_rng(1)
    ramp = np.linspace(0.3, 0.7, 128, dtype=np.float32)[None, None, :].repeat(128, axis=1)
    noisy = (ramp + rng.normal(0, 0.03, (4, 128, 128))).astype(np.float32)
    assert measure_quality(noisy)[:, QUALITIES.index("noise")] == pytest.approx(0.03, rel=0.03)
    assert measure_quality(ramp)[0, QUALITIES.index("noise")] == pytest.approx(0, abs=1e-6)


def test_contrast_saturation_and_sharpness_by_hand() -> None:
    half = np.zeros((1, 8, 8), dtype=np.float32)
    half[:, :, 4:] = 1
    found = dict(zip(QUALITIES, measure_quality(half)[0], strict=True))
    assert found["contrast"] == pytest.approx(0.5)
    assert found["saturation"] == 1
    # the Laplacian is 1 beside the edge on the dark side, -1 on the bright, in 2 of 6 columns
    assert found["sharpness"] == pytest.approx(2 / 6)
    assert found["detail"] == 0, "the edge lies between blocks of 2 x 2"


def test_clean_images_of_the_same_kind_pass() -> None:
    training, new = quality(pictures(400)), quality(pictures(400, seed=1))
    reference = reference_of(training, np.ones(400))
    assert is_poor(new, reference).any(axis=1).mean() < 0.02


@pytest.mark.parametrize(
    ("name", "worsen"),
    [
        ("noise", lambda x: add_noise(x, torch.randn(x.shape), sd=0.1)),
        ("sharpness", lambda x: blur(x, sd_px=4.0)),
        ("contrast", lambda x: change_contrast(x, 0.1)),
        ("detail", lambda x: blur(x, sd_px=4.0)),
        ("sharpness", lambda x: reduce_resolution(x, factor=8.0)),
        ("saturation", lambda x: (x * 20 - 9).clamp(0, 1)),
    ],
)
def test_each_degradation_is_seen_by_its_measure(name: str, worsen) -> None:
    torch.manual_seed(0)
    reference = reference_of(quality(pictures(200)), np.ones(200))
    poor = is_poor(quality(worsen(pictures(50, seed=2))), reference)
    assert poor[:, QUALITIES.index(name)].mean() > 0.95


def test_the_sentence_names_value_and_limit() -> None:
    reference = reference_of(quality(pictures(200)), np.ones(200))
    assert say_poor("sharpness", 1e-6, reference).startswith(
        "sharpness 1e-06, below 99.5 % of the training images (from "
    )
    assert "above 99.5 %" in say_poor("noise", 0.2, reference)


def test_tiny_images_are_not_judged() -> None:
    tiny = measure_quality(np.zeros((FEWEST, MIN_SIZE - 1, 9), dtype=np.float32))
    assert np.isnan(tiny).all()
    assert reference_of(tiny, np.ones(FEWEST)) == {}
    assert not is_poor(tiny, {}).any()


def test_few_images_do_not_say_what_is_usual() -> None:
    found = quality(pictures(FEWEST))
    assert reference_of(found[:-1], np.ones(FEWEST - 1)) == {}
    assert set(reference_of(found, np.ones(FEWEST))) == set(QUALITIES)


def test_equal_training_images_leave_room() -> None:
    same = np.repeat(quality(pictures(1)), 20, axis=0)
    reference = reference_of(same, np.ones(20))
    assert not is_poor(same * 1.02, reference).any()
    assert not is_poor(same * 0.98, reference).any()
