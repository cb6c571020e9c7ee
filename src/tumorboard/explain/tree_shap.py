"""TreeSHAP: exact Shapley values of gradient boosting and random forests."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tumorboard.explain import Asked, Attributions, Explainer, Explanation
from tumorboard.prediction.features import shares
from tumorboard.prediction.tree_shares import tree_outputs, tree_shares
from tumorboard.training.fitted import FittedArm

_BOOSTING, _FOREST = "gradient_boosting", "random_forest"


class TreeShap(Explainer):
    """TreeSHAP: exact Shapley values of the columns for gradient boosting and random forests.

    Boosting is explained in log odds (in the score before the softmax for several classes), a
    forest in probability. Both start from the mean of the training patients. A patient without one
    of several tables keeps attributions there: the trees have a way for values that are absent.

    Args:
        by: One attribution for each `column`, summed over its categories and its missing indicator,
            or for each `derived` feature.

    Source:
        Lundberg et al., Nature Machine Intelligence 2020 (path-dependent values).
    """

    question = "Which columns moved this patient's answer?"

    def __init__(self, *, by: Literal["column", "derived"] = "column") -> None:
        self.by: Literal["column", "derived"] = by

    def refuses(self, fitted: FittedArm) -> str:
        """Everything but the two baselines of trees."""
        if _kind(fitted) in (_BOOSTING, _FOREST):
            return ""
        return f"{fitted.arm.name} is not made of trees (gradient_boosting or random_forest)."

    def explain(self, asked: Asked) -> Explanation:
        """Shapley values of every row."""
        fitted, target = asked.fitted, asked.target
        if fitted.baseline is None:
            raise ValueError(f"{fitted.arm.name} has no trees; ask `refuses` first")
        text = str(fitted.baseline.state().values["model"])
        x = fitted.vectors(asked.measured, asked.rows)
        values, bases = tree_shares(text, x)
        outputs = tree_outputs(text, x)
        is_forest = _kind(fitted) == _FOREST
        if outputs.shape[1] == 1:
            # The trees of two classes speak of the second; the first is the other way round.
            sign, start = (1.0, 0.0) if target == 1 else (-1.0, 1.0 if is_forest else 0.0)
            chosen, base = sign * values[:, :, 0], start + sign * bases[0]
            output = start + sign * outputs[:, 0]
        else:
            chosen, base, output = values[:, :, target], bases[target], outputs[:, target]
        found = shares(fitted, asked.measured, asked.cohort, asked.rows, chosen, by=self.by)
        gap = np.abs(base + chosen.sum(axis=1) - output)
        scores = "" if is_forest or outputs.shape[1] == 1 else "Scores before the softmax. "
        return Explanation(
            Attributions(
                found.modalities,
                found.features,
                found.shown,
                found.values,
                np.full(len(output), base),
                output,
                "probability" if is_forest else "logit",
            ),
            checks={"largest_gap": float(gap.max(initial=0.0))},
            remarks=(f"{scores}Explained before calibration.",),
        )


def _kind(fitted: FittedArm) -> str:
    return str((fitted.arm.baseline or {}).get("name", "none"))
