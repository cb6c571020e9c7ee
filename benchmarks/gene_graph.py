"""Gene graph network: graph attention patient by patient against PyTorch Geometric, same weights.

Run: `.venv/bin/python benchmarks/gene_graph.py [--kind gatv2|gat] [--heads 4] [--channels 16]`.
2,000 genes with 10 neighbours each and themselves, batch 8, ELU after each layer, forward and
backward of the sum of squares. Outputs are equal to 1e-5 absolutely; gradients of the inputs are
compared too. Prints one line of JSON. Target: at least 2 times as fast.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable

import numpy as np
import torch
import torch_geometric
from torch import nn
from torch_geometric.nn import GATConv, GATv2Conv

from tumorboard.models.graph_attention import GraphAttention, SharedGraph

N_GENES, N_NEIGHBOURS, BATCH, INPUTS, ROUNDS = 2_000, 10, 8, 9, 5


def make_edges():
    """(2, E): each gene hears ten others."""
    rng = np.random.default_rng(0)
    others = [rng.choice(N_GENES - 1, N_NEIGHBOURS, replace=False) for _ in range(N_GENES)]
    source = np.concatenate([drawn + (drawn >= gene) for gene, drawn in enumerate(others)])
    return np.stack([source, np.arange(N_GENES).repeat(N_NEIGHBOURS)])


def make_layers(edges, arguments):
    """Ours, and PyTorch Geometric's with the same weights."""
    heads, channels, kind = arguments.heads, arguments.channels, arguments.kind
    graph = SharedGraph(edges, n_nodes=N_GENES, heads=heads)
    sizes = [INPUTS] + [heads * channels] * (arguments.layers - 1)
    ours = [GraphAttention(graph, size, channels, kind=kind, dropout=0.0) for size in sizes]
    theirs: list[nn.Module] = []
    for size, layer in zip(sizes, ours, strict=True):
        state = {"bias": layer.bias}
        if kind == "gatv2":
            for side, part in (("l", layer.source), ("r", layer.target)):
                state |= {f"lin_{side}.weight": part.weight, f"lin_{side}.bias": part.bias}
            state["att"] = layer.attention
            theirs.append(GATv2Conv(size, channels, heads=heads))
        else:
            state |= {"lin.weight": layer.source.weight}
            state |= {"att_src": layer.attention[:1], "att_dst": layer.attention[1:]}
            theirs.append(GATConv(size, channels, heads=heads))
        theirs[-1].load_state_dict(state, strict=True)
    return ours, theirs


def step(apply: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor):
    """Output, gradient of the inputs, and seconds of forward and backward."""
    given = x.clone().requires_grad_()
    start = time.perf_counter()
    out = apply(given)
    out.square().sum().backward()
    seconds = time.perf_counter() - start
    return out.detach().view(BATCH, N_GENES, -1), given.grad.view_as(x), seconds


def main():
    """Measure by turns, check that the outputs are equal, print the ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=["gatv2", "gat"], default="gatv2")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--layers", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    edges = make_edges()
    ours, theirs = make_layers(edges, arguments)
    one = torch.from_numpy(edges)
    joined = torch.cat([one + N_GENES * patient for patient in range(BATCH)], dim=1)
    x = torch.randn(BATCH, N_GENES, INPUTS)

    def apply_ours(nodes):
        for layer in ours:
            nodes = nn.functional.elu(layer(nodes))
        return nodes

    def apply_theirs(nodes):
        nodes = nodes.flatten(0, 1)
        for layer in theirs:
            nodes = nn.functional.elu(layer(nodes, joined))
        return nodes

    # The first call of each pays for page faults.
    rounds = [(step(apply_ours, x), step(apply_theirs, x)) for _ in range(ROUNDS + 1)][1:]
    (out, to_x, _), (expected, to_x_expected, _) = rounds[0]
    largest = float((out - expected).abs().max())
    assert largest < 1e-5, f"outputs differ by {largest}"
    seconds = np.array([[a[2], b[2]] for a, b in rounds])
    least = seconds.min(axis=0)
    print(json.dumps({
        "benchmark": "gene_graph",
        **vars(arguments),
        "genes": N_GENES, "neighbours": N_NEIGHBOURS, "self_loops": True, "batch": BATCH,
        "tumorboard_ms": round(1e3 * least[0], 1),
        "pytorch_geometric_ms": round(1e3 * least[1], 1),
        "ratio_of_least": round(least[1] / least[0], 2),
        "ratio_of_rounds": np.round(np.sort(seconds[:, 1] / seconds[:, 0]), 2).tolist(),
        "largest_difference": largest,
        "largest_difference_of_gradients": float((to_x - to_x_expected).abs().max()),
        "largest_gradient": float(to_x_expected.abs().max()),
        "cores": os.cpu_count(), "threads": torch.get_num_threads(),
        "torch": torch.__version__, "torch_geometric": torch_geometric.__version__,
        "machine": platform.machine(),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
