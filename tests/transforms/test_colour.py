"""Hue and saturation against Python's colorsys, pixel by pixel."""

from __future__ import annotations

import colorsys

import pytest
import torch

from tumorboard.transforms.colour import change_colour, jitter_colour

IMAGES = torch.rand(5, 3, 6, 7, generator=torch.Generator().manual_seed(1))


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def by_colorsys(images: torch.Tensor, turns: list[float], factors: list[float]) -> torch.Tensor:
    result = images.clone()
    for image, turn, factor in zip(result, turns, factors, strict=True):
        for pixel in image.flatten(1).T:
            hue, saturation, value = colorsys.rgb_to_hsv(*pixel.tolist())
            changed = colorsys.hsv_to_rgb((hue + turn) % 1, min(saturation * factor, 1), value)
            pixel.copy_(torch.tensor(changed))
    return result


def test_hue_and_saturation_are_those_of_colorsys() -> None:
    turns, factors = [0.0, 0.1, -0.25, 0.5, 0.33], [1.0, 0.5, 1.4, 0.0, 3.0]
    changed = change_colour(IMAGES, turn=torch.tensor(turns), saturation=torch.tensor(factors))
    torch.testing.assert_close(changed, by_colorsys(IMAGES, turns, factors), atol=1e-5, rtol=0)


def test_colours_by_hand() -> None:
    pixels = [(1, 0, 0), (0, 0, 1), (0.5, 0.5, 0.5), (0, 0, 0), (1, 1, 1), (0.2, 0.8, 0.8)]
    images = torch.tensor(pixels, dtype=torch.float32).view(6, 3, 1, 1)
    turned = change_colour(images, turn=1 / 3, saturation=1.0).view(6, 3)
    # red to green, blue to red, greys stay, cyan to magenta
    expected = [(0, 1, 0), (1, 0, 0), (0.5, 0.5, 0.5), (0, 0, 0), (1, 1, 1), (0.8, 0.2, 0.8)]
    torch.testing.assert_close(turned, torch.tensor(expected, dtype=torch.float32))
    grey = change_colour(images, turn=0.0, saturation=0.0).view(6, 3)
    assert bool((grey == images.view(6, 3).amax(dim=1, keepdim=True)).all())


def test_colours_whose_channels_tie_are_those_of_colorsys() -> None:
    levels = torch.tensor([0.0, 0.3, 1.0])
    every = torch.cartesian_prod(levels, levels, levels).T.reshape(1, 3, 27, 1)
    images = every.repeat(4, 1, 1, 1)
    turns, factors = [0.0, 1 / 12, -0.4, 0.5], [1.0, 1.2, 0.7, 2.0]
    changed = change_colour(images, turn=torch.tensor(turns), saturation=torch.tensor(factors))
    torch.testing.assert_close(changed, by_colorsys(images, turns, factors), atol=1e-5, rtol=0)


def test_nothing_changes_at_strength_0_and_the_input_is_left() -> None:
    before = IMAGES.clone()
    off = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
    assert torch.equal(jitter_colour(IMAGES, **off, generator=seeded()), IMAGES)
    torch.testing.assert_close(change_colour(IMAGES, turn=0.0, saturation=1.0), IMAGES)
    jitter_colour(IMAGES, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1, generator=seeded())
    assert torch.equal(IMAGES, before)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_each_step_changes_each_image_by_its_own_draw(name: str) -> None:
    same = IMAGES[:1].expand(8, -1, -1, -1)
    amounts = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0, name: 0.2}
    changed = jitter_colour(same, **amounts, generator=seeded(3))
    assert torch.equal(changed, jitter_colour(same, **amounts, generator=seeded(3)))
    assert len(torch.unique(changed.flatten(1), dim=0)) == 8
    assert changed.shape == same.shape
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
    if name in ("saturation", "hue"):  # the brightest colour of a pixel is its value
        torch.testing.assert_close(changed.amax(dim=1), same.amax(dim=1))


def test_hue_turns_within_its_amount_both_ways() -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(2000, 3, 1, 1)
    amounts = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.05}
    changed = jitter_colour(red, **amounts, generator=seeded()).view(2000, 3)
    # a twentieth of a turn from red has 6/20 of green or of blue
    green, blue = changed[:, 1], changed[:, 2]
    assert 0.28 < float(green.max()) <= 0.3 + 1e-5
    assert 0.28 < float(blue.max()) <= 0.3 + 1e-5
    assert bool((torch.minimum(green, blue) < 1e-6).all())
