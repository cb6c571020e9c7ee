"""Graph attention: PyTorch Geometric's numbers, its gradients, graphs of any shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tumorboard.models.graph_attention import GraphAttention, Kind, SharedGraph

N_NODES, HEADS, CHANNELS, INPUTS, BATCH = 40, 3, 5, 4, 3
KINDS: tuple[Kind, ...] = ("gatv2", "gat")


def make_edges() -> NDArray[np.int64]:
    """A graph with a hub, an isolated node, and loops of its own."""
    rng = np.random.default_rng(0)
    pairs = {(int(a), int(b)) for a, b in rng.integers(0, N_NODES - 1, (150, 2))}
    pairs |= {(i, 0) for i in range(N_NODES - 1)}
    return np.array(sorted(pairs), dtype=np.int64).T


def geometric(ours: GraphAttention, kind: Kind) -> Any:
    """PyTorch Geometric's layer with the same weights."""
    torch_geometric = pytest.importorskip("torch_geometric.nn")
    name = "GATv2Conv" if kind == "gatv2" else "GATConv"
    theirs = getattr(torch_geometric, name)(INPUTS, CHANNELS, heads=HEADS)
    state = {"bias": ours.bias}
    if ours.target is not None:
        for side, layer in (("l", ours.source), ("r", ours.target)):
            state |= {f"lin_{side}.weight": layer.weight, f"lin_{side}.bias": layer.bias}
        state["att"] = ours.attention
    else:
        state |= {"lin.weight": ours.source.weight}
        state |= {"att_src": ours.attention[:1], "att_dst": ours.attention[1:]}
    theirs.load_state_dict(state, strict=True)
    return theirs


def make_layer(kind: Kind, *, dropout: float = 0.0) -> GraphAttention:
    torch.manual_seed(1)
    graph = SharedGraph(make_edges(), n_nodes=N_NODES, heads=HEADS)
    layer = GraphAttention(graph, INPUTS, CHANNELS, kind=kind, dropout=dropout)
    torch.nn.init.normal_(layer.bias)
    return layer


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_gradients_are_those_of_pytorch_geometric(kind: Kind) -> None:
    ours = make_layer(kind)
    theirs = geometric(ours, kind)
    x = torch.randn(BATCH, N_NODES, INPUTS)
    one, two = x.clone().requires_grad_(), x.clone().requires_grad_()
    edges = torch.from_numpy(make_edges())
    joined = torch.cat([edges + N_NODES * i for i in range(BATCH)], dim=1)
    out = ours(one)
    expected = theirs(two.flatten(0, 1), joined).unflatten(0, (BATCH, N_NODES))
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)
    draws = torch.randn_like(out)
    (out * draws).sum().backward()
    (expected * draws).sum().backward()
    pairs = [(one, two), (ours.bias, theirs.bias)]
    if ours.target is not None:
        pairs += [(ours.source.weight, theirs.lin_l.weight), (ours.source.bias, theirs.lin_l.bias)]
        pairs += [(ours.target.weight, theirs.lin_r.weight), (ours.target.bias, theirs.lin_r.bias)]
        pairs += [(ours.attention, theirs.att)]
    else:
        pairs += [(ours.source.weight, theirs.lin.weight)]
    for mine, other in pairs:
        assert mine.grad is not None
        torch.testing.assert_close(mine.grad, other.grad, atol=1e-5, rtol=1e-5)
    if ours.target is None:
        both = torch.cat([theirs.att_src.grad, theirs.att_dst.grad])
        torch.testing.assert_close(ours.attention.grad, both, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind: Kind) -> None:
    torch.manual_seed(0)
    edges = np.array([[0, 1, 2, 2], [1, 2, 1, 3]], dtype=np.int64)
    graph = SharedGraph(edges, n_nodes=4, heads=2)
    layer = GraphAttention(graph, 2, 3, kind=kind, dropout=0.0).double()
    x = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x, ))  # fmt: skip
    names = [name for name, _ in layer.named_parameters()]
    given = [parameter.detach().clone().requires_grad_() for parameter in layer.parameters()]

    def run(*values: torch.Tensor) -> Any:
        state = dict(zip(names, values, strict=True))
        return torch.func.functional_call(layer, state, (x.detach(),))

    assert torch.autograd.gradcheck(run, tuple(given))


def test_shares_sum_to_one_over_the_edges_that_reach_a_node() -> None:
    graph = SharedGraph(make_edges(), n_nodes=N_NODES, heads=HEADS)
    scores = 50 * torch.randn(BATCH, graph.n_edges)
    shares = graph.softmax(scores)
    sums = torch.stack([graph.sum_by_target(row.unsqueeze(1)).squeeze(1) for row in shares])
    torch.testing.assert_close(sums, torch.ones(BATCH, HEADS * N_NODES))


def test_loops_count_once_and_an_isolated_node_hears_itself() -> None:
    edges = np.array([[0, 1, 1], [1, 1, 1]], dtype=np.int64)
    graph = SharedGraph(edges, n_nodes=3, heads=1)
    assert sorted(zip(graph.source.tolist(), graph.target.tolist(), strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 1),
        (2, 2),
    ]
    none = SharedGraph(np.zeros((2, 0), dtype=np.int64), n_nodes=3, heads=1)
    values = torch.randn(1, 3, 4)
    torch.testing.assert_close(none.weighted_sum(none.softmax(torch.randn(1, 3)), values), values)


def test_dropped_edges_only_while_training() -> None:
    layer = make_layer("gatv2", dropout=0.5)
    x = torch.randn(1, N_NODES, INPUTS)
    assert not torch.equal(layer.train()(x), layer(x))
    assert torch.equal(layer.eval()(x), layer(x))
    assert set(layer.state_dict()) == {
        "attention", "bias", "source.weight", "source.bias", "target.weight", "target.bias",
    }  # fmt: skip
