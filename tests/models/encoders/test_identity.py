"""Feature vectors as they are, and the published classifier of FMCIB's features that needs them."""

from __future__ import annotations

import torch
from torch import nn

from tumorboard.models.assembly import Network
from tumorboard.models.encoders.identity import Identity
from tumorboard.records import ArraySpec


def test_nothing_changes_and_nothing_is_learned() -> None:
    encoder = Identity(ArraySpec("vector", (5,)))
    x = torch.rand(3, 5)
    assert torch.equal(encoder(x), x)
    assert encoder.output_size == 5
    assert not list(encoder.parameters())
    dropped = Identity(ArraySpec("vector", (5,)), dropout=0.5).train()(torch.ones(200, 5))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_fmcib_and_record_as_published() -> None:
    """4,096 features + 18 columns -> 512 -> 128 -> 4, batch norm, ReLU, dropout 0.3."""
    network = Network(
        {"fmcib": ArraySpec("vector", (4096,)), "record": ArraySpec("vector", (18,))},
        {"fmcib": {"name": "identity"}, "record": {"name": "identity"}},
        {"name": "concatenation", "widths": [512, 128], "dropout": 0.3, "norm": "batch"},
        n_outputs=4, link="softmax",
    )  # fmt: skip
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [
        (4114, 512), (512, 128), (128, 4),
    ]  # fmt: skip
    batch_norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d)]
    assert [layer.num_features for layer in batch_norms] == [512, 128]
    x = {"fmcib": torch.rand(6, 4096), "record": torch.rand(6, 18)}
    assert network(x, torch.ones(6, 2, dtype=torch.bool)).logits.shape == (6, 4)
