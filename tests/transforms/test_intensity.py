from __future__ import annotations

import pytest
import torch

from tumorboard.transforms.intensity import (
    change_brightness,
    change_contrast,
    random_brightness,
    random_contrast,
)

IMAGES = torch.tensor([[[[0.2, 0.4], [0.6, 0.8]]], [[[0.1, 0.1], [0.1, 0.9]]]])


def test_brightness_adds_and_clips() -> None:
    changed = change_brightness(IMAGES, torch.tensor([0.3, -0.2]))
    torch.testing.assert_close(changed[0, 0], torch.tensor([[0.5, 0.7], [0.9, 1.0]]))
    torch.testing.assert_close(changed[1, 0], torch.tensor([[0.0, 0.0], [0.0, 0.7]]))


def test_contrast_scales_about_each_images_mean() -> None:
    changed = change_contrast(IMAGES, 0.5)  # means 0.5 and 0.3
    torch.testing.assert_close(changed[0, 0], torch.tensor([[0.35, 0.45], [0.55, 0.65]]))
    torch.testing.assert_close(changed[1, 0], torch.tensor([[0.2, 0.2], [0.2, 0.6]]))
    torch.testing.assert_close(change_contrast(IMAGES, 1.0), IMAGES)


def test_the_input_is_left_as_it_was() -> None:
    before = IMAGES.clone()
    change_brightness(IMAGES, 0.5)
    change_contrast(IMAGES, 2.0)
    torch.testing.assert_close(IMAGES, before, rtol=0, atol=0)


@pytest.mark.parametrize("twin", [random_brightness, random_contrast])
def test_random_changes_stay_within_the_amount(twin: object) -> None:
    flat = torch.full((2000, 1, 1, 2), 0.5)
    flat[:, :, :, 1] = 0.7
    generator = torch.Generator().manual_seed(1)
    changed = twin(flat, amount=0.1, generator=generator)  # type: ignore[operator]
    # brightness moves 0.7 by at most 0.1; contrast moves it by at most 0.1 of its distance 0.1
    reach = 0.1 if twin is random_brightness else 0.01
    moved = changed[:, 0, 0, 1] - 0.7
    assert moved.abs().max() <= reach + 1e-6
    assert moved.min() < -0.9 * reach
    assert moved.max() > 0.9 * reach
