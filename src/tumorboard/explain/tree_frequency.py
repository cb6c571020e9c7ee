"""Frequency importance: share of each column in the number of the trees' splits."""

from __future__ import annotations

from typing import ClassVar

from tumorboard.explain import Asked, Explainer, Explanation
from tumorboard.prediction.tree_splits import tree_importance, why_no_trees
from tumorboard.training.fitted import FittedArm


class TreeFrequency(Explainer):
    """Frequency importance: share of each column in the number of the trees' splits.

    A column's share is that of its splits, its categories and missing indicator together, in the
    number over all trees (XGBoost's `weight`). A column that is asked often late in the trees may
    matter less than one that is asked once at their root.

    Source:
        Chen & Guestrin, XGBoost, KDD 2016.
    """

    question = "How often do the trees ask for each column?"
    asks_all: ClassVar[bool] = True

    def refuses(self, fitted: FittedArm) -> str:
        """Everything but baselines of trees."""
        return why_no_trees(fitted)

    def explain(self, asked: Asked) -> Explanation:
        """Share of every column; no patient is asked."""
        return Explanation(
            importance=tree_importance(asked.fitted, "frequency"),
            remarks=("Read from the trees alone: no patient is asked, so there is no interval.",),
        )
