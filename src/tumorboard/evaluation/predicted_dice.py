"""How good a mask is, by the model's own probabilities: Dice without a reference, uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.records import Bools, Floats

#: Voxels with more than this probability may be tumour: over them a case's uncertainty is averaged.
POSSIBLE = 0.05
#: From this many cases steps are fitted, below it a line: steps follow few cases too closely.
_CASES_FOR_STEPS = 50


def expected_dice(probabilities: NDArray[Any], mask: Bools) -> float:
    """Dice that a mask would have if its voxels' probabilities were true.

    2 x the sum of p inside the mask over (size of the mask + sum of all p): the expected overlap
    over the expected sizes, where voxels are independent. NaN where the mask is empty and no voxel
    has any probability. Networks are surer of themselves than right: see `fit_dice_calibration`.
    """
    whole = float(probabilities.sum(dtype=np.float64)) + int(np.count_nonzero(mask))
    inside = float(probabilities.sum(dtype=np.float64, where=mask))
    return 2 * inside / whole if whole else math.nan


def voxel_entropy(probabilities: NDArray[Any]) -> NDArray[np.float32]:
    """Entropy of each voxel in bits: 0 where it is certain, 1 at a probability of 0.5."""
    from scipy.special import entr

    p = np.asarray(probabilities, dtype=np.float32)
    bits = (entr(p) + entr(1 - p)) / math.log(2)
    return np.asarray(bits, dtype=np.float32)


def uncertainty(probabilities: NDArray[Any]) -> float:
    """Uncertainty of a case, 0 to 1: mean entropy of the voxels that may be tumour (p > 0.05).

    Where no voxel may be, the entropy of the likeliest: at most 0.29.
    """
    possible = probabilities[probabilities > POSSIBLE]
    if not possible.size:
        possible = probabilities.max(keepdims=True)
    return float(voxel_entropy(possible).mean(dtype=np.float64))


@dataclass(frozen=True)
class DiceCalibration:
    """From expected to predicted Dice: linear between knots and flat beyond them.

    Args:
        x: Expected Dice at the knots, rising; empty leaves values as they are.
        y: Predicted Dice there.
        n_cases: Validation cases it was fitted on.
    """

    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    n_cases: int = 0

    def apply(self, expected: Floats) -> Floats:
        """Predicted Dice; NaN stays NaN."""
        values = np.asarray(expected, dtype=np.float64)
        return values if not self.x else np.asarray(np.interp(values, self.x, self.y))

    def to_plain(self) -> dict[str, Any]:
        """Plain data for a model folder."""
        return {"x": list(self.x), "y": list(self.y), "n_cases": self.n_cases}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> DiceCalibration:
        """The calibration of `to_plain`.

        Raises:
            InputError: Damaged.
        """
        try:
            x, y = (tuple(float(v) for v in plain[name]) for name in ("x", "y"))
            made = cls(x, y, int(plain["n_cases"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"predicted Dice: damaged ({error}). Fit the model again.") from error
        is_rising = all(a < b for a, b in pairwise(x))
        if len(x) != len(y) or not is_rising or not all(0 <= v <= 1 for v in y):
            raise InputError("predicted Dice: damaged knots. Fit the model again.")
        return made


def fit_dice_calibration(expected: Floats, observed: Floats) -> tuple[DiceCalibration, list[str]]:
    """Fit the calibration on the validation cases of one fitted model.

    From 50 cases isotonic steps, linear between them; below a line, never falling. Cases where
    either is NaN (both masks empty) are left out. Under 10 cases nothing is fitted.

    Args:
        expected: (n,) of `expected_dice`.
        observed: (n,) Dice against the reference.

    Returns:
        The calibration, and remarks for the report.
    """
    known = np.isfinite(expected) & np.isfinite(observed)
    x, y = np.asarray(expected)[known], np.asarray(observed)[known]
    n = len(x)
    if n < MIN_PATIENTS:
        why = f"{n} validation cases with a mask, fewer than {MIN_PATIENTS}"
        return DiceCalibration(), [f"Predicted Dice is not calibrated: {why}."]
    if n >= _CASES_FOR_STEPS:
        return _steps(x, y), []
    variance = float(x.var())
    slope = float(np.mean((x - x.mean()) * (y - y.mean()))) / variance if variance else 0.0
    if slope <= 0:
        mean = float(y.mean())
        return DiceCalibration((0.0, 1.0), (mean, mean), n), [
            "Predicted Dice is the mean of the validation cases: on them the model's own "
            "probabilities do not tell good masks from bad ones."
        ]
    ends = _ends(slope, float(y.mean() - slope * x.mean()))
    line = np.clip(slope * (ends - x.mean()) + y.mean(), 0, 1)
    return DiceCalibration(tuple(ends.tolist()), tuple(line.tolist()), n), []


def mean_calibration(calibrations: Sequence[DiceCalibration]) -> DiceCalibration:
    """The mean of what several calibrations say, of any expected Dice."""
    if not any(own.x for own in calibrations):
        return DiceCalibration()
    knots = np.unique([0.0, 1.0, *(at for own in calibrations for at in own.x)])
    said = np.mean([own.apply(knots) for own in calibrations], axis=0)
    n_cases = sum(own.n_cases for own in calibrations)
    return DiceCalibration(tuple(knots.tolist()), tuple(said.tolist()), n_cases)


def _ends(slope: float, intercept: float) -> Floats:
    """0, 1 and where the line leaves 0..1 between them: knots of the clipped line."""
    leaves = [(bound - intercept) / slope for bound in (0.0, 1.0)]
    return np.unique([0.0, 1.0, *(at for at in leaves if 0 < at < 1)])


def _steps(x: Floats, y: Floats) -> DiceCalibration:
    from sklearn.isotonic import IsotonicRegression

    model: Any = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    model.fit(x, y)
    knots = np.asarray(model.X_thresholds_, dtype=np.float64).tolist()
    return DiceCalibration(tuple(knots), tuple(np.clip(model.y_thresholds_, 0, 1).tolist()), len(x))
