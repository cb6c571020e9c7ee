"""How probabilities become masks, and what validation patients decide of it."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.mask_rules import MaskRule
from tumorboard.evaluation.predicted_dice import DiceCalibration
from tumorboard.training.mask_decision import MaskDecision, without_rivals
from tumorboard.transforms.cases import OwnGrid

GRID = OwnGrid((1, 3), (1.0, 1.0), np.eye(4), False)
#: Two labels, three pixels.
PROBABILITIES = np.array([[[0.45, 0.35, 0.1]], [[0.40, 0.45, 0.2]]], dtype=np.float32)


def test_a_label_that_another_beats_is_nowhere_at_any_threshold() -> None:
    left = without_rivals(PROBABILITIES)
    np.testing.assert_allclose(left, [[[0.45, 0.0, 0.0]], [[0.0, 0.45, 0.2]]])


def test_exclusive_labels_share_no_pixel_and_overlapping_ones_may() -> None:
    decision = MaskDecision((MaskRule(threshold=0.3),) * 2, (DiceCalibration(),) * 2)
    exclusive = decision.masks(PROBABILITIES, GRID, is_exclusive=True)
    assert exclusive.astype(int).tolist() == [[[1, 0, 0]], [[0, 1, 0]]]
    regions = decision.masks(PROBABILITIES, GRID, is_exclusive=False)
    assert regions.astype(int).tolist() == [[[1, 1, 0]], [[1, 1, 0]]]


def test_a_decision_comes_back_from_plain_data() -> None:
    decision = MaskDecision((MaskRule(0.4, True, 2.0),), (DiceCalibration((0.0, 1.0), (0.2, 0.9)),))
    assert MaskDecision.from_plain(decision.to_plain()) == decision
    assert MaskDecision.from_plain("none") is None
