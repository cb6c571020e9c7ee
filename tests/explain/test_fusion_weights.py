"""Weights of fusions per patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tables import ask

from tumorboard.explain.fusion_weights import FusionWeights


@pytest.mark.parametrize("fusion", ["gated", "attention", "late_average"])
def test_shares_sum_to_one_over_those_present(tmp_path: Path, fusion: str) -> None:
    asked = ask(tmp_path, arm={"modalities": ["image", "record", "lab"], "fusion": fusion})
    assert FusionWeights().refuses(asked.fitted) == ""
    explanation = FusionWeights().explain(asked)
    found = explanation.attributions
    assert found is not None
    assert explanation.checks is not None
    assert explanation.checks["largest_gap"] < 1e-5
    present = asked.fitted.present(asked.measured)[asked.rows]
    assert np.array_equal(np.isnan(found.values), ~present)
    assert found.shown[0] == ("present", "present", "present")
    if fusion == "late_average":
        n = present.sum(axis=1, keepdims=True)
        expected = np.where(present, 1 / n, np.nan)
        assert found.values == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ({"modalities": ["image", "record"], "fusion": "concatenation"}, "has no weights"),
        ({"modalities": ["record"]}, "one modality alone"),
        (
            {"modalities": ["record"], "baseline": {"name": "logistic_regression"}},
            "without a fusion",
        ),
    ],
)
def test_refuses(tmp_path: Path, arm: dict[str, object], words: str) -> None:
    assert words in FusionWeights().refuses(ask(tmp_path, arm=arm).fitted)
