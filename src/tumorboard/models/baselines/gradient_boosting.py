"""Gradient-boosted trees."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import StudyError
from tumorboard.models.baselines import Baseline, Validation
from tumorboard.models.outcome_classes import check_classes
from tumorboard.models.setting_types import Count, Share, WholeNumber
from tumorboard.models.trees import apply_trees, fit_trees
from tumorboard.records import FittedState, Floats


class GradientBoosting(Baseline):
    """Gradient-boosted trees (XGBoost); missing values are handled by the trees themselves.

    Tables come before imputation: a missing number or category is no number and no category, and
    each question of a tree sends it down the branch that fits better.

    Args:
        rounds: Most boosting rounds, one tree per class each (one in all for two classes).
        learning_rate: Share of each tree's step that is taken.
        max_depth: Questions from the root to a leaf.
        row_share: Share of the training rows that each tree sees.
        feature_share: Share of the features that each tree sees.
        class_weights: `balanced`: the patients of every class weigh the same in all. Of two classes
            those of the second are scaled, as by XGBoost's `scale_pos_weight`.
        stop_after: Rounds without a smaller log loss of the validation patients after which no more
            are fitted; those up to the best are kept. 0 fits every round.
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
        class_weights: Literal["none", "balanced"] = "none",
        stop_after: WholeNumber = 0,
        n_jobs: Count = 1,
    ) -> None:
        self.rounds = rounds
        self.class_weights: Literal["none", "balanced"] = class_weights
        self.stop_after = stop_after
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
        self._takes_missing = True

    @property
    def takes_missing(self) -> bool:
        """Always, but for models of a version that imputed the table for the trees as well."""
        return self._takes_missing

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
        """Fit on training rows with the logistic loss, multinomial for several classes.

        Raises:
            StudyError: `stop_after` without validation rows.
        """
        check_classes(target, n_classes=n_classes)
        objective: dict[str, object] = {"objective": "binary:logistic"}
        if n_classes > 2:
            objective = {"objective": "multi:softprob", "num_class": n_classes}
        if self.stop_after and validation is None:
            raise StudyError("gradient_boosting.stop_after: needs validation patients, found none.")
        if self.class_weights == "balanced":
            factor = _balance(target, weight, n_classes)
            weight = weight * factor[target]
            if validation is not None:
                validation = (*validation[:2], validation[2] * factor[validation[1]])
        self._n_classes = n_classes
        self._model = fit_trees(
            x,
            target,
            weight=weight,
            rounds=self.rounds,
            validation=validation if self.stop_after else None,
            stop_after=self.stop_after,
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
        kept = {"model": self._model, "n_classes": self._n_classes}
        return FittedState(values={**kept, "takes_missing": self._takes_missing})

    def restore(self, state: FittedState) -> None:
        """Take up trees again."""
        self._model = str(state.values["model"])
        self._n_classes = int(state.values["n_classes"])
        # models of earlier versions were fitted on imputed tables, and must go on seeing them
        self._takes_missing = bool(state.values.get("takes_missing", False))


def _balance(target: NDArray[Any], weight: Floats, n_classes: int) -> Floats:
    """(K,) factor that gives every class the same weight; 1 for the first of two classes."""
    total = np.bincount(target, weights=weight, minlength=n_classes)
    if n_classes == 2:
        return np.asarray([1.0, total[0] / total[1]])
    share = total.sum() / np.count_nonzero(total)
    return np.divide(share, total, out=np.ones(n_classes), where=total > 0)
