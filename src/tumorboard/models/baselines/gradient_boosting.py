"""Gradient-boosted trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.models.baselines import Baseline
from tumorboard.models.outcome_classes import check_classes
from tumorboard.models.setting_types import Count, Share
from tumorboard.models.trees import apply_trees, fit_trees
from tumorboard.records import FittedState, Floats


class GradientBoosting(Baseline):
    """Gradient-boosted trees (XGBoost); absent values are handled by the trees themselves.

    Args:
        rounds: Boosting rounds, one tree per class each (one in all for two classes); fixed.
        learning_rate: Share of each tree's step that is taken.
        max_depth: Questions from the root to a leaf.
        row_share: Share of the training rows that each tree sees.
        feature_share: Share of the features that each tree sees.
        n_jobs: Threads; one gives the same trees everywhere.

    Source:
        Chen & Guestrin, XGBoost, KDD 2016.
    """

    def __init__(
        self,
        *,
        rounds: Count = 200,
        learning_rate: Share = 0.05,
        max_depth: Count = 3,
        row_share: Share = 0.8,
        feature_share: Share = 0.8,
        n_jobs: Count = 1,
    ) -> None:
        self.rounds = rounds
        self.n_jobs = n_jobs
        self._parameters: dict[str, object] = {
            "eta": learning_rate,
            "max_depth": max_depth,
            "subsample": row_share,
            "colsample_bytree": feature_share,
            "nthread": n_jobs,
        }
        self._model = ""
        self._n_classes = 0

    def fit(
        self,
        x: Floats,
        target: NDArray[Any],
        *,
        weight: Floats,
        n_classes: int,
        seed: int,
    ) -> None:
        """Fit on training rows with the logistic loss, multinomial for several classes."""
        check_classes(target, n_classes=n_classes)
        objective: dict[str, object] = {"objective": "binary:logistic"}
        if n_classes > 2:
            objective = {"objective": "multi:softprob", "num_class": n_classes}
        self._n_classes = n_classes
        self._model = fit_trees(
            x,
            target,
            weight=weight,
            rounds=self.rounds,
            parameters={**self._parameters, **objective, "seed": seed % 2**31},
        )

    def predict(self, x: Floats) -> Floats:
        """Probabilities (n, K)."""
        predicted = apply_trees(self._model, x, n_jobs=self.n_jobs)
        if self._n_classes > 2:
            return predicted.reshape(len(x), self._n_classes)
        return np.stack([1.0 - predicted, predicted], axis=1)

    def state(self) -> FittedState:
        """The trees as JSON text."""
        return FittedState(values={"model": self._model, "n_classes": self._n_classes})

    def restore(self, state: FittedState) -> None:
        """Take up trees again."""
        self._model = str(state.values["model"])
        self._n_classes = int(state.values["n_classes"])
