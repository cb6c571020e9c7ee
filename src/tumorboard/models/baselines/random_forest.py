"""Random forest."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tumorboard.models.baselines import Baseline, Validation
from tumorboard.models.outcome_classes import check_classes
from tumorboard.models.setting_types import Count, Positive, Share
from tumorboard.models.trees import apply_trees, fit_trees
from tumorboard.records import FittedState, Floats


class RandomForest(Baseline):
    """Random forest (XGBoost's trees); a probability is the mean share of the class in the leaves.

    Squared error on class indicators chooses the splits that the Gini impurity does, and a leaf is
    then the share of each class in it; of a regression, the mean of the targets, each brought to
    variance 1 while one tree is grown for all. Absent values are handled by the trees themselves.

    Args:
        trees: Number of trees.
        max_depth: Questions from the root to a leaf.
        row_share: Share of the training rows that each tree sees: 0.632 is the expected share of
            different rows in a bootstrap sample.
        min_leaf_weight: Least weight of patients in a leaf; a patient weighs 1.
        n_jobs: Threads; one gives the same trees everywhere.

    Source:
        Breiman, Random forests, Machine Learning 2001; the square root of the number of features is
        tried at each split.
    """

    tasks: ClassVar[frozenset[str]] = frozenset({"classification", "regression"})

    def __init__(
        self,
        *,
        trees: Count = 300,
        max_depth: Count = 8,
        row_share: Share = 0.632,
        min_leaf_weight: Positive = 1.0,
        n_jobs: Count = 1,
    ) -> None:
        self.n_jobs = n_jobs
        self._parameters: dict[str, object] = {
            "objective": "reg:squarederror",
            "base_score": 0.0,  # with no penalty and a full step, a leaf is the mean of its targets
            "lambda": 0.0,
            "eta": 1.0,
            "num_parallel_tree": trees,
            "max_depth": max_depth,
            "subsample": row_share,
            "min_child_weight": min_leaf_weight,
            "nthread": n_jobs,
        }
        self._model = ""
        self._n_classes = 0
        self._is_regression = False
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
        """Fit on training rows."""
        self._n_classes, self._is_regression, self._arrays = n_classes, task == "regression", {}
        if self._is_regression:
            wanted = self._scaled(np.asarray(target, dtype=np.float64), weight)
        else:
            check_classes(target, n_classes=n_classes)
            indicators = np.eye(n_classes)[np.asarray(target, dtype=np.int64)]
            wanted = indicators if n_classes > 2 else indicators[:, 1:]
        # One tree answers for all classes, so that its shares sum to 1.
        one_tree = {"multi_strategy": "multi_output_tree"}
        several: dict[str, object] = {**one_tree} if wanted.shape[1] > 1 else {}
        self._model = fit_trees(
            x,
            wanted if wanted.shape[1] > 1 else wanted[:, 0],
            weight=weight,
            rounds=1,
            parameters={
                **self._parameters,
                **several,
                "colsample_bynode": 1.0 / np.sqrt(x.shape[1]),
                "seed": seed % 2**31,
            },
        )

    def _scaled(self, target: Floats, weight: Floats) -> Floats:
        """Targets with mean 0 and variance 1 over the training rows."""
        mean = weight @ target / weight.sum()
        spread = np.sqrt(weight @ (target - mean) ** 2 / weight.sum())
        self._arrays = {"mean": mean, "spread": np.where(spread > 0, spread, 1.0)}
        return (target - mean) / self._arrays["spread"]

    def predict(self, x: Floats) -> Floats:
        """Probabilities, or values of a regression (n, K)."""
        predicted = apply_trees(self._model, x, n_jobs=self.n_jobs)
        if self._is_regression:
            scaled = predicted.reshape(len(x), self._n_classes)
            return scaled * self._arrays["spread"] + self._arrays["mean"]
        predicted = predicted.clip(0.0, 1.0)
        if self._n_classes == 2:
            return np.stack([1.0 - predicted, predicted], axis=1)
        shares = predicted.reshape(len(x), self._n_classes)
        # They sum to 1 up to the rounding of 32-bit leaves.
        return shares / shares.sum(axis=1, keepdims=True)

    def state(self) -> FittedState:
        """The trees as JSON text."""
        kept = {"model": self._model, "n_classes": self._n_classes}
        return FittedState(
            values={**kept, "is_regression": self._is_regression}, arrays=dict(self._arrays)
        )

    def restore(self, state: FittedState) -> None:
        """Take up trees again."""
        self._model = str(state.values["model"])
        self._n_classes = int(state.values["n_classes"])
        self._is_regression = bool(state.values.get("is_regression", False))
        self._arrays = dict(state.arrays)
