"""Where the pixels are: rotation, mirroring and crops of image batches (B, C, H, W)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch.nn.functional import affine_grid, grid_sample


def rotate(images: torch.Tensor, degrees: torch.Tensor | float) -> torch.Tensor:
    """Rotate about the centre, counter-clockwise as seen; outside, the border is continued.

    Args:
        images: (B, C, H, W) float.
        degrees: One angle, or one per image.
    """
    n, _, height, width = images.shape
    angle = torch.as_tensor(degrees, dtype=images.dtype, device=images.device).expand(n)
    angle = angle * (math.pi / 180)
    # affine_grid counts in half image sizes: the aspect ratio keeps a circle a circle.
    matrix = torch.zeros(n, 2, 3, dtype=images.dtype, device=images.device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = torch.cos(angle)
    matrix[:, 0, 1] = -torch.sin(angle) * height / width
    matrix[:, 1, 0] = torch.sin(angle) * width / height
    grid = affine_grid(matrix, list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


def flip(
    images: torch.Tensor, *, horizontal: torch.Tensor | bool, vertical: torch.Tensor | bool
) -> torch.Tensor:
    """Mirror left and right (`horizontal`), top and bottom (`vertical`): one answer or one each."""
    for chosen, axis in ((horizontal, -1), (vertical, -2)):
        rows = torch.as_tensor(chosen).expand(images.shape[0]).nonzero().flatten()
        rows = rows.to(images.device)
        if len(rows):
            images = images.index_copy(0, rows, images[rows].flip(axis))
    return images


def crop_resized(
    images: torch.Tensor,
    *,
    centre: torch.Tensor,
    share: torch.Tensor,
    interpolation: Literal["bilinear", "bicubic"] = "bilinear",
) -> torch.Tensor:
    """Enlarge a part of each image to the size of the whole.

    A part is never made smaller, so there is nothing to smooth against aliasing.

    Args:
        images: (B, C, H, W) float.
        centre: (B, 2) row and column of the part's centre, from 0 (top, left) to 1.
        share: (B, 2) height and width of the part, as shares of the image's.
        interpolation: How values between pixels are found.
    """
    matrix = torch.zeros(len(images), 2, 3, dtype=images.dtype, device=images.device)
    centre, share = (value.to(images) for value in (centre, share))
    # affine_grid has x before y, and counts from -1 to 1.
    matrix[:, 0, 0], matrix[:, 1, 1] = share[:, 1], share[:, 0]
    matrix[:, 0, 2], matrix[:, 1, 2] = 2 * centre[:, 1] - 1, 2 * centre[:, 0] - 1
    grid = affine_grid(matrix, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode=interpolation, padding_mode="border", align_corners=False)


def random_resized_crop(
    images: torch.Tensor,
    *,
    scale_low: float,
    generator: torch.Generator,
    aspect: float = 4 / 3,
    interpolation: Literal["bilinear", "bicubic"] = "bilinear",
) -> torch.Tensor:
    """`crop_resized` of a random part of each image; a smallest share of 1 changes nothing.

    Args:
        images: (B, C, H, W) in 0..1.
        scale_low: Smallest share of the image's area; drawn uniformly from it to 1.
        generator: On the CPU.
        aspect: Parts are stretched by up to this factor, either way; 1 keeps shapes.
        interpolation: How values between pixels are found.

    Source:
        Szegedy et al., Going deeper with convolutions, CVPR 2015, section 6 (aspect 4/3).
    """
    area, stretch, row, column = torch.rand(4, images.shape[0], generator=generator)
    if scale_low >= 1:
        return images
    side = (scale_low + (1 - scale_low) * area).sqrt()
    factor = torch.exp((2 * stretch - 1) * (math.log(aspect) / 2))
    # a part that would reach beyond the image is cut to it
    share = torch.stack([side * factor, side / factor], dim=1).clamp_(max=1)
    centre = share / 2 + (1 - share) * torch.stack([row, column], dim=1)
    cropped = crop_resized(images, centre=centre, share=share, interpolation=interpolation)
    return cropped.clamp_(0, 1)


def random_rotate(
    images: torch.Tensor, *, degrees: float, generator: torch.Generator
) -> torch.Tensor:
    """`rotate` each image by an angle drawn uniformly from -degrees to +degrees."""
    drawn = (2 * torch.rand(images.shape[0], generator=generator) - 1) * degrees
    return rotate(images, drawn)


def random_flip(
    images: torch.Tensor, *, horizontal: bool, vertical: bool, generator: torch.Generator
) -> torch.Tensor:
    """`flip` each image with probability 0.5 in each direction that is allowed."""
    drawn = torch.rand(2, images.shape[0], generator=generator) < 0.5
    return flip(images, horizontal=drawn[0] & horizontal, vertical=drawn[1] & vertical)
