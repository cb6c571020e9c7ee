"""Linear regression with a ridge penalty."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError, StudyError
from tumorboard.models.baselines import Baseline, Validation
from tumorboard.models.scaled_design import fit_scales, scaled_design
from tumorboard.models.setting_types import Positive
from tumorboard.records import FittedState, Floats

#: Penalties that `auto` tries, weakest first, so that the strongest of equally good ones stays.
PENALTIES = tuple(10.0 ** (k / 2 - 4) for k in range(13))


class Ridge(Baseline):
    """Linear regression with a ridge penalty (scikit-learn), of one or several numbers.

    Features are brought to mean 0 and variance 1 on the training rows, targets as well. A value
    that is absent becomes the mean, and a missing indicator beside it says so; a feature without
    spread has no coefficient. Each target has coefficients of its own.

    Args:
        penalty: Weight of the squared coefficients beside the mean squared error of a patient;
            larger is stronger. `auto` takes, of 13 from 0.0001 to 100 and for each target, that
            with the least squared error of the validation patients.

    Source:
        Hoerl & Kennard, Technometrics 1970; 12: 55-67.
    """

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})

    def __init__(self, *, penalty: Positive | Literal["auto"] = "auto") -> None:
        self.penalty: float | Literal["auto"] = penalty
        self._arrays: dict[str, NDArray[Any]] = {}

    def fit(
        self,
        x: Floats,
        target: NDArray[Any],
        *,
        weight: Floats,
        n_classes: int,
        seed: int,
        validation: Validation | None = None,
        task: str = "regression",
    ) -> None:
        """Fit means, scales and coefficients on training rows; nothing is random.

        Raises:
            InputError: A target is not known in some row.
            StudyError: `auto` without validation patients.
        """
        wanted = np.asarray(target, dtype=np.float64).reshape(len(x), -1)
        if np.isnan(wanted).any():
            raise InputError("ridge: a training row has no target. Leave such patients out.")
        if self.penalty == "auto" and (validation is None or not len(validation[0])):
            raise StudyError(
                'ridge.penalty: "auto" needs validation patients, found none. Name a penalty, such '
                "as 0.1."
            )
        share = weight / weight.sum()
        mean = share @ wanted
        spread = np.sqrt(share @ (wanted - mean) ** 2)
        moments = {"target_mean": mean, "target_spread": np.where(spread > 0, spread, 1.0)}
        self._arrays = {**fit_scales(x, weight), **moments}
        design, scaled = self.design(x), self._standard(wanted)
        if self.penalty == "auto" and validation is not None:
            self._choose(design, scaled, share, validation)
        else:
            penalty = float(self.penalty)
            self._keep(np.full(wanted.shape[1], penalty), *_solve(design, scaled, share, penalty))

    def _choose(self, design: Floats, target: Floats, share: Floats, held: Validation) -> None:
        """Coefficients of the penalty that predicts each target of held-out patients best."""
        watched, of_held = self.design(held[0]), held[2] / held[2].sum()
        truth = self._standard(np.asarray(held[1], dtype=np.float64).reshape(len(watched), -1))
        n_targets = target.shape[1]
        least, chosen = np.full(n_targets, np.inf), np.full(n_targets, PENALTIES[0])
        coefficients, intercepts = np.zeros((n_targets, design.shape[1])), np.zeros(n_targets)
        for penalty in PENALTIES:
            found = _solve(design, target, share, penalty)
            error = of_held @ (watched @ found[0].T + found[1] - truth) ** 2
            better = error <= least
            least[better], chosen[better] = error[better], penalty
            coefficients[better], intercepts[better] = found[0][better], found[1][better]
        self._keep(chosen, coefficients, intercepts)

    def _keep(self, penalties: Floats, coefficients: Floats, intercepts: Floats) -> None:
        self._arrays["penalties"] = penalties
        self._arrays["coefficients"], self._arrays["intercepts"] = coefficients, intercepts

    def _standard(self, target: Floats) -> Floats:
        return (target - self._arrays["target_mean"]) / self._arrays["target_spread"]

    def predict(self, x: Floats) -> Floats:
        """Numbers (n, K) in the units of the targets."""
        scaled = self.design(x) @ self._arrays["coefficients"].T + self._arrays["intercepts"]
        return scaled * self._arrays["target_spread"] + self._arrays["target_mean"]

    @property
    def chosen_penalties(self) -> Floats:
        """The penalty of each target; empty before the fit."""
        return self._arrays.get("penalties", np.zeros(0))

    def state(self) -> FittedState:
        """Coefficients, and what becomes of absent values."""
        return FittedState(arrays=dict(self._arrays))

    def restore(self, state: FittedState) -> None:
        """Take up coefficients again."""
        self._arrays = dict(state.arrays)

    def design(self, x: Floats) -> Floats:
        """Scaled features with spread, then missing indicators: what coefficients weigh."""
        return scaled_design(x, self._arrays, name="ridge")


def _solve(design: Floats, target: Floats, share: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Coefficients (K, F) and intercepts (K,) for weights that sum to 1."""
    from sklearn.linear_model import Ridge as Sklearn

    if not design.shape[1]:
        return np.zeros((target.shape[1], 0)), share @ target
    model: Any = Sklearn(alpha=penalty).fit(design, target, sample_weight=share)
    coefficients = np.asarray(model.coef_, dtype=np.float64).reshape(target.shape[1], -1)
    return coefficients, np.asarray(model.intercept_, dtype=np.float64).reshape(-1)
