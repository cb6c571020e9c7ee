"""Logistic regression with its own treatment of absent values."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError, StudyError
from tumorboard.models.baselines import Baseline, Validation
from tumorboard.models.outcome_classes import check_classes
from tumorboard.models.setting_types import Count, Positive
from tumorboard.records import FittedState, Floats


class LogisticRegression(Baseline):
    """Logistic regression with an L2 penalty (scikit-learn); multinomial for several classes.

    A value that is absent becomes the weighted mean of the training rows, and a missing indicator
    beside it says so. A feature without a single training value has no coefficient.

    Args:
        C: Inverse strength of the penalty: smaller is stronger. Features are expected on one scale.
        max_iterations: Steps after which the fit is refused as not converged.
    """

    def __init__(
        self,
        *,
        C: Positive = 1.0,  # noqa: N803 everybody knows it by this name
        max_iterations: Count = 1000,
    ) -> None:
        self.C = C
        self.max_iterations = max_iterations
        self._n_classes = 0
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
        task: str = "classification",
    ) -> None:
        """Fit means, indicators and coefficients on training rows; nothing is random."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression as Sklearn

        check_classes(target, n_classes=n_classes)
        absent = np.isnan(x)
        total = np.where(absent, 0.0, weight[:, None]).sum(axis=0)
        has_values = total > 0
        mean = np.where(absent, 0.0, x * weight[:, None]).sum(axis=0)
        mean = np.divide(mean, total, out=np.zeros_like(mean), where=has_values)
        self._n_classes = n_classes
        self._arrays = {
            "mean": mean,
            "has_values": has_values,
            "has_indicator": absent.any(axis=0) & has_values,
        }
        model = Sklearn(C=self.C, max_iter=self.max_iterations, tol=1e-6)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(self.design(x), target, sample_weight=weight)
            except ConvergenceWarning as warning:
                raise StudyError(
                    f"logistic_regression: not converged in {self.max_iterations} steps. Raise "
                    "max_iterations, lower C, or bring the features to one scale."
                ) from warning
        self._arrays["coefficients"] = np.asarray(model.coef_, dtype=np.float64)
        self._arrays["intercepts"] = np.asarray(model.intercept_, dtype=np.float64)
        self._arrays["classes"] = np.asarray(model.classes_, dtype=np.int64)

    def predict(self, x: Floats) -> Floats:
        """Probabilities (n, K) from the coefficients alone; 0 for a class that training lacked."""
        logits = self.design(x) @ self._arrays["coefficients"].T + self._arrays["intercepts"]
        if logits.shape[1] == 1:
            # scikit-learn keeps one row of coefficients for two classes: the second against the
            # first.
            logits = np.hstack([np.zeros_like(logits), logits])
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = np.zeros((len(x), self._n_classes))
        probabilities[:, self._arrays["classes"]] = shifted / shifted.sum(axis=1, keepdims=True)
        return probabilities

    def state(self) -> FittedState:
        """Coefficients, and what becomes of absent values."""
        return FittedState(values={"n_classes": self._n_classes}, arrays=dict(self._arrays))

    def restore(self, state: FittedState) -> None:
        """Take up coefficients again."""
        self._n_classes = int(state.values["n_classes"])
        self._arrays = dict(state.arrays)

    def design(self, x: Floats) -> Floats:
        """Imputed features that have values, then missing indicators: what coefficients weigh."""
        if x.shape[1] != len(self._arrays["mean"]):
            raise InputError(
                f"logistic_regression: found {x.shape[1]} features, but it was fitted on "
                f"{len(self._arrays['mean'])}. Fit the model again with this study."
            )
        absent = np.isnan(x)
        filled = np.where(absent, self._arrays["mean"], x)[:, self._arrays["has_values"]]
        return np.hstack([filled, absent[:, self._arrays["has_indicator"]].astype(np.float64)])
