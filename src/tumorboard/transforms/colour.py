"""Which colour the pixels have: hue and saturation of image batches (B, 3, H, W) in 0..1."""

from __future__ import annotations

import torch

from tumorboard.transforms.image_steps import Step, apply_steps
from tumorboard.transforms.intensity import change_brightness, change_contrast, draw_evenly


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
    value = torch.maximum(torch.maximum(red, green), blue)
    low = torch.minimum(torch.minimum(red, green), blue)
    chroma = value - low
    # How far the hue is from red, in sixths of a turn times chroma, is one sum in all six sixths;
    # it is positive towards green and negative towards blue.
    hue = torch.copysign((chroma + green).add_(blue).sub_(red).sub_(low), green - blue)
    hue.div_(chroma.clamp_min(torch.finfo(images.dtype).tiny)).div_(6).add_(turn)
    # A saturation above 1 would be a colour below 0.
    chroma = torch.minimum(chroma.mul_(saturation), value)
    # Red, green and blue lie at thirds of the circle. A channel is full up to a sixth of a turn
    # from its place, and lowest from a third on.
    own = torch.tensor([0.0, 1 / 3, 2 / 3], dtype=images.dtype, device=images.device)
    share = hue.unsqueeze(1) - own.view(1, 3, 1, 1)
    share.sub_(share.round()).abs_().mul_(6).sub_(1).clamp_(0, 1).mul_(chroma.unsqueeze(1))
    return share.neg_().add_(value.unsqueeze(1)).clamp_(0, 1)


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
    steps = colour_steps(
        len(images),
        brightness=brightness, contrast=contrast, saturation=saturation, hue=hue,
        generator=generator,
    )  # fmt: skip
    return apply_steps(images, steps)


def colour_steps(
    n: int,
    *,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    generator: torch.Generator,
) -> list[Step]:
    """The steps of `jitter_colour` for n images, drawn."""
    steps: list[Step] = []
    if brightness:
        drawn = draw_evenly(n, brightness, generator)
        steps.append((change_brightness, (drawn,)))
    if contrast:
        drawn = draw_evenly(n, contrast, generator)
        steps.append((change_contrast, (1 + drawn,)))
    if saturation or hue:
        drawn = 2 * torch.rand(2, n, generator=generator) - 1
        factor = (1 + drawn[1] * saturation).clamp_min(0)
        steps.append((_turn_and_saturate, (drawn[0] * hue, factor)))
    return steps


def _turn_and_saturate(
    images: torch.Tensor, turn: torch.Tensor, saturation: torch.Tensor
) -> torch.Tensor:
    return change_colour(images, turn=turn, saturation=saturation)


def _per_image(value: torch.Tensor | float, images: torch.Tensor) -> torch.Tensor:
    tensor = torch.as_tensor(value, dtype=images.dtype, device=images.device)
    return tensor.expand(images.shape[0]).view(-1, 1, 1)
