"""Radiomics: few features that say something and do not repeat each other, in a forest."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.models.baselines import Baseline, Validation
from tumorboard.models.baselines.random_forest import RandomForest
from tumorboard.models.outcome_classes import check_classes
from tumorboard.models.setting_types import Count, Positive, Share
from tumorboard.records import FittedState, Floats


class Radiomics(Baseline):
    """Radiomics (Vallieres 2017): features reduced by what they add, then a balanced forest.

    Features enter one by one: each time the one with the largest mean of its correlation with the
    outcome and its lack of correlation with those chosen before, later ones counting less. Every
    class weighs the same in the forest, so that a rare one is found; its probabilities are those of
    such patients until they are calibrated, and weights of rows count within a class alone. Works
    on any vectors: radiomics, a record, both.

    Args:
        features: Features that are kept.
        trees: Number of trees.
        max_depth: Questions from the root to a leaf.
        row_share: Share of the training rows that each tree sees.
        min_leaf_weight: Least weight of patients in a leaf.
        class_weights: `balanced`: the patients of every class weigh the same in all; `none`: each
            patient does.
        n_jobs: Threads.

    Source:
        Vallieres et al., Scientific Reports 2017; the gain of a feature is equation 1 of Vallieres
        et al., Physics in Medicine and Biology 2015 (both weights 0.5), with 1 - |Spearman| instead
        of 1 - maximal information coefficient, and weights of classes instead of a forest for each
        part of the majority class.
    """

    def __init__(
        self,
        *,
        features: Count = 25,
        trees: Count = 300,
        max_depth: Count = 8,
        row_share: Share = 0.632,
        min_leaf_weight: Positive = 1.0,
        class_weights: Literal["balanced", "none"] = "balanced",
        n_jobs: Count = 1,
    ) -> None:
        self.features = features
        self.class_weights: Literal["balanced", "none"] = class_weights
        self._forest = RandomForest(
            trees=trees,
            max_depth=max_depth,
            row_share=row_share,
            min_leaf_weight=min_leaf_weight,
            n_jobs=n_jobs,
        )
        self._kept: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._n_features = 0

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
        """Choose features and grow the forest, both on training rows alone."""
        check_classes(target, n_classes=n_classes)
        label = np.asarray(target, dtype=np.int64)
        self._n_features = x.shape[1]
        self._kept = choose_features(x, label, weight=weight, n_features=self.features)
        if self.class_weights == "balanced":
            in_class = np.bincount(label, weights=weight, minlength=n_classes)
            # Patients' weights still sum to their number, as the least weight of a leaf expects.
            weight = weight * (weight.sum() / ((in_class > 0).sum() * in_class[label]))
        self._forest.fit(
            x[:, self._kept], label, weight=weight, n_classes=n_classes, seed=seed, task=task
        )

    def predict(self, x: Floats) -> Floats:
        """Probabilities (n, K)."""
        if x.shape[1] != self._n_features:
            raise InputError(
                f"radiomics: found {x.shape[1]} features, but it was fitted on "
                f"{self._n_features}. Fit the model again with this study."
            )
        return self._forest.predict(x[:, self._kept])

    def state(self) -> FittedState:
        """The features chosen and the trees."""
        values = {**self._forest.state().values, "n_features": self._n_features}
        return FittedState(values=values, arrays={"kept": self._kept})

    def restore(self, state: FittedState) -> None:
        """Take up features and trees again."""
        self._n_features = int(state.values["n_features"])
        self._kept = np.asarray(state.arrays["kept"], dtype=np.int64)
        self._forest.restore(state)


def choose_features(
    x: Floats, label: NDArray[np.int64], *, weight: Floats, n_features: int
) -> NDArray[np.int64]:
    """Indices of features, the most telling first; see `Radiomics`.

    Args:
        x: (n, F); NaN counts as the feature's median rank.
        label: (n,) class index; of several classes the best told one counts.
        weight: (n,) weight of each row.
        n_features: How many.
    """
    ranks = _standard_ranks(x, weight)
    classes = np.unique(label)
    told = _standard((label[:, None] == classes).astype(np.float64), weight)
    share = weight[:, None] / weight.sum()
    association = np.abs((ranks * share).T @ told).max(axis=1)
    varies = np.flatnonzero(ranks.any(axis=0))
    redundancy = np.zeros(x.shape[1])  # sum over chosen k of (f - k + 1) (1 - |r|)
    total = np.zeros(x.shape[1])  # the same without the falling weight
    chosen: list[int] = []
    open_ = np.zeros(x.shape[1], dtype=np.bool_)
    open_[varies] = True
    while open_.any() and len(chosen) < n_features:
        f = len(chosen)
        new = 2.0 * redundancy / (f * (f + 1)) if f else np.zeros_like(redundancy)
        gain = np.where(open_, 0.5 * association + 0.5 * new, -np.inf)
        best = int(gain.argmax())
        chosen.append(best)
        open_[best] = False
        apart = 1.0 - np.abs((ranks * share).T @ ranks[:, best]).clip(0.0, 1.0)
        # With one more feature every earlier one counts one part more.
        total += apart
        redundancy += total
    return np.asarray(chosen, dtype=np.int64)


def _standard_ranks(x: Floats, weight: Floats) -> Floats:
    from scipy.stats import rankdata

    ranks: Floats = np.asarray(rankdata(x, axis=0, nan_policy="omit"), dtype=np.float64)
    middle = (np.isfinite(x).sum(axis=0) + 1) / 2
    return _standard(np.where(np.isnan(x), middle, ranks), weight)


def _standard(values: Floats, weight: Floats) -> Floats:
    """Weighted mean 0 and standard deviation 1; 0 where nothing varies."""
    share = weight[:, None] / weight.sum()
    centred = values - (values * share).sum(axis=0)
    sd = np.sqrt((centred**2 * share).sum(axis=0))
    return np.divide(centred, sd, out=np.zeros_like(centred), where=sd > 1e-12)
