"""Steps on a few images at a time are those steps on all."""

from __future__ import annotations

import torch

from tumorboard.transforms.image_steps import Step, apply_steps
from tumorboard.transforms.intensity import change_brightness, change_contrast
from tumorboard.transforms.stain_augmentation import change_od


def test_images_are_changed_as_together_and_stay_themselves() -> None:
    generator = torch.Generator().manual_seed(1)
    # 200 of them are more than a few threads work on at once, and one of 260 is as much
    for n, side in ((200, 64), (3, 260), (0, 8)):
        images = torch.rand(n, 3, side, side, generator=generator)
        before = images.clone()
        add, factor = torch.rand(2, n, generator=generator) / 2
        steps: list[Step] = [(change_brightness, (add,)), (change_contrast, (factor,))]
        expected = change_contrast(change_brightness(images, add), factor)
        torch.testing.assert_close(apply_steps(images, steps), expected, rtol=0, atol=1e-6)
        assert torch.equal(images, before)


def test_no_step_is_the_images() -> None:
    images = torch.rand(2, 1, 4, 4)
    assert apply_steps(images, []) is images


def test_steps_are_not_rounded_to_what_the_network_is() -> None:
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    matrix, shift = torch.eye(3).repeat(4, 1, 1), torch.zeros(4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        same = apply_steps(images, [(change_od, (matrix, shift))])
    torch.testing.assert_close(same, images, rtol=0, atol=2e-6)
