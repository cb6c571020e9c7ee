"""Integrated gradients: sums are complete, a linear arm's are known, random weights change them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tables import ask

from tumorboard.errors import InputError
from tumorboard.explain.integrated_gradients import IntegratedGradients
from tumorboard.models.encoders.mlp import Mlp
from tumorboard.prediction.features import background_mean

FUSED = {"modalities": ["image", "record", "lab"], "fusion": "concatenation"}


@pytest.mark.parametrize("fusion", ["concatenation", "gated", "attention", "late_average"])
def test_sums_are_complete(tmp_path: Path, fusion: str) -> None:
    asked = ask(tmp_path, arm={**FUSED, "fusion": fusion})
    explanation = IntegratedGradients().explain(asked)
    found, checks = explanation.attributions, explanation.checks
    assert found is not None
    assert checks is not None
    assert checks["largest_gap"] < 0.02
    p = asked.fitted.predict(asked.measured, asked.rows)[:, 1]
    assert found.output == pytest.approx(np.log(p / (1 - p)), abs=1e-4)
    has_lab = asked.measured["lab"].present[asked.rows]
    assert np.isnan(found.values[~has_lab, 4:]).all()
    assert not np.isnan(found.values[has_lab]).any()
    assert checks["rank_correlation_random_network"] < 0.9


def test_early_fusion_and_several_classes(tmp_path: Path) -> None:
    arm = {"modalities": ["record", "lab"], "fusion": "early"}
    asked = ask(tmp_path, arm=arm, n_classes=3, target=2)
    explanation = IntegratedGradients(steps=256).explain(asked)
    assert explanation.checks is not None
    assert explanation.checks["largest_gap"] < 0.02


def test_a_linear_network_gives_weight_times_distance(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm={"modalities": ["record"]})
    network = asked.fitted.network
    assert network is not None
    encoder, head = network.encoder("record"), network.heads[0]
    assert isinstance(encoder, Mlp)
    assert isinstance(head, torch.nn.Linear)
    dense = torch.nn.Linear(encoder.spec.sizes[0], 4)
    encoder.layers = torch.nn.Sequential(dense)
    found = IntegratedGradients(by="derived").explain(asked).attributions
    assert found is not None
    weight = ((head.weight[1] - head.weight[0]) @ dense.weight).detach().numpy()
    mean = background_mean(asked.fitted, asked.measured, asked.cohort, asked.background)
    x = asked.fitted.vectors(asked.measured, asked.rows)
    assert found.values == pytest.approx((x - mean) * weight, abs=1e-5)


def test_refuses(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm={"modalities": ["record"]})
    with pytest.raises(InputError, match="Explain the model with the cohort"):
        IntegratedGradients().explain(replace(asked, background=asked.background[:0]))
    logistic = {"modalities": ["record"], "baseline": {"name": "logistic_regression"}}
    refused = IntegratedGradients().refuses(ask(tmp_path, arm=logistic).fitted)
    assert refused == "arm is a baseline without a gradient."
