"""KernelSHAP: against Shapley values enumerated over every set of columns."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from pathlib import Path

import numpy as np
import pytest
from tables import ask

from tumorboard.explain.kernel_shap import KernelShap
from tumorboard.prediction.features import background_sample
from tumorboard.prediction.vector_model import VectorModel

MLP = {"modalities": ["record"]}
FUSED = {"modalities": ["image", "record"], "fusion": "gated"}
LOGISTIC = {"modalities": ["record"], "baseline": {"name": "logistic_regression"}}


@pytest.mark.parametrize("arm", [MLP, FUSED, LOGISTIC])
def test_equals_enumeration(tmp_path: Path, arm: dict[str, object]) -> None:
    asked = ask(tmp_path, arm=arm, n=44)
    background = background_sample(
        asked.fitted, asked.measured, asked.background, n=100, rng=np.random.default_rng(0)
    )
    explanation = KernelShap(background=100).explain(asked)
    found = explanation.attributions
    assert found is not None
    model = VectorModel(asked.fitted, asked.measured, asked.rows, target=1)
    groups = list(model.features.groups.values())

    def worth(row: int, taken: tuple[int, ...]) -> float:
        x = background.copy()
        for player in taken:
            x[:, groups[player]] = model.vectors[row, groups[player]]
        return float(model.log_odds(x, np.full(len(x), row)).mean())

    for row in range(len(asked.rows)):
        for player in range(4):
            rest = [other for other in range(4) if other != player]
            value = sum(
                factorial(size) * factorial(3 - size) / factorial(4)
                * (worth(row, (*taken, player)) - worth(row, taken))
                for size in range(4)
                for taken in combinations(rest, size)
            )  # fmt: skip
            assert found.values[row, player] == pytest.approx(value, abs=1e-4)
    assert explanation.checks is not None
    assert explanation.checks["largest_gap"] < 1e-5
    p = asked.fitted.predict(asked.measured, asked.rows)[:, 1]
    assert found.output == pytest.approx(np.log(p / (1 - p)), abs=1e-4)


def test_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm=MLP, n=42)
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.normal(size=3)  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    KernelShap(samples=10, background=5).explain(asked)
    assert np.array_equal(np.random.normal(size=3), expected)  # noqa: NPY002


def test_refuses_forests_and_images(tmp_path: Path) -> None:
    forest = {"modalities": ["record"], "baseline": {"name": "random_forest", "trees": 3}}
    assert "tree_shap" in KernelShap().refuses(ask(tmp_path, arm=forest).fitted)
    image = ask(tmp_path, arm={"modalities": ["image"]})
    assert KernelShap().refuses(image.fitted) == "arm reads no table."
