"""A volume, genes and visits in one network: any subset, nothing of absent ones, bfloat16."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pytest
import torch

from tumorboard.models.assembly import Network
from tumorboard.records import ArraySpec

SPECS: Mapping[str, ArraySpec] = {
    "ct": ArraySpec("volume", (1, 16, 16, 16)),
    "rna": ArraySpec("vector", (6,), graph=np.array([[0, 1, 2, 3], [1, 2, 3, 4]])),
    "visits": ArraySpec("tokens", (3, 4)),
}
#: Depth 10 takes a volume of 16 voxels a side to one voxel; more would only be slower.
ENCODERS: Mapping[str, Mapping[str, object]] = {
    "ct": {"name": "resnet3d", "depth": 10},
    "rna": {"name": "gene_graph"},
    "visits": {"name": "gru"},
}
SUBSETS = torch.tensor(list(itertools.product([False, True], repeat=3))[1:])


def make_inputs(filler: float) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    inputs: dict[str, torch.Tensor] = {}
    for m, (name, spec) in enumerate(SPECS.items()):
        x = torch.randn(len(SUBSETS), *spec.sizes, generator=generator)
        x[~SUBSETS[:, m]] = filler
        inputs[name] = x
    return inputs


@pytest.mark.parametrize("fusion", ["simple", "mod_weighted", "cross_attention", "tensor"])
def test_absent_modalities_reach_neither_outputs_nor_statistics(fusion: str) -> None:
    results: list[tuple[torch.Tensor, dict[str, torch.Tensor]]] = []
    for filler in (0.0, float("nan")):
        torch.manual_seed(0)
        network = Network(SPECS, ENCODERS, {"name": fusion}, n_outputs=3, link="softmax").train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(make_inputs(filler), SUBSETS).logits
        logits.float().square().sum().backward()
        gradients = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
        assert len(gradients) == len(list(network.parameters()))
        results.append((logits.detach(), {**gradients, **dict(network.named_buffers())}))
    (first, first_state), (second, second_state) = results
    assert bool(torch.isfinite(first).all())
    assert torch.equal(first, second)
    for name, value in first_state.items():
        # Convolutions may add in an order that the address of their memory decides.
        torch.testing.assert_close(value, second_state[name], atol=1e-4, rtol=1e-2)
