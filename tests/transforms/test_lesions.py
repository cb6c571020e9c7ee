from __future__ import annotations

import numpy as np
import pytest

from tumorboard.transforms.lesions import LIMIT, draw_lesion


def drawn(signal: float, *, seed: int = 0, size: tuple[int, int] = (48, 64), gain: float = 1.0):
    return draw_lesion(signal, size=size, gain=gain, rng=np.random.default_rng(seed))


def test_same_draws_same_image() -> None:
    np.testing.assert_array_equal(drawn(0.5), drawn(0.5))
    assert drawn(0.5).shape == (48, 64)
    assert drawn(0.5).dtype == np.uint8
    assert not np.array_equal(drawn(0.5), drawn(0.5, seed=1))


def test_signal_darkens_the_lesion_step_by_step_until_it_saturates() -> None:
    def darkness(signal: float) -> float:
        images = [drawn(signal, seed=seed).astype(float) for seed in range(20)]
        return -float(np.mean([np.quantile(image, 0.05) for image in images]))

    steps = [darkness(signal) for signal in (-2.0, -1.0, 0.0, 1.0, 2.0)]
    assert steps == sorted(steps)
    assert len(set(steps)) == 5
    np.testing.assert_array_equal(drawn(LIMIT), drawn(LIMIT + 2))


def test_nuisance_is_the_same_whatever_the_signal() -> None:
    rng_low, rng_high = np.random.default_rng(4), np.random.default_rng(4)
    draw_lesion(-2.0, size=(32, 32), gain=1.0, rng=rng_low)
    draw_lesion(2.0, size=(32, 32), gain=1.0, rng=rng_high)
    assert rng_low.random() == rng_high.random()


def test_gain_brightens_the_whole_image() -> None:
    ratio = drawn(0.0, gain=1.2).mean() / drawn(0.0).mean()
    assert ratio == pytest.approx(1.2, abs=0.02)
