"""Linear SHAP: exact Shapley values of logistic regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.explain import Asked, Attributions, Explainer, Explanation
from tumorboard.modalities import row_weights
from tumorboard.models.baselines.logistic_regression import LogisticRegression
from tumorboard.prediction.features import require_background, shares
from tumorboard.records import Floats
from tumorboard.training.fitted import FittedArm


class LinearShap(Explainer):
    """Exact Shapley values of logistic regression: coefficient times distance from the mean.

    In log odds for two classes, in the score before the softmax for several. The mean is of the
    training patients, each weighing 1; features count as independent of each other.

    Args:
        by: One attribution for each `column`, summed over its categories and its missing indicator,
            or for each `derived` feature.

    Source:
        Lundberg & Lee, NIPS 2017, corollary 1.
    """

    question = "Which columns moved this patient's answer?"

    def __init__(self, *, by: Literal["column", "derived"] = "column") -> None:
        self.by: Literal["column", "derived"] = by

    def refuses(self, fitted: FittedArm) -> str:
        """Everything but logistic regression."""
        if isinstance(fitted.baseline, LogisticRegression):
            return ""
        return f"{fitted.arm.name} is not a logistic regression."

    def explain(self, asked: Asked) -> Explanation:
        """Shapley values of every row."""
        fitted, baseline = asked.fitted, asked.fitted.baseline
        if not isinstance(baseline, LogisticRegression):
            raise ValueError(f"{fitted.arm.name} is not linear; ask `refuses` first")
        arrays = baseline.state().arrays
        vectors = require_background(fitted, asked.measured, asked.background)
        weight = row_weights(asked.cohort.patient_id, asked.background)
        mean = np.average(baseline.design(vectors), axis=0, weights=weight)
        coefficients, intercept = _of_class(fitted, arrays, asked.target)
        design = baseline.design(fitted.vectors(asked.measured, asked.rows))
        moved = (design - mean) * coefficients
        # The design holds features with values, then the indicators of some of them.
        with_values, with_indicator = arrays["has_values"], arrays["has_indicator"]
        n_values = int(with_values.sum())
        values = np.zeros((len(design), len(with_values)))
        values[:, with_values] += moved[:, :n_values]
        values[:, with_indicator] += moved[:, n_values:]
        base = float(mean @ coefficients + intercept)
        output = design @ coefficients + intercept
        found = shares(fitted, asked.measured, asked.cohort, asked.rows, values, by=self.by)
        gap = np.abs(base + values.sum(axis=1) - output)
        scores = "" if len(fitted.classes) == 2 else "Scores before the softmax. "
        return Explanation(
            Attributions(
                found.modalities,
                found.features,
                found.shown,
                found.values,
                np.full(len(output), base),
                output,
                "logit",
            ),
            checks={"largest_gap": float(gap.max(initial=0.0))},
            remarks=(f"{scores}Explained before calibration.",),
        )


def _of_class(
    fitted: FittedArm, arrays: Mapping[str, NDArray[Any]], target: int
) -> tuple[Floats, float]:
    """Coefficients and intercept of the class; of two the second is told against the first."""
    classes = arrays["classes"].tolist()
    if target not in classes:
        raise InputError(
            f"arm {fitted.arm.name}: no training patient was {fitted.classes[target]}, so the "
            "model has no coefficients for it. Explain another class."
        )
    coefficients, intercepts = arrays["coefficients"], arrays["intercepts"]
    if len(coefficients) == 1:
        sign = 1.0 if classes.index(target) == 1 else -1.0
        return sign * coefficients[0], sign * float(intercepts[0])
    return coefficients[classes.index(target)], float(intercepts[classes.index(target)])
