"""How often the trees of a baseline ask a feature, and how much its questions gain."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from tumorboard.evaluation.joined_importance import Importance
from tumorboard.prediction.features import table_features
from tumorboard.records import Floats
from tumorboard.training.fitted import FittedArm

#: Baselines of trees.
TREES = ("gradient_boosting", "random_forest")


def why_no_trees(fitted: FittedArm) -> str:
    """Why this arm has no trees to read; "" where it has."""
    if (fitted.arm.baseline or {}).get("name") in TREES:
        return ""
    return f"{fitted.arm.name} is not made of trees ({' or '.join(TREES)})."


def split_totals(text: str, n_features: int) -> tuple[Floats, Floats]:
    """Number of splits of each feature and the sum of their gains, over all trees.

    Args:
        text: The trees as `models.trees.fit_trees` gives them.
        n_features: Number of features F.

    Returns:
        Two arrays (F,): XGBoost's importances `weight` and `total_gain`.
    """
    learner = json.loads(text)["learner"]
    count, gain = np.zeros(n_features), np.zeros(n_features)
    for tree in learner["gradient_booster"]["model"]["trees"]:
        is_split = np.asarray(tree["left_children"]) >= 0
        feature = np.asarray(tree["split_indices"], dtype=np.int64)[is_split]
        np.add.at(count, feature, 1.0)
        np.add.at(gain, feature, np.asarray(tree["loss_changes"], dtype=np.float64)[is_split])
    return count, gain


def tree_importance(fitted: FittedArm, measure: str) -> Importance:
    """Share of each column in the splits of the trees, its categories and indicator together.

    Args:
        fitted: An arm of trees.
        measure: `gain` or `frequency`.
    """
    if fitted.baseline is None:
        raise ValueError(f"{fitted.arm.name} has no trees; ask `why_no_trees` first")
    groups = table_features(fitted).groups
    n_features = sum(len(index) for index in groups.values())
    count, gain = split_totals(str(fitted.baseline.state().values["model"]), n_features)
    total = gain if measure == "gain" else count
    shares = _of_groups(total / (total.sum() or 1.0), list(groups.values()))
    unknown = np.full(len(groups), np.nan)
    modalities, columns = zip(*groups, strict=True)
    return Importance(modalities, columns, shares, unknown, unknown, measure)


def _of_groups(shares: Floats, groups: Sequence[np.ndarray]) -> Floats:
    return np.asarray([shares[index].sum() for index in groups], dtype=np.float64)
