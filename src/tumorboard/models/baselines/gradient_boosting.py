"""Gradient-boosted trees."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import StudyError
from tumorboard.models.baselines import Baseline, Validation
from tumorboard.models.outcome_classes import check_classes
from tumorboard.models.setting_types import Count, Positive, Share, WholeNumber
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
        stop_after: Rounds without a smaller loss of the validation patients after which no more
            are fitted; those up to the best are kept. 0 fits every round.
        objective: Of survival: `cox` is the partial likelihood (as `auto`), `aft` an accelerated
            failure time with the extreme-value error of a Weibull distribution.
        aft_scale: Spread of that error.
        n_jobs: Threads; one gives the same trees everywhere.

    Several targets of a regression have trees of their own.

    Source:
        Chen & Guestrin, XGBoost, KDD 2016. `aft`: Barnwal, Cho & Hocking, J Comput Graph Stat 2022.
    """

    tasks: ClassVar[frozenset[str]] = frozenset({"classification", "survival", "regression"})

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
        objective: Literal["auto", "cox", "aft"] = "auto",
        aft_scale: Positive = 1.0,
        n_jobs: Count = 1,
    ) -> None:
        self.rounds = rounds
        self.class_weights: Literal["none", "balanced"] = class_weights
        self.stop_after = stop_after
        self.objective: Literal["auto", "cox", "aft"] = objective
        self.aft_scale = aft_scale
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
        self._task = "classification"
        self._unit = 1.0
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
        """Fit on training rows: logistic loss (multinomial), squared error, or a survival loss.

        Raises:
            StudyError: `stop_after` without validation rows; settings of another task.
        """
        self._refuse_foreign(task)
        if self.stop_after and validation is None:
            raise StudyError("gradient_boosting.stop_after: needs validation patients, found none.")
        if task == "classification":
            check_classes(target, n_classes=n_classes)
        if self.class_weights == "balanced":
            factor = _balance(target, weight, n_classes)
            weight = weight * factor[target]
            if validation is not None:
                validation = (*validation[:2], validation[2] * factor[validation[1]])
        self._n_classes, self._task = n_classes, task
        if self._is_aft:
            self._unit = _typical_time(target, weight, self.aft_scale)
        watched = validation if self.stop_after else None
        if watched is not None:
            watched = (watched[0], self._seen(watched[1]), watched[2])
        self._model = fit_trees(
            x,
            self._seen(target),
            weight=weight,
            rounds=self.rounds,
            validation=watched,
            stop_after=self.stop_after,
            parameters={**self._parameters, **self._loss(), "seed": seed % 2**31},
            between=self._is_aft,
        )

    @property
    def _is_aft(self) -> bool:
        return self._task == "survival" and self.objective == "aft"

    def _refuse_foreign(self, task: str) -> None:
        """Settings that this task would not read."""
        if task != "classification" and self.class_weights != "none":
            raise StudyError(
                f"gradient_boosting.class_weights: the task is {task}. Remove this key."
            )
        if task != "survival" and self.objective != "auto":
            raise StudyError(f"gradient_boosting.objective: the task is {task}. Remove this key.")

    def _loss(self) -> dict[str, object]:
        if self._task == "regression":
            return {"objective": "reg:squarederror"}
        if self._is_aft:
            return {
                "objective": "survival:aft",
                "aft_loss_distribution": "extreme",
                "aft_loss_distribution_scale": self.aft_scale,
                "base_score": 1.0,
            }
        if self._task == "survival":
            return {"objective": "survival:cox"}
        if self._n_classes > 2:
            return {"objective": "multi:softprob", "num_class": self._n_classes}
        return {"objective": "binary:logistic"}

    def _seen(self, target: NDArray[Any]) -> NDArray[Any]:
        """The target as XGBoost's objective wants it."""
        if self._task != "survival":
            return target
        time, event = target[:, 0], target[:, 1] > 0
        if self._is_aft:
            time = time / self._unit
            return np.stack([time, np.where(event, time, np.inf)], axis=1)
        return np.where(event, time, -time)

    def predict(self, x: Floats) -> Floats:
        """Probabilities (n, K); log-hazards (n, 1); or values (n, K)."""
        predicted = apply_trees(self._model, x, n_jobs=self.n_jobs)
        if self._task == "regression":
            return predicted.reshape(len(x), self._n_classes)
        if self._task == "survival":
            # a Weibull time's log-hazard falls by 1 / scale for each unit of its log (Kalbfleisch &
            # Prentice, 1980, section 2.3); `cox` gives the hazard ratio itself
            log = np.log(np.maximum(predicted, np.finfo(np.float32).tiny))
            return (-log / self.aft_scale if self._is_aft else log)[:, None]
        if self._n_classes > 2:
            return predicted.reshape(len(x), self._n_classes)
        return np.stack([1.0 - predicted, predicted], axis=1)

    def state(self) -> FittedState:
        """The trees as JSON text."""
        kept = {"model": self._model, "n_classes": self._n_classes}
        return FittedState(
            values={**kept, "takes_missing": self._takes_missing, "task": self._task}
        )

    def restore(self, state: FittedState) -> None:
        """Take up trees again."""
        self._model = str(state.values["model"])
        self._n_classes = int(state.values["n_classes"])
        self._task = str(state.values.get("task", "classification"))
        # models of earlier versions were fitted on imputed tables, and must go on seeing them
        self._takes_missing = bool(state.values.get("takes_missing", False))


def _balance(target: NDArray[Any], weight: Floats, n_classes: int) -> Floats:
    """(K,) factor that gives every class the same weight; 1 for the first of two classes."""
    total = np.bincount(target, weights=weight, minlength=n_classes)
    if n_classes == 2:
        return np.asarray([1.0, total[0] / total[1]])
    share = total.sum() / np.count_nonzero(total)
    return np.divide(share, total, out=np.ones(n_classes), where=total > 0)


def _typical_time(target: NDArray[Any], weight: Floats, scale: float) -> float:
    """Scale of the Weibull distribution of shape 1 / `scale` that fits all patients best.

    Trees start there: from the time 1 day they would spend most of their rounds on the way.
    """
    events = max(float(weight @ (target[:, 1] > 0)), 1.0)
    longest = float(target[:, 0].max())
    powers = (target[:, 0] / longest) ** (1.0 / scale)
    return longest * (float(weight @ powers) / events) ** scale
