"""Which colour the pixels have: hue and saturation of image batches (B, 3, H, W) in 0..1."""

from __future__ import annotations

import torch

from tumorboard.transforms.intensity import random_brightness, random_contrast


def change_colour(
    images: torch.Tensor, *, turn: torch.Tensor | float, saturation: torch.Tensor | float
) -> torch.Tensor:
    """Turn the hue, and scale the saturation, of the HSV colour model; the value stays.

    Args:
        images: (B, 3, H, W) in 0..1, red, green and blue.
        turn: Turns of the colour circle, one or one per image: 1/3 makes red green.
        saturation: Factor on the saturation, one or one per image; it is cut at full saturation.

    Source:
        Smith, Color gamut transform pairs, SIGGRAPH 1978.
    """
    turn, saturation = (_per_image(value, images) for value in (turn, saturation))
    red, green, blue = images.unbind(dim=1)
    value, low = images.amax(dim=1), images.amin(dim=1)
    chroma = value - low
    safe = chroma.clamp_min(torch.finfo(images.dtype).tiny)
    # The hue in sixths of a turn, counted from the colour that is brightest.
    sixths = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    # A saturation above 1 would be a colour below 0.
    chroma = torch.minimum(chroma * saturation, value)
    sixths = (sixths + 6 * turn).unsqueeze(1)
    start = torch.tensor([5.0, 3.0, 1.0], dtype=images.dtype, device=images.device)
    place = torch.remainder(sixths + start.view(1, 3, 1, 1), 6)
    share = torch.minimum(place, 4 - place).clamp_(0, 1)
    return (value.unsqueeze(1) - chroma.unsqueeze(1) * share).clamp_(0, 1)


def jitter_colour(
    images: torch.Tensor,
    *,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Change brightness, contrast, saturation and hue of each image by at most so much; 0 is off.

    Args:
        images: (B, 3, H, W) in 0..1, red, green and blue.
        brightness: Added, from minus to plus this.
        contrast: Factor from 1 minus to 1 plus this.
        saturation: Factor from 1 minus to 1 plus this.
        hue: Turns of the colour circle, from minus to plus this.
        generator: On the CPU.
    """
    if brightness:
        images = random_brightness(images, amount=brightness, generator=generator)
    if contrast:
        images = random_contrast(images, amount=contrast, generator=generator)
    if saturation or hue:
        drawn = 2 * torch.rand(2, images.shape[0], generator=generator) - 1
        images = change_colour(
            images, turn=drawn[0] * hue, saturation=(1 + drawn[1] * saturation).clamp_min(0)
        )
    return images


def _per_image(value: torch.Tensor | float, images: torch.Tensor) -> torch.Tensor:
    tensor = torch.as_tensor(value, dtype=images.dtype, device=images.device)
    return tensor.expand(images.shape[0]).view(-1, 1, 1)
