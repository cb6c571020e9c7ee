"""Where the pixels are: rotation and mirroring of image batches (B, C, H, W)."""

from __future__ import annotations

import math

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
