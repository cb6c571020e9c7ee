"""Exact Shapley values of the trees that baselines keep as JSON text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tumorboard.prediction.shap_library import shap_library
from tumorboard.records import Floats


def tree_shares(text: str, x: Floats) -> tuple[Floats, Floats]:
    """Path-dependent Shapley values of an XGBoost model on the scale that its trees add up to.

    Args:
        text: The trees as `models.trees.fit_trees` gives them.
        x: (n, F) features; NaN goes the default way.

    Returns:
        Values (n, F, outputs) and what they start from, (outputs,).

    Source:
        Lundberg et al., From local explanations to global understanding with explainable AI for
        trees, Nature Machine Intelligence 2020; the weights of the ways not taken are the training
        patients that took them.
    """
    document = json.loads(text)
    if _n_targets(document) > 1:
        model: Any = {"trees": [_vector_tree(tree) for tree in _trees(document)]}
        # XGBoost compares 32-bit numbers, and so must shap.
        x = x.astype(np.float32).astype(np.float64)
    else:
        model = _booster(text)
    explainer = shap_library().TreeExplainer(model, feature_perturbation="tree_path_dependent")
    values = np.asarray(explainer.shap_values(x, check_additivity=False), dtype=np.float64)
    base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))
    return values.reshape(*x.shape, len(base)), base


def tree_outputs(text: str, x: Floats) -> Floats:
    """(n, outputs) what the trees add up to: log odds or scores of boosting, shares of a forest."""
    import xgboost

    raw = _booster(text).predict(xgboost.DMatrix(x), output_margin=True)
    return np.asarray(raw, dtype=np.float64).reshape(len(x), -1)


def _booster(text: str) -> Any:
    import xgboost

    booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
    booster.load_model(bytearray(text, "utf-8"))
    return booster


def _trees(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document["learner"]["gradient_booster"]["model"]["trees"]


def _n_targets(document: dict[str, Any]) -> int:
    """Numbers in each leaf: a forest of several classes has one tree for all of them."""
    return max(int(tree["tree_param"]["size_leaf_vector"]) for tree in _trees(document))


def _vector_tree(tree: dict[str, Any]) -> dict[str, Any]:
    """One tree whose leaves hold a share of each class, in the arrays that shap reads.

    A leaf's right child is the number of its vector. XGBoost goes left where a value is below the
    threshold, shap where it is not above: the next lower 32-bit number makes them agree.
    """
    left = np.asarray(tree["left_children"], dtype=np.int32)
    right = np.asarray(tree["right_children"], dtype=np.int32)
    is_leaf = left < 0
    n_outputs = int(tree["tree_param"]["size_leaf_vector"])
    vectors = np.asarray(tree["leaf_weights"], dtype=np.float64).reshape(-1, n_outputs)
    values = np.zeros((len(left), n_outputs))
    values[is_leaf] = vectors[right[is_leaf]]
    threshold = np.asarray(tree["split_conditions"], dtype=np.float32)
    threshold = np.nextafter(threshold, np.float32(-np.inf))
    children_right = np.where(is_leaf, -1, right).astype(np.int32)
    default = np.where(np.asarray(tree["default_left"], dtype=bool), left, children_right)
    return {
        "children_left": left,
        "children_right": children_right,
        "children_default": np.where(is_leaf, -1, default).astype(np.int32),
        "features": np.asarray(tree["split_indices"], dtype=np.int32),
        "thresholds": threshold.astype(np.float64),
        "values": values,
        "node_sample_weight": np.asarray(tree["sum_hessian"], dtype=np.float64),
    }
