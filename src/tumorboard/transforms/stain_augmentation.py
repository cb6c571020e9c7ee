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
    hed = torch.as_tensor(HED, dtype=torch.float64)
    factor, bias = (value.double().expand(len(images), 3) for value in (factor, bias))
    # od -> concentrations -> changed -> od, as one matrix and one vector per image
    matrix = torch.linalg.inv(hed) @ (factor[:, :, None] * hed)
    return _change_od(images, matrix, bias @ hed)


def jitter_hed(
    images: torch.Tensor, *, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """`change_hed` by factors from 1 - strength to 1 + strength, biases from -strength to strength.

    Source:
        Tellez et al., Quantifying the effects of data augmentation and stain color normalization,
        Med Image Anal 2019;58:101544: HED-light is 0.05, HED-strong 0.2.
    """
    drawn = (2 * torch.rand(2, images.shape[0], 3, generator=generator) - 1) * strength
    if strength == 0:
        return images
    return change_hed(images, 1 + drawn[0], drawn[1])


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
        images: (B, 3, H, W) in 0..1, red, green and blue.
        source: How all images are stained now, such as what they were normalised to.
        targets: How they may be stained.
        probability: Chance of each image to be changed.
        generator: On the CPU.
    """
    chance, which = torch.rand(2, images.shape[0], generator=generator)
    rows = (chance < probability).nonzero().flatten()
    if len(rows) == 0 or not targets:
        return images
    matrices = np.stack([transfer_matrix(source, target) for target in targets])
    drawn = (which[rows] * len(targets)).long().clamp_(max=len(targets) - 1)
    matrix = torch.as_tensor(matrices)[drawn]
    rows = rows.to(images.device)
    changed = _change_od(images[rows], matrix, torch.zeros(len(rows), 3))
    return images.index_copy(0, rows, changed)


def _change_od(images: torch.Tensor, matrix: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Optical densities (as rows) of each image times its (3, 3) matrix, plus its (3,) shift."""
    # As in `stains`, (255 x + 1) / 256 of the light passes; densities here are natural, so that
    # exp and log stay the fast ones, and the shift is brought to them.
    density = -torch.log((images.clamp(0, 1) * 255 + 1) / 256)
    weight = matrix.transpose(1, 2).to(images)
    moved = (shift * math.log(10)).to(images)
    changed = torch.baddbmm(moved[:, :, None], weight, density.flatten(2)).neg_().exp_()
    return changed.mul_(256).sub_(1).div_(255).clamp_(0, 1).view(images.shape)
