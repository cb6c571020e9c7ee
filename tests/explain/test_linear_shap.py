"""Linear SHAP: coefficient times distance from the mean, and shap's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tables import ask

from tumorboard.errors import InputError
from tumorboard.explain.linear_shap import LinearShap
from tumorboard.models.baselines.logistic_regression import LogisticRegression
from tumorboard.prediction.shap_library import shap_library

ARM = {"modalities": ["record", "lab"], "baseline": {"name": "logistic_regression"}}


@pytest.mark.parametrize(("n_classes", "target"), [(2, 1), (2, 0), (3, 2)])
def test_equals_coefficient_times_distance(tmp_path: Path, n_classes: int, target: int) -> None:
    asked = ask(tmp_path, arm=ARM, n_classes=n_classes, target=target)
    fitted, baseline = asked.fitted, asked.fitted.baseline
    assert isinstance(baseline, LogisticRegression)
    explanation = LinearShap().explain(asked)
    found = explanation.attributions
    assert found is not None
    arrays = baseline.state().arrays
    coefficients = arrays["coefficients"]
    beta = coefficients[0] * (1 if target else -1) if n_classes == 2 else coefficients[target]
    # The design: 7 derived features (marker has an indicator, sex three), lab 2, then indicators.
    names = [*fitted.specs["record"].names, *fitted.specs["lab"].names]
    design = baseline.design(fitted.vectors(asked.measured, asked.rows))
    mean = baseline.design(fitted.vectors(asked.measured, asked.background)).mean(axis=0)
    moved = (design - mean) * beta
    assert found.features == ("age", "marker", "size", "sex", "lactate", "glucose")
    assert found.values[:, 0] == pytest.approx(moved[:, names.index("age")], abs=1e-6)
    is_sex = [i for i, name in enumerate(names) if name.startswith("sex")]
    assert found.values[:, 3] == pytest.approx(moved[:, is_sex].sum(axis=1), abs=1e-6)
    # lactate: its value and the indicator that the baseline itself made
    lactate = moved[:, names.index("lactate")] + moved[:, len(names)]
    assert found.values[:, 4] == pytest.approx(lactate, abs=1e-6)
    assert found.base + found.values.sum(axis=1) == pytest.approx(found.output, abs=1e-9)
    other = shap_library().LinearExplainer((beta, 0.0), mean[None]).shap_values(design)
    assert moved == pytest.approx(other, abs=1e-6)
    if n_classes == 2:
        p = fitted.predict(asked.measured, asked.rows)[:, target]
        assert found.output == pytest.approx(np.log(p / (1 - p)), abs=1e-6)


def test_refuses(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm=ARM)
    assert LinearShap().refuses(asked.fitted) == ""
    alone = replace(asked, background=asked.background[:0])
    with pytest.raises(InputError, match="no training patient with record is at hand"):
        LinearShap().explain(alone)
    network = ask(tmp_path, arm={"modalities": ["record"]})
    assert LinearShap().refuses(network.fitted) == "arm is not a logistic regression."
