"""Cox regression with a ridge penalty."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import StudyError
from tumorboard.models.baselines import Baseline, Validation
from tumorboard.models.hazards import RiskSets
from tumorboard.models.scaled_design import fit_scales, scaled_design
from tumorboard.models.setting_types import Count, Positive
from tumorboard.records import FittedState, Floats

#: Penalties that `auto` tries, strongest first: each fit starts from the one before.
PENALTIES = tuple(10.0 ** (2 - k / 2) for k in range(13))

#: Penalties in a row that are worse than the best, after which no weaker one is tried: with more
#: features than patients those are slow, and never the best.
_WORSE = 3


class Cox(Baseline):
    """Cox regression with a ridge penalty and Efron's ties; the output is the log-hazard.

    Features are brought to mean 0 and variance 1 on the training rows. A value that is absent
    becomes the mean, and a missing indicator beside it says so; a feature without spread has no
    coefficient.

    Args:
        penalty: Weight of half the squared coefficients beside the mean loss of a patient; larger
            is stronger. `auto` takes, of 13 from 100 to 0.0001, that with the largest partial
            likelihood of the validation patients.
        max_iterations: Steps after which the fit is refused as not converged.

    Source:
        Cox, J R Stat Soc B 1972; 34: 187-202. Verweij & Van Houwelingen, Stat Med 1994; 13:
        2427-2436 (ridge, and the choice of its penalty).
    """

    tasks: ClassVar[frozenset[str]] = frozenset({"survival"})

    def __init__(
        self, *, penalty: Positive | Literal["auto"] = "auto", max_iterations: Count = 1000
    ) -> None:
        self.penalty: float | Literal["auto"] = penalty
        self.max_iterations = max_iterations
        self._chosen = float("nan")
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
        task: str = "survival",
    ) -> None:
        """Fit means, scales and coefficients on training rows; nothing is random.

        Raises:
            StudyError: Not converged; `auto` without validation patients with an event.
        """
        self._arrays = fit_scales(x, weight)
        design, n = self.design(x), weight.sum()
        risk_sets = RiskSets.of(target[:, 0], target[:, 1] > 0, weight)
        if self.penalty != "auto":
            start = np.zeros(design.shape[1])
            self._keep(self.penalty, self._minimum(design, risk_sets, n, self.penalty, start))
            return
        if validation is None or not (validation[1][:, 1] > 0).any():
            raise StudyError(
                'cox.penalty: "auto" needs validation patients with an event, found none. Name a '
                "penalty, such as 0.1."
            )
        self._choose(design, risk_sets, n, validation)

    def _choose(self, design: Floats, risk_sets: RiskSets, n: float, held: Validation) -> None:
        """Coefficients of the penalty under which held-out patients are most likely."""
        beta, least, worse = np.zeros(design.shape[1]), np.inf, 0
        watched, of_watched = self.design(held[0]), RiskSets.of(
            held[1][:, 0], held[1][:, 1] > 0, held[2]
        )  # fmt: skip
        for penalty in PENALTIES:
            beta = self._minimum(design, risk_sets, n, penalty, beta)
            loss = of_watched.loss(watched @ beta)[0]
            worse = 0 if loss < least else worse + 1
            if loss < least:
                least = loss
                self._keep(penalty, beta)
            if worse == _WORSE:
                return

    def _keep(self, penalty: float, beta: Floats) -> None:
        self._chosen = penalty
        self._arrays["coefficients"] = beta

    def _minimum(
        self, design: Floats, risk_sets: RiskSets, n: float, penalty: float, start: Floats
    ) -> Floats:
        from scipy.optimize import minimize

        def value(beta: Floats) -> tuple[float, Floats]:
            loss, slope = risk_sets.loss(design @ beta)
            return (
                loss / n + penalty / 2 * float(beta @ beta),
                (slope @ design) / n + penalty * beta,
            )

        found = minimize(
            value, start, jac=True, method="L-BFGS-B",
            options={"maxiter": self.max_iterations, "ftol": 1e-12, "gtol": 1e-7},
        )  # fmt: skip
        if found.status == 1:  # the limit of steps
            raise StudyError(
                f"cox: not converged in {self.max_iterations} steps at penalty {penalty:g}. Raise "
                "max_iterations or penalty."
            )
        return np.asarray(found.x, dtype=np.float64)

    def predict(self, x: Floats) -> Floats:
        """Log-hazards (n, 1): higher means an earlier event."""
        return (self.design(x) @ self._arrays["coefficients"])[:, None]

    @property
    def chosen_penalty(self) -> float:
        """The penalty of the fit; NaN before it."""
        return self._chosen

    def state(self) -> FittedState:
        """Coefficients, and what becomes of absent values."""
        return FittedState(values={"penalty": self._chosen}, arrays=dict(self._arrays))

    def restore(self, state: FittedState) -> None:
        """Take up coefficients again."""
        self._chosen = float(state.values["penalty"])
        self._arrays = dict(state.arrays)

    def design(self, x: Floats) -> Floats:
        """Scaled features with spread, then missing indicators: what coefficients weigh."""
        return scaled_design(x, self._arrays, name="cox")
