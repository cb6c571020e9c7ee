"""TreeSHAP: against XGBoost's own contributions, and Shapley values counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost
from tables import ask

from tumorboard.explain.tree_shap import TreeShap
from tumorboard.models.trees import fit_trees
from tumorboard.prediction.tree_shares import tree_outputs, tree_shares

BOOSTING = {
    "modalities": ["record"], "baseline": {"name": "gradient_boosting", "rounds": 20},
}  # fmt: skip
FOREST = {"modalities": ["record"], "baseline": {"name": "random_forest", "trees": 20}}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_boosting_equals_xgboost(tmp_path: Path, n_classes: int) -> None:
    asked = ask(tmp_path, arm=BOOSTING, n_classes=n_classes)
    baseline = asked.fitted.baseline
    assert baseline is not None
    explanation = TreeShap(by="derived").explain(asked)
    found = explanation.attributions
    assert found is not None
    assert found.scale == "logit"
    booster = xgboost.Booster()
    booster.load_model(bytearray(baseline.state().values["model"], "utf-8"))
    x = asked.fitted.vectors(asked.measured, asked.rows)
    own = booster.predict(xgboost.DMatrix(x), pred_contribs=True)
    own = own if n_classes == 2 else own[:, asked.target]
    assert found.values == pytest.approx(own[:, :-1], abs=1e-5)
    assert found.base == pytest.approx(own[:, -1], abs=1e-5)
    assert explanation.checks is not None
    assert explanation.checks["largest_gap"] < 1e-5
    if n_classes == 2:
        p = baseline.predict(x)[:, 1]
        assert found.output == pytest.approx(np.log(p / (1 - p)), abs=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("target", [0, 1])
def test_forest_adds_up_to_its_probability(tmp_path: Path, n_classes: int, target: int) -> None:
    asked = ask(tmp_path, arm=FOREST, n_classes=n_classes, target=target)
    found = TreeShap().explain(asked).attributions
    assert found is not None
    assert found.scale == "probability"
    assert found.features == ("age", "marker", "size", "sex")
    p = asked.fitted.predict(asked.measured, asked.rows)[:, target]
    assert found.base + found.values.sum(axis=1) == pytest.approx(p, abs=1e-5)


def test_forest_of_three_classes_by_hand() -> None:
    """One tree of depth 2: every path-dependent conditional expectation counted."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, size=(80, 2)).astype(np.float64)
    label = (x[:, 0] > 0) * (1 + (x[:, 1] > 0))
    text = fit_trees(
        x, np.eye(3)[label], weight=np.ones(80), rounds=1,
        parameters={
            "objective": "reg:squarederror", "base_score": 0.0, "lambda": 0.0, "eta": 1.0,
            "max_depth": 2, "multi_strategy": "multi_output_tree",
        },
    )  # fmt: skip
    values, base = tree_shares(text, x)
    output = tree_outputs(text, x)
    low, high = x[:, 0] <= 0, x[:, 1] > 0
    shares = np.array([np.mean(label == k) for k in range(3)])
    among = np.array([np.mean(label[~low] == k) for k in range(3)])
    root = np.mean(low)
    for i in range(len(x)):
        of_both = np.eye(3)[label[i]]
        of_first = np.eye(3)[0] if low[i] else among
        right = np.eye(3)[2 if high[i] else 1]
        of_second = root * np.eye(3)[0] + (1 - root) * right
        first = ((of_first - shares) + (of_both - of_second)) / 2
        second = ((of_second - shares) + (of_both - of_first)) / 2
        assert values[i, 0] == pytest.approx(first, abs=1e-6)
        assert values[i, 1] == pytest.approx(second, abs=1e-6)
    assert base == pytest.approx(shares, abs=1e-6)
    assert base + values.sum(axis=1) == pytest.approx(output, abs=1e-6)


def test_shows_the_patients_cells_and_missing_ones(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm=BOOSTING)
    found = TreeShap().explain(asked).attributions
    assert found is not None
    row = asked.rows.tolist().index(49)  # 49 % 9 == 4: no marker
    assert found.shown[row][0] == asked.cohort.columns["age"][49]
    assert found.shown[row][1] == "missing"


def test_refuses_what_is_not_a_tree(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm={"modalities": ["record"]})
    assert TreeShap().refuses(asked.fitted) == (
        "arm is not made of trees (gradient_boosting or random_forest)."
    )
