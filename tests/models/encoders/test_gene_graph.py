"""Gene graph: what the graph carries, what the pools do, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.encoders.gene_graph import GeneGraph
from tumorboard.records import ArraySpec

#: 0 -> 1 -> 2 -> 3, and 4 alone.
CHAIN = ArraySpec("vector", (5,), tuple("abcde"), graph=np.array([[0, 1, 2], [1, 2, 3]]))


def make_encoder(**settings: Any) -> GeneGraph:
    torch.manual_seed(0)
    return GeneGraph(CHAIN, size=6, **settings).eval()


@pytest.mark.parametrize("kind", ["gatv2", "gat"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_value_travels_one_edge_a_layer(kind: str, layers: int) -> None:
    encoder = make_encoder(kind=kind, layers=layers)
    one = torch.randn(1, 5)
    other = one.clone()
    other[0, 0] += 1.0
    moved = (encoder._nodes(one) - encoder._nodes(other)).abs().amax(dim=(0, 2)) > 0
    assert moved.tolist() == [number <= layers for number in range(4)] + [False]


@pytest.mark.parametrize("pool", ["attention", "mean", "genes"])
def test_every_pool_and_every_part_learns(pool: str) -> None:
    encoder = make_encoder(pool=pool).train()
    encoder(torch.randn(4, 5)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in encoder.parameters())


def test_without_gene_vectors_genes_differ_by_value_and_neighbours_alone() -> None:
    encoder = make_encoder(gene_size=0, pool="mean")
    nodes = encoder._nodes(torch.ones(1, 5))
    torch.testing.assert_close(nodes, nodes[:, :1].expand_as(nodes))
    assert encoder(torch.ones(2, 5)).shape == (2, 6)


def test_autocast_changes_nothing() -> None:
    encoder = make_encoder()
    x = torch.randn(3, 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(encoder(x), encoder(x.clone()))
        reduced = encoder(x)
    assert torch.equal(reduced, encoder(x))


def test_a_modality_without_a_graph_is_refused() -> None:
    with pytest.raises(StudyError, match="gene_graph: this modality gives no graph"):
        GeneGraph(ArraySpec("vector", (5,)))
