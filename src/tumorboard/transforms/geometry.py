"""Where the pixels are: rotation, mirroring and crops of image batches (B, C, H, W)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch.nn.functional import affine_grid, embedding_bag, grid_sample

from tumorboard.transforms.intensity import draw_evenly

Interpolation = Literal["bilinear", "bicubic"]


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
    # places rounded to bfloat16, where the network is, would be off by half a pixel at 256
    with torch.autocast(images.device.type, enabled=False):
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


def mirror(images: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    """`flip` by (B, 2): whether top and bottom are exchanged, and left and right."""
    return flip(images, horizontal=mirrored[:, 1], vertical=mirrored[:, 0])


def turn(images: torch.Tensor, quarters: torch.Tensor) -> torch.Tensor:
    """Turn each image by so many right angles, counter-clockwise; odd ones only where H is W."""
    turned = images.clone()
    for quarter in (1, 2, 3):
        rows = (quarters == quarter).nonzero().flatten().to(images.device)
        if len(rows):
            turned[rows] = torch.rot90(images[rows], quarter, dims=(-2, -1))
    return turned


def crop_resized(
    images: torch.Tensor,
    *,
    centre: torch.Tensor,
    share: torch.Tensor,
    interpolation: Interpolation = "bilinear",
) -> torch.Tensor:
    """Enlarge a part of each image to the size of the whole; beyond it the border is continued.

    A part is never made smaller, so there is nothing to smooth against aliasing.

    Args:
        images: (B, C, H, W) float.
        centre: (B, 2) row and column of the part's centre, from 0 (top, left) to 1.
        share: (B, 2) height and width of the part, as shares of the image's.
        interpolation: How values between pixels are found.
    """
    taps = crop_taps(images.shape[2:], centre=centre, share=share, interpolation=interpolation)
    return resample(images, torch.zeros(len(images), dtype=torch.bool), *taps)


def turned_crop(
    quarters: torch.Tensor, mirrored: torch.Tensor, centre: torch.Tensor, share: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`turn`, `mirror` and `crop_resized` of an image as one crop of it.

    Args:
        quarters: (B,) right angles.
        mirrored: (B, 2) whether top and bottom are exchanged, and left and right.
        centre: (B, 2) of the part, in the turned and mirrored image.
        share: (B, 2).

    Returns:
        (B,) whether rows and columns are exchanged, and centre and share of the crop after that,
        with a negative share where it is mirrored.
    """
    # a right angle is an exchange of rows and columns, one of which is then mirrored
    half = torch.stack([(quarters == 1) | (quarters == 2), quarters >= 2], dim=1)
    sign = 1.0 - 2.0 * (mirrored ^ half)
    return quarters % 2 == 1, 0.5 + sign * (centre - 0.5), sign * share


def crop_taps(
    size: Sequence[int],
    *,
    centre: torch.Tensor,
    share: torch.Tensor,
    interpolation: Interpolation,
) -> tuple[torch.Tensor, ...]:
    """Which rows each row of an enlarged part is made of, and their weights; then the columns.

    Args:
        size: Height and width.
        centre: (B, 2) as of `crop_resized`.
        share: (B, 2); negative where the part is mirrored.
        interpolation: `bilinear` takes two neighbours, `bicubic` four.

    Returns:
        Rows (B, H, k) and weights (B, H, k), columns (B, W, k) and weights (B, W, k).

    Source:
        Keys, Cubic convolution interpolation, IEEE TASSP 1981;29:1153-1160, with a = -0.75.
    """
    taps: list[torch.Tensor] = []
    for axis, n in enumerate(size):
        steps = torch.arange(n, dtype=centre.dtype, device=centre.device) + (0.5 - n / 2)
        at = share[:, axis, None] * steps + (centre[:, axis, None] * n - 0.5)
        first = at.floor()
        after = at - first
        if interpolation == "bilinear":
            weights = [1 - after, after]
        else:
            a, first = -0.75, first - 1
            outer = [d * (d * (d * a - 5 * a) + 8 * a) - 4 * a for d in (after + 1, 2 - after)]
            inner = [d * d * (d * (a + 2) - (a + 3)) + 1 for d in (after, 1 - after)]
            weights = [outer[0], *inner, outer[1]]
        lines = first.long()[..., None] + torch.arange(len(weights), device=centre.device)
        taps += [lines.clamp_(0, n - 1), torch.stack(weights, dim=-1)]
    return tuple(taps)


def resample(
    images: torch.Tensor,
    exchanged: torch.Tensor,
    rows: torch.Tensor,
    row_weights: torch.Tensor,
    columns: torch.Tensor,
    column_weights: torch.Tensor,
) -> torch.Tensor:
    """Sums of rows, then of columns, of each image; see `crop_taps`.

    Rows and columns apart, that is several times faster on a CPU than a grid of two dimensions.

    Args:
        images: (B, C, H, W) float.
        exchanged: (B,) where rows and columns are exchanged before; only where H is W.
        rows: (B, H, k).
        row_weights: (B, H, k).
        columns: (B, W, k).
        column_weights: (B, W, k).
    """
    swapped = exchanged.nonzero().flatten()
    if len(swapped):
        rows, columns = _swap(rows, columns, swapped)
        row_weights, column_weights = _swap(row_weights, column_weights, swapped)
    across = _weighted_rows(images, rows, row_weights).transpose(2, 3)
    across = _weighted_rows(across, columns, column_weights)
    result = across.transpose(2, 3).contiguous()
    if len(swapped):  # their rows and columns are where they should be without this last transpose
        swapped = swapped.to(images.device)
        result[swapped] = across[swapped]
    return result


def _swap(
    first: torch.Tensor, second: torch.Tensor, at: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    return first.index_copy(0, at, second[at]), second.index_copy(0, at, first[at])


def _weighted_rows(images: torch.Tensor, taps: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Each row of (B, C, H, W) as the sum of its image's rows `taps` (B, H, k) times `weights`."""
    n, channels, height, width = images.shape
    planes = torch.arange(n * channels, device=taps.device).view(n, channels, 1, 1)
    rows = (planes * height + taps[:, None]).view(-1, taps.shape[-1])
    weights = weights[:, None].expand(-1, channels, -1, -1).reshape(rows.shape)
    summed = embedding_bag(
        rows.to(images.device),
        images.reshape(-1, width),
        per_sample_weights=weights.to(images),
        mode="sum",
    )
    return summed.view(images.shape)


def random_resized_crop(
    images: torch.Tensor,
    *,
    scale_low: float,
    generator: torch.Generator,
    aspect: float = 4 / 3,
    interpolation: Interpolation = "bilinear",
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
    centre, share = draw_crops(len(images), scale_low=scale_low, generator=generator, aspect=aspect)
    if scale_low >= 1:
        return images
    cropped = crop_resized(images, centre=centre, share=share, interpolation=interpolation)
    return cropped.clamp_(0, 1)


def draw_crops(
    n: int, *, scale_low: float, generator: torch.Generator, aspect: float = 4 / 3
) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres and shares (n, 2) for `crop_resized`, as `random_resized_crop` draws them."""
    area, stretch, row, column = torch.rand(4, n, generator=generator)
    side = (scale_low + (1 - scale_low) * area).sqrt()
    factor = torch.exp((2 * stretch - 1) * (math.log(aspect) / 2))
    # a part that would reach beyond the image is cut to it
    share = torch.stack([side * factor, side / factor], dim=1).clamp_(max=1)
    return share / 2 + (1 - share) * torch.stack([row, column], dim=1), share


def random_rotate(
    images: torch.Tensor, *, degrees: float, generator: torch.Generator
) -> torch.Tensor:
    """`rotate` each image by an angle drawn uniformly from -degrees to +degrees."""
    return rotate(images, draw_evenly(len(images), degrees, generator))


def random_flip(
    images: torch.Tensor, *, horizontal: bool, vertical: bool, generator: torch.Generator
) -> torch.Tensor:
    """`flip` each image with probability 0.5 in each direction that is allowed."""
    mirrored = draw_flips(
        len(images), horizontal=horizontal, vertical=vertical, generator=generator
    )
    return mirror(images, mirrored)


def draw_flips(
    n: int, *, horizontal: bool, vertical: bool, generator: torch.Generator
) -> torch.Tensor:
    """(n, 2) whether top and bottom, and left and right, are exchanged; as `random_flip` draws."""
    drawn = torch.rand(2, n, generator=generator) < 0.5
    return torch.stack([drawn[1] & vertical, drawn[0] & horizontal], dim=1)
