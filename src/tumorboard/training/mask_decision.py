"""What validation patients decide of a segmenter: how masks are made, and what Dice to expect."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.mask_metrics import ML
from tumorboard.evaluation.mask_rules import (
    SIZES_ML,
    SIZES_VOXELS,
    MaskRule,
    choose_rule,
    mean_rule,
)
from tumorboard.evaluation.predicted_dice import (
    DiceCalibration,
    expected_dice,
    fit_dice_calibration,
    mean_calibration,
    uncertainty,
)
from tumorboard.records import Bools, Floats
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.references import References
from tumorboard.transforms.cases import OwnGrid


@dataclass(frozen=True)
class MaskDecision:
    """How the probabilities of each label become a mask, and what it is expected to be worth.

    Args:
        rules: One per label; their sizes are in ml, or in voxels where that is all that is known.
        calibrations: One per label.
    """

    rules: tuple[MaskRule, ...]
    calibrations: tuple[DiceCalibration, ...]

    def masks(self, probabilities: NDArray[Any], grid: OwnGrid, task: Segmentation) -> Bools:
        """(L, *shape) masks of probabilities (L, *shape), as a file of numbers can hold them.

        Of exclusive labels the likeliest wins. Of regions each is decided for itself; where they
        contradict each other (a core outside its whole tumour), those of the number that is
        written hold.

        Args:
            probabilities: Of each label, on the image's own grid.
            grid: That grid.
            task: Names the labels.
        """
        found = np.asarray(probabilities, dtype=np.float32)
        if task.is_exclusive:
            found = without_rivals(found)
        pairs = zip(self.rules, found, strict=True)
        volume = voxel_volume(grid)
        masks = np.stack([rule.apply(own, voxel_volume=volume) for rule, own in pairs])
        return task.masks(task.as_numbers(masks))

    def expected(self, probabilities: NDArray[Any], masks: Bools) -> tuple[Floats, Floats]:
        """(L,) Dice expected of each mask, calibrated, and its uncertainty, 0 to 1."""
        found = np.asarray(probabilities, dtype=np.float32)
        raw = np.asarray([expected_dice(p, mask) for p, mask in zip(found, masks, strict=True)])
        dice = [own.apply(value) for own, value in zip(self.calibrations, raw, strict=True)]
        return np.asarray(dice), np.asarray([uncertainty(p) for p in found])

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


def mean_decision(decisions: Sequence[MaskDecision]) -> MaskDecision:
    """What several models decided, as one decision about the mean of their probabilities.

    Of each label the mean threshold; holes, largest component and smallest size as most models
    have them, of equally many the plainer. The expected Dice is the mean of what the models'
    calibrations make of it.

    Args:
        decisions: One per model, of the same labels.
    """
    labels = range(len(decisions[0].rules))
    rules = [mean_rule([own.rules[k] for own in decisions]) for k in labels]
    calibrations = [mean_calibration([own.calibrations[k] for own in decisions]) for k in labels]
    return MaskDecision(tuple(rules), tuple(calibrations))


def without_rivals(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """(L, *shape) with 0 where another label is likelier: it is not there, at any threshold."""
    best = probabilities.argmax(axis=0)
    rivals = best != np.arange(len(probabilities)).reshape(-1, *[1] * best.ndim)
    return np.where(rivals, np.float32(0), probabilities)


def voxel_volume(grid: OwnGrid) -> float:
    """Volume of a voxel in ml, or 1 where its size is not known."""
    return math.prod(grid.spacing) * (ML if grid.is_known else 1.0)


@dataclass(frozen=True)
class ValidationCases:
    """Cases of validation patients whose probabilities lie on the disk meanwhile.

    Args:
        files: Row -> file of its probabilities (L, *shape), float16.
        references: Masks of the rows.
        task: Names the labels.
    """

    files: Mapping[int, Path]
    references: References
    task: Segmentation

    def of_label(self, label: int) -> Iterator[tuple[NDArray[Any], Bools, Sequence[float]]]:
        """Probabilities, reference and spacing of every case, one after the other."""
        for row, path in self.files.items():
            found = np.load(path, mmap_mode="r", allow_pickle=False)
            if self.task.is_exclusive:  # as masks are made, so are rules chosen
                found = without_rivals(np.asarray(found, dtype=np.float32))
            truth = self.task.masks(self.references.own(row))[label]
            yield np.asarray(found[label]), truth, self.references.cases.own_grid(row).spacing

    @property
    def is_known(self) -> bool:
        """Whether the size of every case's voxels is known."""
        return all(self.references.cases.own_grid(row).is_known for row in self.files)

    def decide(self, rule: str) -> tuple[MaskDecision, list[str]]:
        """Choose the rules, then fit what Dice to expect of the masks that they make.

        Args:
            rule: `auto`, or `plain` for a threshold of one half and nothing else.

        Returns:
            The decision, and remarks for the report.
        """
        labels = self.task.labels
        sizes, scale = (SIZES_ML, ML) if self.is_known else (SIZES_VOXELS, 1.0)
        rules = [MaskRule() for _ in labels]
        remarks: list[str] = []
        for k, label in enumerate(labels) if rule == "auto" else ():
            chosen = choose_rule(self.of_label(k), sizes=sizes, volume_scale=scale)
            rules[k] = chosen.rule
            remarks.append(
                f"{label}: {_in_words(chosen.rule, 'ml' if self.is_known else 'voxels')}; Dice of "
                f"{chosen.n_cases} validation cases {chosen.dice:.3f}, {chosen.plain_dice:.3f} "
                "with a threshold of 0.5 alone"
            )
        plain = MaskDecision(tuple(rules), tuple(DiceCalibration() for _ in labels))
        expected, reached = self._expected_and_reached(plain)
        fitted = [fit_dice_calibration(expected[:, k], reached[:, k]) for k in range(len(labels))]
        for label, (_, said) in zip(labels, fitted, strict=True):
            remarks += [f"{label}: {sentence}" for sentence in said]
        return MaskDecision(plain.rules, tuple(own for own, _ in fitted)), remarks

    def _expected_and_reached(self, plain: MaskDecision) -> tuple[Floats, Floats]:
        """(n, L) Dice by the probabilities themselves, and against the reference."""
        expected: list[Floats] = []
        reached: list[list[float]] = []
        for row, path in self.files.items():
            found = np.load(path, allow_pickle=False)
            grid = self.references.cases.own_grid(row)
            masks = plain.masks(found, grid, self.task)
            expected.append(plain.expected(found, masks)[0])
            truth = self.task.masks(self.references.own(row))
            reached.append([_dice(a, b) for a, b in zip(masks, truth, strict=True)])
        return np.asarray(expected), np.asarray(reached)


def _dice(mask: Bools, truth: Bools) -> float:
    both = int(mask.sum()) + int(truth.sum())
    return 2 * int((mask & truth).sum()) / both if both else math.nan


def _in_words(rule: MaskRule, unit: str) -> str:
    words = [f"threshold {rule.threshold:g}"]
    words += ["largest component alone"] * rule.keep_largest
    words += [f"components from {rule.smallest_ml:g} {unit}"] * (rule.smallest_ml > 0)
    words += ["holes filled"] * rule.fill_holes
    return ", ".join(words)
