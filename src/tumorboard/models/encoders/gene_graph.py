"""Graph attention network over genes."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.graph_attention import GraphAttention, SharedGraph
from tumorboard.models.setting_types import Count, Dropout, WholeNumber
from tumorboard.records import ArraySpec, Layout, Structure


class GeneGraph(Encoder):
    """Graph attention network: every gene is a node, its neighbours those of one shared graph.

    A node starts as the gene's value and a learned vector of the gene, attends to its neighbours
    and itself, and is pooled with all others into one embedding.

    Args:
        layers: Layers of attention: how many edges away a gene can be heard.
        heads: Attention heads, side by side.
        channels: Units of a node for each head.
        kind: "gatv2" or "gat".
        gene_size: Units of the learned vector of each gene; 0 for none: then genes differ by their
            values and neighbours alone.
        pool: `attention` (shares that the nodes earn), `mean`, or `genes`: one number per gene,
            then a dense layer of all of them.
        size: Units of the embedding.
        dropout: Share of a node's units dropped after each layer while training.
        attention_dropout: Share of the edges that a head does not see while training.

    Source:
        Velickovic et al., ICLR 2018 (gat); Brody et al., ICLR 2022 (gatv2). Pooling by attention:
        Li et al., Gated graph sequence neural networks, ICLR 2016, equation 7, without its gate.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"vector"})
    needs: ClassVar[frozenset[Structure]] = frozenset({"graph"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        layers: Count = 2,
        heads: Count = 4,
        channels: Count = 16,
        kind: Literal["gatv2", "gat"] = "gatv2",
        gene_size: WholeNumber = 8,
        pool: Literal["attention", "mean", "genes"] = "attention",
        size: Count = 64,
        dropout: Dropout = 0.2,
        attention_dropout: Dropout = 0.0,
    ) -> None:
        super().__init__(spec)
        if spec.graph is None:
            raise StudyError(
                "gene_graph: this modality gives no graph of its features. Choose a modality that "
                "does (expression), or the encoder mlp."
            )
        (n_genes,) = spec.sizes
        graph = SharedGraph(spec.graph, n_nodes=n_genes, heads=heads)
        self.genes = nn.Parameter(torch.randn(n_genes, gene_size)) if gene_size else None
        width = heads * channels
        self.layers = nn.ModuleList(
            GraphAttention(
                graph,
                width if number else 1 + gene_size,
                channels,
                kind=kind,
                dropout=attention_dropout,
            )
            for number in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.pool = pool
        # Without a bias for `attention`: adding the same to every score changes no share.
        self.score = None if pool == "mean" else nn.Linear(width, 1, bias=pool == "genes")
        self.project = nn.Linear(n_genes if pool == "genes" else width, size)
        self.output_size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, genes) as (B, size)."""
        # Sums over thousands of genes in bfloat16 would lose what distinguishes patients.
        with torch.autocast(x.device.type, enabled=False):
            return self.project(self._pooled(self._nodes(x)))

    def _nodes(self, x: torch.Tensor) -> torch.Tensor:
        """(B, genes, heads * channels)."""
        nodes = x.to(self.project.weight.dtype).unsqueeze(2)
        if self.genes is not None:
            nodes = torch.cat([nodes, self.genes.expand(len(x), -1, -1)], dim=2)
        for layer in self.layers:
            nodes = self.dropout(F.elu(layer(nodes)))
        return nodes

    def _pooled(self, nodes: torch.Tensor) -> torch.Tensor:
        if self.score is None:
            return nodes.mean(dim=1)
        scores = self.score(nodes)
        if self.pool == "genes":
            return scores.squeeze(2)
        return (scores.softmax(dim=1) * nodes).sum(dim=1)
