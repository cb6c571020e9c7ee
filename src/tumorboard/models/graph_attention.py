"""Graph attention over one graph that all patients share, patient by patient.

Since the graph is the same for everyone, its edges are sorted once, and whatever belongs to an edge
is made, used and forgotten for one patient at a time, so that it stays in the processor's cache.
Heads are copies of the graph beside each other: node `h * n_nodes + i` is node i as head h sees it.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F  # noqa: N812 torch's own name for it

Kind = Literal["gatv2", "gat"]
#: Slope of the leaky ReLU below zero: Velickovic et al., ICLR 2018, section 2.1.
_SLOPE = 0.2


class SharedGraph(nn.Module):
    """Edges sorted by the node they reach and by the node they leave, for several heads.

    Every node is its own neighbour; loops that the edges hold already count once.

    Args:
        edges: (2, E) from source to target.
        n_nodes: Number of nodes.
        heads: Number of copies beside each other.
    """

    def __init__(self, edges: NDArray[np.int64], *, n_nodes: int, heads: int) -> None:
        super().__init__()
        self.n_nodes, self.heads = n_nodes, heads
        loops = np.arange(n_nodes)
        source, target = edges[:, edges[0] != edges[1]]
        source, target = np.concatenate([source, loops]), np.concatenate([target, loops])
        order = np.argsort(target, kind="stable")
        shift = n_nodes * np.arange(heads)[:, None]
        sources, targets = ((shift + part[order]).ravel() for part in (source, target))
        by_source = np.argsort(sources, kind="stable")
        n_copies = heads * n_nodes
        self.n_edges = len(sources)
        self.source: torch.Tensor
        self.target: torch.Tensor
        self.start: torch.Tensor
        self.by_source: torch.Tensor
        self.source_start: torch.Tensor
        self.every: torch.Tensor
        parts = {
            "source": sources,
            "target": targets,
            "start": _starts(targets, n_copies),
            "by_source": by_source,
            "source_start": _starts(sources, n_copies),
            "every": np.arange(len(sources)),
        }
        # Not saved with the weights: they follow from the modality's state.
        for name, part in parts.items():
            self.register_buffer(name, torch.from_numpy(part.astype(np.int64)), persistent=False)

    def sum_by_target(self, values: torch.Tensor) -> torch.Tensor:
        """(nodes, C) sum of (edges, C) over the edges that reach a node."""
        return _bag(values, self.every, self.start)

    def sum_by_source(self, values: torch.Tensor) -> torch.Tensor:
        """(nodes, C) sum of (edges, C) over the edges that leave a node."""
        return _bag(values, self.by_source, self.source_start)

    def softmax(self, scores: torch.Tensor) -> torch.Tensor:
        """(B, edges) scores -> shares that sum to 1 over the edges that reach a node."""
        return cast("torch.Tensor", _Softmax.apply(scores, self))

    def weighted_sum(self, shares: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """(B, nodes, C): each node's neighbours' values (B, nodes, C) times shares (B, edges)."""
        return cast("torch.Tensor", _WeightedSum.apply(shares, values, self))

    def pair_scores(
        self, source: torch.Tensor, target: torch.Tensor, attention: torch.Tensor
    ) -> torch.Tensor:
        """(B, edges): attention (heads, C) of the leaky ReLU of source + target (B, nodes, C)."""
        return cast("torch.Tensor", _PairScores.apply(source, target, attention, self))


class GraphAttention(nn.Module):
    """One layer: every node becomes a weighted sum of its neighbours, heads side by side.

    Args:
        graph: The graph, with the heads of this layer.
        inputs: Numbers that describe a node.
        channels: Numbers that each head describes it by.
        kind: "gatv2" scores a pair by a small network of both, "gat" by a sum of one number each.
        dropout: Share of the edges that a head does not see while training.

    Source:
        Velickovic et al., Graph attention networks, ICLR 2018; Brody et al., How attentive are
        graph attention networks?, ICLR 2022, equation 7. Parameters are those of PyTorch
        Geometric's `GATConv` and `GATv2Conv`.
    """

    def __init__(
        self, graph: SharedGraph, inputs: int, channels: int, *, kind: Kind, dropout: float
    ) -> None:
        super().__init__()
        self.graph = graph
        self.kind: Kind = kind
        size = graph.heads * channels
        self.source = nn.Linear(inputs, size, bias=kind == "gatv2")
        self.target = nn.Linear(inputs, size) if kind == "gatv2" else None
        n_scores = 1 if kind == "gatv2" else 2
        self.attention = nn.Parameter(torch.empty(n_scores, graph.heads, channels))
        self.bias = nn.Parameter(torch.empty(size))
        self.dropout = nn.Dropout(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot's uniform draw for weights and attention, zeros for biases."""
        for layer in (self.source, self.target):
            if layer is not None:
                nn.init.xavier_uniform_(layer.weight)
                if self.kind == "gatv2":
                    nn.init.zeros_(layer.bias)
        nn.init.xavier_uniform_(self.attention)
        nn.init.zeros_(self.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, N, inputs) -> (B, N, heads * channels)."""
        graph = self.graph
        source = self._by_head(self.source(x))
        if self.target is not None:
            target = self._by_head(self.target(x))
            scores = graph.pair_scores(source, target, self.attention[0])
        else:
            by_head = source.unflatten(1, (graph.heads, graph.n_nodes))
            leaving, reaching = (
                (by_head @ weight.unsqueeze(2)).flatten(1) for weight in self.attention
            )
            pairs = leaving[:, graph.source] + reaching[:, graph.target]
            scores = F.leaky_relu(pairs, _SLOPE)
        summed = graph.weighted_sum(self.dropout(graph.softmax(scores)), source)
        nodes = summed.unflatten(1, (graph.heads, graph.n_nodes)).transpose(1, 2)
        return nodes.flatten(2) + self.bias

    def _by_head(self, x: torch.Tensor) -> torch.Tensor:
        """(B, N, heads * C) -> (B, heads * N, C)."""
        heads = x.unflatten(2, (self.graph.heads, -1)).transpose(1, 2)
        return heads.reshape(len(x), -1, heads.shape[3])


class _PairScores(torch.autograd.Function):
    """What belongs to an edge (edges, C) is made again for the gradient instead of kept.

    Its place is the same for all patients: fresh memory would cost more than the arithmetic.
    """

    @staticmethod
    def forward(ctx: Any, *given: Any) -> torch.Tensor:
        source, target, attention, graph = given
        ctx.graph = graph
        ctx.save_for_backward(source, target, attention)
        pairs, place = _places(source, graph)
        scores = source.new_empty(len(source), graph.heads, graph.n_edges // graph.heads, 1)
        by_head = pairs.view(graph.heads, -1, attention.shape[1])
        for i in range(len(source)):
            _pair(source[i], target[i], graph, out=pairs, place=place)
            F.leaky_relu_(pairs, _SLOPE)
            torch.bmm(by_head, attention.unsqueeze(2), out=scores[i])
        return scores.flatten(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        source, target, attention = ctx.saved_tensors
        graph: SharedGraph = ctx.graph
        scores = gradients[0].unflatten(1, (graph.heads, -1)).unsqueeze(3)
        to_source, to_target = torch.empty_like(source), torch.empty_like(target)
        to_attention = torch.zeros_like(attention).unsqueeze(1)
        pairs, spread = _places(source, graph)
        by_head, spread_by_head = (
            place.view(graph.heads, -1, attention.shape[1]) for place in (pairs, spread)
        )
        slope = torch.ops.aten.leaky_relu_backward.grad_input
        for i in range(len(source)):
            _pair(source[i], target[i], graph, out=pairs, place=spread)
            torch.mul(scores[i], attention.unsqueeze(1), out=spread_by_head)
            slope(spread, pairs, _SLOPE, False, grad_input=spread)
            to_source[i] = graph.sum_by_source(spread)
            to_target[i] = graph.sum_by_target(spread)
            F.leaky_relu_(pairs, _SLOPE)
            to_attention.baddbmm_(scores[i].transpose(1, 2), by_head)
        return to_source, to_target, to_attention.squeeze(1), None


class _Softmax(torch.autograd.Function):
    """Softmax over the edges that reach a node; all have one at least, their own loop."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> torch.Tensor:
        scores, graph = given
        shares = torch.stack([_softmax(row, graph) for row in scores])
        ctx.graph = graph
        ctx.save_for_backward(shares)
        return shares

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (shares,) = ctx.saved_tensors
        graph: SharedGraph = ctx.graph
        moved = gradients[0] * shares
        total = torch.stack([_per_target(row, graph) for row in moved])
        return moved - shares * total, None


class _WeightedSum(torch.autograd.Function):
    """Sum of neighbours' values without the (edges, C) table of their products."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> torch.Tensor:
        shares, values, graph = given
        ctx.graph = graph
        ctx.save_for_backward(shares, values)
        return torch.stack([
            _bag(table, graph.source, graph.start, weights=row)
            for row, table in zip(shares, values, strict=True)
        ])  # fmt: skip

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        shares, values = ctx.saved_tensors
        graph: SharedGraph = ctx.graph
        gradient = gradients[0].contiguous()
        to_shares, to_values = torch.empty_like(shares), torch.empty_like(values)
        reached = graph.target[graph.by_source]
        products, place = _places(values, graph)
        for i, nodes in enumerate(gradient):
            torch.index_select(values[i], 0, graph.source, out=products)
            products *= torch.index_select(nodes, 0, graph.target, out=place)
            torch.sum(products, dim=1, out=to_shares[i])
            leaving = shares[i].index_select(0, graph.by_source)
            to_values[i] = _bag(nodes, reached, graph.source_start, weights=leaving)
        return to_shares, to_values, None


def _bag(
    table: torch.Tensor,
    rows: torch.Tensor,
    start: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """(bags, C) sum of the table's rows of each bag, times their weights where there are any."""
    return F.embedding_bag(
        rows, table, start, mode="sum", include_last_offset=True, per_sample_weights=weights
    )


def _places(nodes: torch.Tensor, graph: SharedGraph) -> tuple[torch.Tensor, torch.Tensor]:
    """Two places for what belongs to the edges of one patient, (edges, C) each."""
    size = (graph.n_edges, nodes.shape[2])
    return nodes.new_empty(size), nodes.new_empty(size)


def _pair(
    source: torch.Tensor,
    target: torch.Tensor,
    graph: SharedGraph,
    *,
    out: torch.Tensor,
    place: torch.Tensor,
) -> None:
    """Source + target of every edge into `out`; `place` is overwritten."""
    torch.index_select(source, 0, graph.source, out=out)
    out += torch.index_select(target, 0, graph.target, out=place)


def _softmax(scores: torch.Tensor, graph: SharedGraph) -> torch.Tensor:
    most = torch.segment_reduce(scores, "max", offsets=graph.start)
    shares = (scores - most.index_select(0, graph.target)).exp_()
    return shares.div_(_per_target(shares, graph))


def _per_target(values: torch.Tensor, graph: SharedGraph) -> torch.Tensor:
    """(edges,) sum over the edges that reach the same node."""
    total = graph.sum_by_target(values.unsqueeze(1)).squeeze(1)
    return total.index_select(0, graph.target)


def _starts(nodes: NDArray[np.int64], n_nodes: int) -> NDArray[np.int64]:
    """Where each node's edges start once they are sorted, and where the last one's end."""
    return np.concatenate([[0], np.bincount(nodes, minlength=n_nodes).cumsum()])
