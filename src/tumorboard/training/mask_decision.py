"""What validation patients decide of a segmenter: how masks are made, and what Dice to expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.mask_rules import MaskRule, choose_rule
from tumorboard.evaluation.predicted_dice import (
    DiceCalibration,
    expected_dice,
    fit_calibration,
    mask_uncertainty,
)
from tumorboard.records import Bools, Floats
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.references import References

_Case = tuple[NDArray[Any], Bools, tuple[float, ...]]


@dataclass(frozen=True)
class MaskDecision:
    """How the probabilities of each label become a mask, and what it is expected to be worth.

    Args:
        rules: One per label.
        calibrations: One per label.
    """

    rules: tuple[MaskRule, ...]
    calibrations: tuple[DiceCalibration, ...]

    def masks(
        self, probabilities: NDArray[Any], spacing: Sequence[float], *, is_exclusive: bool
    ) -> Bools:
        """(L, *shape) masks of probabilities (L, *shape); of exclusive labels the likeliest wins.

        Args:
            probabilities: Of each label.
            spacing: Size of a voxel along each axis.
            is_exclusive: Whether a voxel has at most one label.
        """
        found = np.asarray(probabilities, dtype=np.float32)
        if is_exclusive:  # a label that another one beats is not there, whatever its threshold
            best = found.argmax(axis=0)
            rivals = best != np.arange(len(found)).reshape(-1, *[1] * best.ndim)
            found = np.where(rivals, np.float32(0), found)
        return np.stack(
            [rule.apply(own, spacing) for rule, own in zip(self.rules, found, strict=True)]
        )

    def expected(self, probabilities: NDArray[Any], masks: Bools) -> tuple[Floats, Floats]:
        """(L,) Dice expected of each mask, calibrated, and its uncertainty."""
        found = np.asarray(probabilities, dtype=np.float32)
        raw = [expected_dice(p, mask) for p, mask in zip(found, masks, strict=True)]
        dice = [own.apply(value) for own, value in zip(self.calibrations, raw, strict=True)]
        return np.asarray(dice), np.asarray([mask_uncertainty(p) for p in found])

    def to_plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "rules": [rule.to_plain() for rule in self.rules],
            "calibrations": [own.to_plain() for own in self.calibrations],
        }

    @classmethod
    def from_plain(cls, plain: str | Mapping[str, Any]) -> Self | None:
        """What `to_plain` gave; None for "none"."""
        if isinstance(plain, str):
            return None
        return cls(
            tuple(MaskRule.from_plain(own) for own in plain["rules"]),
            tuple(DiceCalibration.from_plain(own) for own in plain["calibrations"]),
        )


def decide(
    rule: str, task: Segmentation, files: Sequence[Path], rows: Sequence[int],
    patient_id: Sequence[str], references: References,
) -> MaskDecision:  # fmt: skip
    """Choose the rules and fit the calibrations on validation cases.

    Args:
        rule: `auto`, or `plain` for a threshold of one half and nothing else.
        task: Names the labels.
        files: Probabilities (L, *shape) of each case, float16.
        rows: Row of each case.
        patient_id: Patient of each case; each patient weighs 1.
        references: Masks of the rows.
    """
    n_labels = len(task.labels)

    def cases(label: int) -> Iterator[_Case]:
        for path, row in zip(files, rows, strict=True):
            found = np.load(path, mmap_mode="r", allow_pickle=False)[label]
            truth = task.masks(references.own(row))[label]
            yield np.asarray(found), truth, references.cases.own_grid(row).spacing

    rules = tuple(
        choose_rule(lambda k=k: cases(k), patient_id) if rule == "auto" else MaskRule()
        for k in range(n_labels)
    )
    plain = MaskDecision(rules, tuple(DiceCalibration() for _ in rules))
    calibrations: list[DiceCalibration] = []
    for k in range(n_labels):
        raw: list[float] = []
        reached: list[float] = []
        for path, row in zip(files, rows, strict=True):
            found = np.load(path, allow_pickle=False)
            grid = references.cases.own_grid(row)
            mask = plain.masks(found, grid.spacing, is_exclusive=task.is_exclusive)[k]
            truth = task.masks(references.own(row))[k]
            total = int(mask.sum()) + int(truth.sum())
            if total:
                raw.append(expected_dice(found[k].astype(np.float32), mask))
                reached.append(2 * int((mask & truth).sum()) / total)
        calibrations.append(fit_calibration(np.asarray(raw), np.asarray(reached)))
    return MaskDecision(rules, tuple(calibrations))
