"""How far a mask's logits are from the mask: Dice with cross-entropy or with focal loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch.nn import functional

MaskLoss = Literal["dice_ce", "dice_focal"]

#: Added to both parts of Dice, in voxels: a patch without the label costs nothing where none of it
#: is predicted, and little more where one voxel is.
_SMOOTH = 1.0


def mask_loss(
    logits: Sequence[torch.Tensor],
    labels: torch.Tensor,
    *,
    name: MaskLoss = "dice_ce",
    exclusive: bool,
    batch_dice: bool = False,
    gamma: float = 2.0,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """Loss (B,) of every row: 1 - Dice, mean over labels, plus cross-entropy or focal loss.

    The logits of coarser levels weigh half as much as those of the level before; weights sum to 1.
    There a label counts as each point's nearest voxel says.

    Args:
        logits: (B, K, *space) from fine to coarse; see `Segmenter.decode`.
        labels: (B, *space) integers: of K classes, 0 is the background, where labels are exclusive;
            else 0 or 1 of the one label. (B, K, *space) 0 or 1 of labels that may overlap.
        name: What Dice is joined with.
        exclusive: A voxel has one label: softmax over K, and Dice without the background; else a
            sigmoid for each.
        batch_dice: Dice of the batch as one large patch, the same for every row; else of each row.
        gamma: Exponent of the focal loss.
        weight: (B,) how much a row counts in the Dice of the batch.

    Source:
        Milletari et al., 3DV 2016 (Dice); Lin et al., ICCV 2017 (focal); Isensee et al., Nature
        Methods 2021 (sum with cross-entropy, weights of deep supervision).
    """
    shares = torch.tensor([0.5**level for level in range(len(logits))])
    shares = shares / shares.sum()
    total = torch.zeros(len(labels), device=labels.device)
    for share, each in zip(shares.tolist(), logits, strict=True):
        values = each.float()
        truth = _labels_at(labels, values.shape, exclusive=exclusive)
        dice = _dice_loss(values, truth, exclusive=exclusive, batch=batch_dice, weight=weight)
        other = _voxel_loss(values, truth, name=name, exclusive=exclusive, gamma=gamma)
        total = total + share * (dice + other)
    return total


def _labels_at(labels: torch.Tensor, shape: torch.Size, *, exclusive: bool) -> torch.Tensor:
    """0 or 1 (B, K, *space) of each of the K outputs, at the resolution of the logits."""
    space = shape[2:]
    stack = labels if labels.ndim == len(shape) else labels.unsqueeze(1)
    if stack.shape[2:] != space:
        stack = functional.interpolate(stack.float(), size=space, mode="nearest-exact")
    if not exclusive:
        return stack.float()
    classes = torch.arange(shape[1], device=stack.device).view(1, -1, *[1] * len(space))
    return (stack == classes).float()


def _dice_loss(
    logits: torch.Tensor,
    truth: torch.Tensor,
    *,
    exclusive: bool,
    batch: bool,
    weight: torch.Tensor | None,
) -> torch.Tensor:
    """1 - Dice (B,), mean over the labels."""
    from monai.losses.dice import DiceLoss

    probability = torch.softmax(logits, dim=1) if exclusive else torch.sigmoid(logits)
    if exclusive:
        probability, truth = probability[:, 1:], truth[:, 1:]
    is_weighed = batch and weight is not None
    if weight is not None and is_weighed:
        # a row that counts twice is as if the batch held it twice: soft masks, to MONAI
        each = (weight / weight.mean()).view(-1, *[1] * (logits.ndim - 1))
        probability, truth = probability * each, truth * each
    measure = DiceLoss(
        smooth_nr=_SMOOTH,
        smooth_dr=_SMOOTH,
        batch=batch,
        soft_label=is_weighed,
        reduction="none",
    )
    loss: torch.Tensor = measure(probability, truth)
    return loss.flatten(1).mean(1).expand(len(logits))


def _voxel_loss(
    logits: torch.Tensor, truth: torch.Tensor, *, name: MaskLoss, exclusive: bool, gamma: float
) -> torch.Tensor:
    """Cross-entropy or focal loss (B,), mean over the voxels (and over labels that may overlap)."""
    if name == "dice_focal":
        from monai.losses.focal_loss import FocalLoss

        focal = FocalLoss(gamma=gamma, use_softmax=exclusive, reduction="none")
        loss: torch.Tensor = focal(logits, truth)
        # of exclusive labels only the voxel's own is not 0
        loss = loss.sum(1) if exclusive else loss.mean(1)
    elif exclusive:
        loss = functional.cross_entropy(logits, truth, reduction="none")
    else:
        loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return loss.flatten(1).mean(1)
