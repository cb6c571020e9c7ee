"""From probabilities to a mask: a threshold and cleaning, chosen on validation patients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Bools, Floats
from tumorboard.transforms.mask_components import (
    bounding_box,
    clean_components,
    components,
    fill_holes,
    kept_components,
)

#: Thresholds that are tried.
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
#: Smallest components that are kept, ml; of a mask in voxels the caller names others.
SIZES_ML = (0.0, 0.01, 0.05, 0.2, 1.0)
#: Sizes for masks whose voxels have no known size.
SIZES_VOXELS = (0.0, 10.0, 50.0, 200.0, 1000.0)
#: A rule must gain this much mean Dice over a plainer one: less is noise of few patients.
LEAST_GAIN = 0.005

_Probabilities = NDArray[Any]
_Value = TypeVar("_Value", bool, float)


@dataclass(frozen=True)
class MaskRule:
    """How a mask is made, in this order: threshold, holes, small components, the largest.

    Args:
        threshold: Least probability of what is inside.
        keep_largest: Whether only the largest component stays.
        smallest_ml: Components below this volume go, in the unit of the voxels' volume.
        fill_holes: Whether what the mask encloses belongs to it.
    """

    threshold: float = 0.5
    keep_largest: bool = False
    smallest_ml: float = 0.0
    fill_holes: bool = False

    def apply(self, probabilities: _Probabilities, *, voxel_volume: float) -> Bools:
        """The mask of probabilities, or a mask cleaned.

        Args:
            probabilities: (*space), floating numbers, or a mask.
            voxel_volume: Of one voxel, in ml where the rule's sizes are.
        """
        mask = _above(probabilities, self.threshold)
        if self.fill_holes:
            mask = fill_holes(mask)
        least = self.smallest_ml / voxel_volume
        return clean_components(mask, largest=self.keep_largest, least=least)

    @property
    def n_steps(self) -> int:
        """How many things it does beyond a threshold of 0.5."""
        return sum((self.threshold != 0.5, self.keep_largest, self.smallest_ml > 0,
                    self.fill_holes))  # fmt: skip

    def to_plain(self) -> dict[str, Any]:
        """Plain data for a model folder."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> MaskRule:
        """The rule of `to_plain`.

        Raises:
            InputError: Damaged.
        """
        try:
            rule = cls(
                float(plain["threshold"]), bool(plain["keep_largest"]),
                float(plain["smallest_ml"]), bool(plain["fill_holes"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"mask rule: damaged ({error}). Fit the model again.") from error
        if not (0 < rule.threshold < 1 and 0 <= rule.smallest_ml < math.inf):
            raise InputError(f"mask rule: damaged ({rule}). Fit the model again.")
        return rule


@dataclass(frozen=True)
class ChosenRule:
    """The rule that was chosen, and what it gains.

    Args:
        rule: The rule.
        dice: Its mean Dice over the cases; a case that is rightly empty counts 1.
        plain_dice: That of a threshold of 0.5 alone.
        n_cases: Validation cases.
    """

    rule: MaskRule
    dice: float
    plain_dice: float
    n_cases: int


def choose_rule(
    cases: Iterable[tuple[_Probabilities, Bools, Sequence[float]]],
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    sizes: Sequence[float] = SIZES_ML,
    volume_scale: float = 0.001,
    holes: Sequence[bool] = (False, True),
) -> ChosenRule:
    """The rule with the best mean Dice on validation cases, the plainest of those nearly as good.

    Cases are read one after the other and not kept. Each threshold is labelled once: what every
    rule keeps of its components follows from their sizes and overlaps.

    Args:
        cases: Probabilities (*space), of any floating type, the reference (*space) and the spacing.
        thresholds: Those tried; 0.5 always is.
        sizes: Smallest components tried; 0 always is.
        volume_scale: From the product of a spacing to the unit of `sizes`.
        holes: Whether holes are left, filled or both tried.

    Raises:
        InputError: No case.
    """
    rules = [
        MaskRule(threshold, largest, smallest, filled)
        for threshold, filled, largest, smallest in product(
            sorted({0.5, *thresholds}), sorted({False, *holes}), (False, True),
            sorted({0.0, *sizes}),
        )
    ]  # fmt: skip
    total, n_cases = np.zeros(len(rules)), 0
    for probabilities, reference, spacing in cases:
        total += _scores(rules, probabilities, reference, math.prod(spacing) * volume_scale)
        n_cases += 1
    if not n_cases:
        raise InputError("mask rule: no validation case to choose it on.")
    mean = total / n_cases
    near = [i for i in range(len(rules)) if mean[i] > mean.max() - LEAST_GAIN]
    best = min(near, key=lambda i: (rules[i].n_steps, -mean[i], abs(rules[i].threshold - 0.5)))
    plain = rules.index(MaskRule())
    return ChosenRule(rules[best], float(mean[best]), float(mean[plain]), n_cases)


def mean_rule(rules: Sequence[MaskRule]) -> MaskRule:
    """The mean threshold of several rules, and of the rest what most have; of ties the plainer."""
    return MaskRule(
        threshold=math.fsum(rule.threshold for rule in rules) / len(rules),
        keep_largest=_most([rule.keep_largest for rule in rules]),
        smallest_ml=_most([rule.smallest_ml for rule in rules]),
        fill_holes=_most([rule.fill_holes for rule in rules]),
    )


def _most(values: Sequence[_Value]) -> _Value:
    """The most frequent value; of equally frequent ones the smallest."""
    return max(sorted(set(values)), key=values.count)


def _scores(
    rules: Sequence[MaskRule], probabilities: _Probabilities, reference: Bools, voxel_volume: float
) -> Floats:
    """Dice of every rule on one case."""
    n_reference = int(np.count_nonzero(reference))
    box = bounding_box(_above(probabilities, min(rule.threshold for rule in rules)))
    probabilities, reference = probabilities[box], reference[box]
    parts = {
        (threshold, filled): _parts(probabilities, reference, threshold, filled)
        for threshold, filled in {(rule.threshold, rule.fill_holes) for rule in rules}
    }
    scores: list[float] = []
    for rule in rules:
        sizes, overlaps = parts[rule.threshold, rule.fill_holes]
        least = rule.smallest_ml / voxel_volume
        kept = kept_components(sizes, largest=rule.keep_largest, least=least)
        both = n_reference + int(sizes[kept].sum())
        scores.append(2 * int(overlaps[kept].sum()) / both if both else 1.0)
    return np.asarray(scores)


def _parts(
    probabilities: _Probabilities, reference: Bools, threshold: float, filled: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Size of each component, and how much of it lies in the reference."""
    mask = _above(probabilities, threshold)
    if filled:
        mask = fill_holes(mask)
    labels, sizes = components(mask)
    overlaps = np.bincount(labels[mask & reference], minlength=len(sizes) + 1)[1:]
    return sizes, overlaps.astype(np.int64)


def _above(probabilities: _Probabilities, threshold: float) -> Bools:
    if probabilities.dtype == np.bool_:
        return probabilities
    return np.asarray(probabilities >= threshold, dtype=np.bool_)
