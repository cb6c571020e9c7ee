"""Gain and frequency of the trees against XGBoost's own scores; missing values as the trees see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost
from tables import ask

from tumorboard.explain import Explainer
from tumorboard.explain.kernel_shap import KernelShap
from tumorboard.explain.permutation_importance import PermutationImportance
from tumorboard.explain.tree_frequency import TreeFrequency
from tumorboard.explain.tree_gain import TreeGain
from tumorboard.explain.tree_shap import TreeShap
from tumorboard.prediction.tree_splits import split_totals

BOOSTING = {
    "modalities": ["record"], "baseline": {"name": "gradient_boosting", "rounds": 20},
}  # fmt: skip
FOREST = {"modalities": ["record"], "baseline": {"name": "random_forest", "trees": 10}}
LOGISTIC = {"modalities": ["record"], "baseline": {"name": "logistic_regression"}}


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("arm", [BOOSTING, FOREST])
def test_totals_are_xgboosts_scores(tmp_path: Path, arm: dict[str, object], n_classes: int) -> None:
    asked = ask(tmp_path, arm=arm, n_classes=n_classes)
    assert asked.fitted.baseline is not None
    text = str(asked.fitted.baseline.state().values["model"])
    names = asked.fitted.specs["record"].names
    count, gain = split_totals(text, len(names))
    if arm is BOOSTING or n_classes == 2:  # XGBoost itself has no scores of vector leaves
        booster = xgboost.Booster()
        booster.load_model(bytearray(text, "utf-8"))
        for found, kind in ((count, "weight"), (gain, "total_gain")):
            scores = booster.get_score(importance_type=kind)
            expected = [scores.get(f"f{i}", 0.0) for i in range(len(names))]
            np.testing.assert_allclose(found, expected, rtol=1e-5)
    for explainer, total in ((TreeFrequency(), count), (TreeGain(), gain)):
        importance = explainer.explain(asked).importance
        assert importance is not None
        assert importance.features == ("age", "marker", "size", "sex")
        assert importance.drop.sum() == pytest.approx(1.0)
        of_age = [name.split(" ")[0] == "age" for name in names]
        assert importance.drop[0] == pytest.approx(total[of_age].sum() / total.sum())


@pytest.mark.parametrize("explainer", [TreeGain(), TreeFrequency()])
def test_other_arms_have_no_trees(tmp_path: Path, explainer: Explainer) -> None:
    assert explainer.refuses(ask(tmp_path, arm=BOOSTING, n=41).fitted) == ""
    refused = explainer.refuses(ask(tmp_path, arm=LOGISTIC, n=41).fitted)
    assert refused == "arm is not made of trees (gradient_boosting or random_forest)."


def test_trees_get_the_table_before_imputation_and_explanations_line_up(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm=BOOSTING)
    fitted = asked.fitted
    x = fitted.vectors(asked.measured, asked.rows)
    spec = fitted.specs["record"]
    assert x.shape[1] == len(spec.names)
    present = asked.measured["record"].present[asked.rows]
    assert np.isnan(x[present]).any()
    assert not np.isnan(x[present].all(axis=1)).all()
    for explainer in (TreeShap(), KernelShap(samples=64, background=10)):
        explanation = explainer.explain(asked)
        found = explanation.attributions
        assert found is not None
        assert explanation.checks is not None
        assert explanation.checks["largest_gap"] < 1e-5
        # a patient with the table has an attribution for every column, known or missing
        assert np.isfinite(found.values[present]).all()
    importance = PermutationImportance(repeats=1, replicates=5).explain(asked).importance
    assert importance is not None
    assert set(importance.features) == {"age", "marker", "size", "sex"}
