"""Gain importance: share of each column in what the splits of the trees gain."""

from __future__ import annotations

from typing import ClassVar

from tumorboard.explain import Asked, Explainer, Explanation
from tumorboard.prediction.tree_splits import tree_importance, why_no_trees
from tumorboard.training.fitted import FittedArm


class TreeGain(Explainer):
    """Gain importance: share of each column in what the splits of the trees gain.

    The gain of a split is how far it lowers the loss of the training patients; a column's share is
    that of its splits, its categories and missing indicator together, in the sum over all trees.
    It says what the trees were built of, not whether patients are better predicted for it, and it
    favours columns with many different values: permutation importance asks test patients.

    Source:
        Chen & Guestrin, XGBoost, KDD 2016; Hastie et al., The elements of statistical learning,
        2009, section 10.13.1.
    """

    question = "What did the trees gain from each column?"
    asks_all: ClassVar[bool] = True

    def refuses(self, fitted: FittedArm) -> str:
        """Everything but baselines of trees."""
        return why_no_trees(fitted)

    def explain(self, asked: Asked) -> Explanation:
        """Share of every column; no patient is asked."""
        return Explanation(
            importance=tree_importance(asked.fitted, "gain"),
            remarks=("Read from the trees alone: no patient is asked, so there is no interval.",),
        )
