"""How probabilities become masks, and what validation patients decide of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from tumorboard.evaluation.mask_rules import MaskRule
from tumorboard.evaluation.predicted_dice import DiceCalibration
from tumorboard.study_keys import TaskTable
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.mask_decision import MaskDecision, ValidationCases, without_rivals
from tumorboard.transforms.cases import OwnGrid

GRID = OwnGrid((1, 3), (1.0, 1.0), np.eye(4), False)
#: Two labels, three pixels.
PROBABILITIES = np.array([[[0.45, 0.35, 0.1]], [[0.40, 0.45, 0.2]]], dtype=np.float32)


def _task(labels: dict[str, Any]) -> Segmentation:
    return Segmentation(TaskTable(kind="segmentation", image="ct", mask="m", labels=labels))


def test_a_label_that_another_beats_is_nowhere_at_any_threshold() -> None:
    left = without_rivals(PROBABILITIES)
    np.testing.assert_allclose(left, [[[0.45, 0.0, 0.0]], [[0.0, 0.45, 0.2]]])


def test_exclusive_labels_share_no_pixel_and_overlapping_ones_may() -> None:
    decision = MaskDecision((MaskRule(threshold=0.3),) * 2, (DiceCalibration(),) * 2)
    exclusive = decision.masks(PROBABILITIES, GRID, _task({"a": 1, "b": 2}))
    assert exclusive.astype(int).tolist() == [[[1, 0, 0]], [[0, 1, 0]]]
    regions = decision.masks(PROBABILITIES, GRID, _task({"a": [1, 2], "b": [2, 3]}))
    assert regions.astype(int).tolist() == [[[1, 1, 0]], [[1, 1, 0]]]


def test_regions_that_contradict_each_other_are_those_that_a_file_can_hold() -> None:
    """Without a number for a core outside its whole tumour the core's is written, and measured."""
    task = _task({"whole": [1, 2], "core": [1]})
    decision = MaskDecision((MaskRule(threshold=0.42),) * 2, (DiceCalibration(),) * 2)
    masks = decision.masks(PROBABILITIES, GRID, task)
    assert masks.astype(int).tolist() == [[[1, 1, 0]], [[0, 1, 0]]]
    assert task.as_numbers(masks).tolist() == [[2, 1, 0]]


def test_a_decision_comes_back_from_plain_data() -> None:
    decision = MaskDecision((MaskRule(0.4, True, 2.0),), (DiceCalibration((0.0, 1.0), (0.2, 0.9)),))
    assert MaskDecision.from_plain(decision.to_plain()) == decision
    assert MaskDecision.from_plain("none") is None


def test_rules_are_chosen_on_what_masks_are_made_of(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", PROBABILITIES.astype(np.float16))
    task: Any = SimpleNamespace(
        is_exclusive=True, masks=lambda numbers: np.stack([numbers == 1, numbers == 2])
    )
    references: Any = SimpleNamespace(
        own=lambda row: np.array([[1, 2, 0]]), cases=SimpleNamespace(own_grid=lambda row: GRID)
    )
    cases = ValidationCases({0: tmp_path / "0.npy"}, references, task)
    ((seen, truth, spacing),) = list(cases.of_label(0))
    np.testing.assert_allclose(seen, [[0.45, 0.0, 0.0]], atol=1e-3)
    assert truth.tolist() == [[True, False, False]]
    assert spacing == (1.0, 1.0)
    task.is_exclusive = False
    ((seen, _, _),) = list(cases.of_label(0))
    np.testing.assert_allclose(cast("Any", seen), PROBABILITIES[0], atol=1e-3)
