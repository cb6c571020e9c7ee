"""Stains that vary: random changes of stained image batches (B, 3, H, W) in 0..1.

Draws come from a CPU generator, one per image, and are the same on every device. Changes of hue
and saturation are in `colour`, brightness and contrast in `intensity`, crops in `geometry`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from tumorboard.transforms.stains import HED, Stain, transfer_matrix


def change_hed(images: torch.Tensor, factor: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Scale concentrations of haematoxylin, eosin and DAB by `factor`, and add `bias`.

    Args:
        images: (B, 3, H, W) in 0..1, red, green and blue.
        factor: (B, 3) or (3,).
        bias: (B, 3) or (3,), in decadic optical density.
    """
    factor, bias = (value.expand(len(images), 3) for value in (factor, bias))
    return change_od(images, *_matrix_of_hed(factor, bias))


def jitter_hed(
    images: torch.Tensor, *, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """`change_hed` by factors from 1 - strength to 1 + strength, biases from -strength to strength.

    Source:
        Tellez et al., Quantifying the effects of data augmentation and stain color normalization,
        Med Image Anal 2019;58:101544: HED-light is 0.05, HED-strong 0.2.
    """
    matrix, shift = draw_jitter(len(images), strength=strength, generator=generator)
    return change_od(images, matrix, shift) if strength else images


def draw_jitter(
    n: int, *, strength: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """A matrix (n, 3, 3) and a shift (n, 3) for `change_od`, as `jitter_hed` draws them."""
    drawn = (2 * torch.rand(2, n, 3, generator=generator) - 1) * strength
    return _matrix_of_hed(1 + drawn[0], drawn[1])


def transfer_stains(
    images: torch.Tensor,
    *,
    source: Stain,
    targets: Sequence[Stain],
    probability: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Stain a random subset of images like a slide drawn from `targets`, with equal chances.

    With training slides as targets, a rare kind of patch is seen in every slide's stain.

    Args:
        images: (B, 3, H, W) in 0..1, stained as `source`: normalise them to it first.
        source: How they are stained now.
        targets: How they may be stained.
        probability: Chance of each image to be changed.
        generator: On the CPU.
    """
    matrix, chosen = draw_transfer(
        len(images), source=source, targets=targets, probability=probability, generator=generator
    )
    rows = chosen.nonzero().flatten()
    if len(rows) == 0:
        return images
    at = rows.to(images.device)
    return images.index_copy(0, at, change_od(images[at], matrix[rows], torch.zeros(len(rows), 3)))


def draw_transfer(
    n: int,
    *,
    source: Stain,
    targets: Sequence[Stain],
    probability: float,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A matrix (n, 3, 3) for `change_od`, and (n,) which images have another than their own."""
    chance, which = torch.rand(2, n, generator=generator)
    chosen = (chance < probability) & bool(targets)
    matrices = np.stack([np.eye(3), *(transfer_matrix(source, target) for target in targets)])
    drawn = 1 + (which * len(targets)).long().clamp_(max=len(targets) - 1)
    return torch.as_tensor(matrices)[drawn * chosen], chosen


def change_od(images: torch.Tensor, matrix: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Optical densities (as rows) of each image times its matrix, plus its shift.

    Args:
        images: (B, 3, H, W) in 0..1.
        matrix: (B, 3, 3).
        shift: (B, 3), in decadic optical density.
    """
    # As in `stains`, (255 x + 1) / 256 of the light passes. Its natural logarithm is a density but
    # for sign and base, which only the shift has to be brought to.
    light = images.clamp(0, 1).mul_(255 / 256).add_(1 / 256).log_()
    weight = matrix.transpose(1, 2).to(images)
    moved = (shift * -math.log(10)).to(images)
    changed = torch.baddbmm(moved[:, :, None], weight, light.flatten(2)).exp_()
    return changed.mul_(256 / 255).sub_(1 / 255).clamp_(0, 1).view(images.shape)


def _matrix_of_hed(factor: torch.Tensor, bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Density -> concentrations -> changed -> density, as one matrix and one shift per image."""
    hed = torch.as_tensor(HED, dtype=torch.float64)
    matrix = torch.linalg.inv(hed) @ (factor.double()[:, :, None] * hed)
    return matrix, bias.double() @ hed
