"""How bright the pixels are: brightness and contrast of image batches (B, C, H, W) in 0..1."""

from __future__ import annotations

import torch


def change_brightness(images: torch.Tensor, change: torch.Tensor | float) -> torch.Tensor:
    """Add `change` (one, or one per image) to every pixel, and clip to 0..1."""
    return (images + _per_image(change, images)).clamp_(0.0, 1.0)


def change_contrast(images: torch.Tensor, factor: torch.Tensor | float) -> torch.Tensor:
    """Scale the distance of every pixel from its image's mean by `factor`, and clip to 0..1."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    # mean + factor * (image - mean)
    weight = _per_image(factor, images)
    return (images * weight).add_((1 - weight) * mean).clamp_(0.0, 1.0)


def random_brightness(
    images: torch.Tensor, *, amount: float, generator: torch.Generator
) -> torch.Tensor:
    """`change_brightness` of each image by a value drawn from -amount to +amount."""
    return change_brightness(images, draw_evenly(len(images), amount, generator))


def random_contrast(
    images: torch.Tensor, *, amount: float, generator: torch.Generator
) -> torch.Tensor:
    """`change_contrast` of each image by a factor drawn from 1 - amount to 1 + amount."""
    return change_contrast(images, 1 + draw_evenly(len(images), amount, generator))


def draw_evenly(n: int, amount: float, generator: torch.Generator) -> torch.Tensor:
    """(n,) numbers drawn uniformly from -amount to +amount."""
    return (2 * torch.rand(n, generator=generator) - 1) * amount


def _per_image(value: torch.Tensor | float, images: torch.Tensor) -> torch.Tensor:
    tensor = torch.as_tensor(value, dtype=images.dtype, device=images.device)
    return tensor.expand(images.shape[0]).view(-1, 1, 1, 1)
