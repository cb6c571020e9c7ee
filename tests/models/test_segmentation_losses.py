"""Losses of masks against counts by hand and torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from tumorboard.models.segmentation_losses import MaskLoss, mask_loss

LN3 = math.log(3)


def test_one_label_by_hand() -> None:
    """Probabilities 3/4 and 1/4 of four pixels, two of them labelled."""
    logits = torch.tensor([LN3, -LN3, LN3, -LN3]).view(1, 1, 2, 2)
    labels = torch.tensor([[[1, 1], [0, 0]]])
    found = mask_loss([logits], labels, exclusive=False)
    # overlap 1, sums 2 and 2, one voxel added to both parts; two right at 3/4, two wrong
    dice = 1 - (2 * 1 + 1) / (2 + 2 + 1)
    cross_entropy = (2 * -math.log(3 / 4) + 2 * -math.log(1 / 4)) / 4
    torch.testing.assert_close(found, torch.tensor([dice + cross_entropy]))
    focal = (2 * (1 / 4) ** 2 * -math.log(3 / 4) + 2 * (3 / 4) ** 2 * -math.log(1 / 4)) / 4
    found = mask_loss([logits], labels, name="dice_focal", exclusive=False)
    torch.testing.assert_close(found, torch.tensor([dice + focal]))


@pytest.mark.parametrize("name", ["dice_ce", "dice_focal"])
def test_exclusive_labels_leave_the_background_out_of_dice(name: MaskLoss) -> None:
    logits = torch.zeros(1, 3, 1, 2)  # each class 1/3 everywhere
    labels = torch.tensor([[[0, 2]]])
    empty = 1 - (0 + 1) / (2 / 3 + 0 + 1)
    there = 1 - (2 / 3 + 1) / (2 / 3 + 1 + 1)
    voxels = LN3 * (1.0 if name == "dice_ce" else (2 / 3) ** 2)
    found = mask_loss([logits], labels, name=name, exclusive=True)
    torch.testing.assert_close(found, torch.tensor([(empty + there) / 2 + voxels]))


def test_overlapping_labels_are_each_a_question() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 3, 4, 5, 6), torch.randn(2, 3, 4, 5, 6) > 0
    each = [
        mask_loss([logits[:, k : k + 1]], labels[:, k].long(), exclusive=False) for k in range(3)
    ]
    found = mask_loss([logits], labels, exclusive=False)
    torch.testing.assert_close(found, torch.stack(each).mean(0))


def test_rows_are_on_their_own_unless_dice_is_of_the_batch() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(3, 1, 8, 8), torch.randint(0, 2, (3, 8, 8))
    alone = [
        mask_loss([logits[i : i + 1]], labels[i : i + 1], exclusive=False)[0] for i in range(3)
    ]
    torch.testing.assert_close(mask_loss([logits], labels, exclusive=False), torch.stack(alone))
    together = mask_loss([logits], labels, exclusive=False, batch_dice=True)
    entropy = functional.binary_cross_entropy_with_logits(
        logits[:, 0], labels.float(), reduction="none"
    ).mean((1, 2))
    dice = together - entropy
    torch.testing.assert_close(dice, dice[:1].expand(3))
    # a row that weighs twice as much is there twice, one of no weight is not there
    weighed = mask_loss(
        [logits], labels, exclusive=False, batch_dice=True, weight=torch.tensor([2.0, 1.0, 0.0])
    )
    twice = torch.tensor([0, 0, 1])
    repeated = mask_loss([logits[twice]], labels[twice], exclusive=False, batch_dice=True)
    torch.testing.assert_close(weighed[:2], repeated[1:])


def test_an_empty_patch_costs_nothing_when_nothing_is_predicted() -> None:
    labels = torch.zeros(1, 16, 16, dtype=torch.uint8)
    nothing = torch.full((1, 1, 16, 16), -30.0, requires_grad=True)
    loss = mask_loss([nothing], labels, exclusive=False)
    torch.testing.assert_close(loss, torch.zeros(1))
    loss.sum().backward()
    assert nothing.grad is not None
    assert bool(torch.isfinite(nothing.grad).all())
    one = torch.full((1, 1, 16, 16), -30.0)
    one[..., 5, 5] = 30.0
    dice = mask_loss([one], labels, exclusive=False) - 30 / 256
    torch.testing.assert_close(dice, torch.tensor([0.5]))


def test_coarser_levels_weigh_half_as_much_and_see_the_nearest_voxel() -> None:
    torch.manual_seed(0)
    fine, middle, coarse = (torch.randn(2, 3, side, side) for side in (8, 4, 2))
    labels = torch.randint(0, 3, (2, 2, 2)).repeat_interleave(4, 1).repeat_interleave(4, 2)
    parts = [
        mask_loss([fine], labels, exclusive=True),
        mask_loss([middle], labels[:, ::2, ::2], exclusive=True),
        mask_loss([coarse], labels[:, ::4, ::4], exclusive=True),
    ]
    found = mask_loss([fine, middle, coarse], labels, exclusive=True)
    torch.testing.assert_close(found, (4 * parts[0] + 2 * parts[1] + parts[2]) / 7)


def test_half_precision_logits_are_judged_in_float32() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 1, 8, 8).bfloat16(), torch.randint(0, 2, (2, 8, 8))
    found = mask_loss([logits], labels, exclusive=False)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, mask_loss([logits.float()], labels, exclusive=False))
