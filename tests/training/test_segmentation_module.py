"""Scores of an epoch of a segmenter, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tumorboard.training.segmentation_module import _as_masks, _decided, _overlap


def test_overlap_of_units_with_and_without_the_label() -> None:
    # shared, found, true voxels of three units and one label
    counts = np.array([[[2.0, 4.0, 4.0]], [[0.0, 0.0, 5.0]], [[0.0, 0.0, 0.0]]])
    assert _overlap(counts, "dice") == pytest.approx((0.5 + 0.0) / 2)
    assert _overlap(counts, "iou") == pytest.approx((2 / 6 + 0.0) / 2)
    assert math.isnan(_overlap(counts[2:], "dice"))  # nothing there and nothing found


def test_a_label_is_decided_against_the_others_and_the_background() -> None:
    probabilities = torch.tensor([[[0.4, 0.45, 0.2], [0.35, 0.10, 0.2]]])  # (1, 2 labels, 3 voxels)
    exclusive = _decided(probabilities, is_exclusive=True)
    assert exclusive[0].tolist() == [[True, False, False], [False, False, False]]
    own = _decided(torch.tensor([[[0.6, 0.5], [0.7, 0.1]]]), is_exclusive=False)
    assert own[0].tolist() == [[True, False], [True, False]]


def test_targets_become_masks_of_each_label() -> None:
    like = torch.zeros(1, 2, 3, dtype=torch.bool)
    assert _as_masks(torch.tensor([[0, 2, 1]]), like)[0].tolist() == [
        [False, False, True],
        [False, True, False],
    ]
