from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from tumorboard.transforms.degradation import (
    add_noise,
    blur,
    move,
    random_blur,
    random_noise,
    reduce_resolution,
)

IMAGES = torch.rand(3, 2, 20, 17, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("sd_px", [0.5, 1.0, 2.0])
def test_blur_equals_scipy(sd_px: float) -> None:
    radius = int(np.ceil(3 * sd_px))
    expected = gaussian_filter(
        IMAGES.double().numpy(), sd_px, mode="nearest", radius=radius, axes=(2, 3)
    )
    np.testing.assert_allclose(blur(IMAGES, sd_px=sd_px).numpy(), expected, atol=1e-6)


def test_blur_of_an_image_does_not_depend_on_its_batch() -> None:
    sd = torch.tensor([0.0, 0.7, 2.5])
    together = blur(IMAGES, sd_px=sd)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], blur(IMAGES[i : i + 1], sd_px=float(sd[i])))
    torch.testing.assert_close(together[0], IMAGES[0])


def test_noise_has_the_stated_standard_deviation() -> None:
    grey = torch.full((2, 1, 100, 100), 0.5)
    noise = torch.randn(grey.shape, generator=torch.Generator().manual_seed(2))
    noisy = add_noise(grey, noise, sd=torch.tensor([0.02, 0.1]))
    assert noisy[0].std().item() == pytest.approx(0.02, rel=0.05)
    assert noisy[1].std().item() == pytest.approx(0.1, rel=0.05)
    torch.testing.assert_close(add_noise(grey, noise, sd=0.0), grey)


def test_motion_of_everything_is_a_shift_and_of_nothing_nothing() -> None:
    torch.testing.assert_close(move(IMAGES, shift_px=0.0), IMAGES)
    torch.testing.assert_close(move(IMAGES, shift_px=3.0, start=1.0), IMAGES)
    # start 0: all of k-space sees the moved body
    torch.testing.assert_close(move(IMAGES, shift_px=3.0, start=0.0), IMAGES.roll(3, dims=-2))


def test_motion_changes_more_the_further_the_body_moves() -> None:
    smooth = blur(IMAGES, sd_px=2.0)
    errors = [(move(smooth, shift_px=s) - smooth).abs().mean().item() for s in (0.5, 1, 2)]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_resolution_averages_blocks() -> None:
    blocks = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(3))
    constant = torch.full((1, 1, 8, 8), 0.3)
    torch.testing.assert_close(reduce_resolution(constant, factor=4.0), constant)
    reduced = reduce_resolution(blocks, factor=4.0)
    torch.testing.assert_close(reduced, blocks.mean().expand(1, 1, 4, 4))


def test_random_twins_change_a_share_and_follow_their_generator() -> None:
    many = torch.rand(1000, 1, 4, 4, generator=torch.Generator().manual_seed(4))
    for twin, strength in ((random_noise, {"sd": 0.1}), (random_blur, {"sd_px": 2.0})):

        def draw(seed: int, probability: float, twin=twin, strength=strength) -> torch.Tensor:
            generator = torch.Generator().manual_seed(seed)
            return twin(many, probability=probability, generator=generator, **strength)

        changed = (draw(1, 0.25) != many).flatten(1).any(dim=1).float().mean().item()
        assert 0.18 < changed < 0.32  # five standard errors of 0.25 in 1000 are 0.07
        assert torch.equal(draw(1, 0.25), draw(1, 0.25))
        assert torch.equal(draw(1, 0.0), many)
