"""Layer-wise relevance propagation: conserved, and captum's where captum knows the layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tables import ask
from torch import nn

from tumorboard.explain.lrp import Lrp
from tumorboard.models.encoders.mlp import Mlp
from tumorboard.prediction.relevance import Rule, dense_layers, follow

RECORD = {"modalities": ["record"]}
ALL = ["image", "record", "lab"]


@pytest.mark.parametrize(
    "arm",
    [
        RECORD,
        {"modalities": ALL, "fusion": "concatenation"},
        {"modalities": ALL, "fusion": "gated"},
        {"modalities": ["record", "lab"], "fusion": "early"},
        {"modalities": ["image", "record"], "fusion": "late_average"},
    ],
)
@pytest.mark.parametrize("gamma", [0.0, 0.25])
def test_relevance_is_conserved(tmp_path: Path, arm: dict[str, object], gamma: float) -> None:
    asked = ask(tmp_path, arm=arm)
    assert Lrp().refuses(asked.fitted) == ""
    explanation = Lrp(gamma=gamma).explain(asked)
    found, checks = explanation.attributions, explanation.checks
    assert found is not None
    assert checks is not None
    assert checks["largest_gap"] < 1e-9
    assert 0 < checks["share_kept_by_biases"] < 1
    if arm.get("fusion") != "late_average":
        p = asked.fitted.predict(asked.measured, asked.rows)[:, 1]
        assert found.output == pytest.approx(np.log(p / (1 - p)), abs=1e-4)


def test_without_biases_everything_reaches_the_columns(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm=RECORD)
    network = asked.fitted.network
    assert network is not None
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d):
                assert module.running_mean is not None
                module.running_mean.zero_()
            if isinstance(module, nn.BatchNorm1d) or module is network.heads[0]:
                dict(module.named_parameters())["bias"].zero_()
    found = Lrp(epsilon=1e-9).explain(asked).attributions
    assert found is not None
    assert found.base == pytest.approx(0.0, abs=1e-6)
    assert found.values.sum(axis=1) == pytest.approx(found.output, abs=1e-6)


def test_batch_norm_is_folded(tmp_path: Path) -> None:
    network = ask(tmp_path, arm=RECORD).fitted.network
    assert network is not None
    encoder = network.encoder("record")
    assert isinstance(encoder, Mlp)
    layers = encoder.layers
    x = torch.randn(7, encoder.spec.sizes[0])
    folded = x
    for layer in dense_layers(layers):
        folded = (folded @ layer.weight.T + layer.bias).relu()
    assert torch.allclose(folded, layers(x), atol=1e-5)


def test_equals_captum_without_batch_norm(tmp_path: Path) -> None:
    from captum.attr import LRP
    from captum.attr._utils.lrp_rules import EpsilonRule

    arm = {
        "modalities": ["record"],
        "encoders": {"record": {"name": "mlp", "widths": [8, 4], "norm": "none", "dropout": 0.0}},
    }
    asked = ask(tmp_path, arm=arm)
    network = asked.fitted.network
    assert network is not None
    inputs, present = asked.fitted.batch(asked.measured, asked.rows, torch.device("cpu"))
    ours = follow(network, inputs, present, target=1, vectors=("record",), rule=Rule(1e-7, 0.0))
    encoder, trained = network.encoder("record"), network.heads[0]
    assert isinstance(encoder, Mlp)
    assert isinstance(trained, nn.Linear)
    head = nn.Linear(4, 1)
    with torch.no_grad():
        head.weight.copy_((trained.weight[1] - trained.weight[0])[None])
        head.bias.copy_((trained.bias[1] - trained.bias[0])[None])
    layers = [layer for layer in encoder.layers if not isinstance(layer, nn.Dropout)]
    chain = nn.Sequential(*layers, head).double()
    for layer in chain:
        if isinstance(layer, nn.Linear):
            # where captum looks for it
            layer.rule = EpsilonRule(epsilon=1e-7)  # pyright: ignore[reportArgumentType]
    captum = LRP(chain).attribute(inputs["record"].double().requires_grad_())
    assert ours.inputs["record"].numpy() == pytest.approx(captum.detach().numpy(), abs=1e-5)


def test_random_weights_change_the_attributions(tmp_path: Path) -> None:
    checks = Lrp().explain(ask(tmp_path, arm=RECORD)).checks
    assert checks is not None
    assert checks["rank_correlation_random_network"] < 0.9


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ({"modalities": ["image", "record"], "fusion": "attention"}, "the fusion attention"),
        ({"modalities": ["record", "lab"], "fusion": "late_average"}, "late fusion of several"),
        ({"modalities": ["image"]}, "arm reads no table."),
        (
            {
                "modalities": ["record"],
                "encoders": {"record": {"name": "mlp", "norm": "layer"}},
            },
            'norm = "layer"',
        ),
        (
            {"modalities": ["record"], "baseline": {"name": "logistic_regression"}},
            "arm is a baseline without layers.",
        ),
    ],
)
def test_refuses(tmp_path: Path, arm: dict[str, object], words: str) -> None:
    assert words in Lrp().refuses(ask(tmp_path, arm=arm).fitted)
