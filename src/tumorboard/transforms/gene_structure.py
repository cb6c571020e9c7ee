"""What a gene network's encoder needs to know of the genes: their graph, sets and modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.gene_edges import read_gene_edges
from tumorboard.formats.messages import counted
from tumorboard.records import FittedState, Floats, Ints
from tumorboard.transforms.coexpression import (
    neighbour_graph,
    shared_set_pairs,
    strongest_edges,
)


@dataclass(frozen=True)
class GeneStructure:
    """Fields of `ArraySpec` of the same names, as far as they were asked for.

    Args:
        graph: Edges (2, E); None where not asked for.
        groups: Set -> indices of genes.
        projections: (modules, genes); None where not asked for.
        notes: Sentences about how they were made.
    """

    graph: Ints | None = None
    groups: Mapping[str, Ints] = field(default_factory=dict[str, Ints])
    projections: Floats | None = None
    notes: tuple[str, ...] = ()

    def state(self) -> FittedState:
        """Plain data; see `from_state`."""
        arrays: dict[str, Ints | Floats] = {}
        if self.graph is not None:
            arrays["graph"] = self.graph
        if self.projections is not None:
            arrays["projections"] = self.projections
        if self.groups:
            arrays["group_genes"] = np.concatenate(list(self.groups.values()))
            arrays["group_sizes"] = np.asarray([len(v) for v in self.groups.values()])
        return FittedState({"groups": list(self.groups), "notes": list(self.notes)}, arrays)

    @classmethod
    def from_state(cls, state: FittedState) -> GeneStructure:
        """What `state` gave, from the state of a modality that holds it among others."""
        names = list(state.values.get("groups", []))
        groups: dict[str, Ints] = {}
        if names:
            ends = np.cumsum(state.arrays["group_sizes"])[:-1]
            parts = np.split(np.asarray(state.arrays["group_genes"], dtype=np.int64), ends)
            groups = dict(zip(names, parts, strict=True))
        notes = tuple(state.values.get("notes", []))
        return cls(state.arrays.get("graph"), groups, state.arrays.get("projections"), notes)


def make_graph(
    kind: str, standard: Floats, genes: Sequence[str], groups: Mapping[str, Ints], *,
    neighbours: int, root: Path,
) -> tuple[Ints, str]:  # fmt: skip
    """Edges (2, E) between genes, and a sentence about them; no gene has an edge to itself.

    Args:
        kind: `coexpression`, `sets` (genes that share one), or a file of edges.
        standard: (training patients, genes) with mean 0 and deviation 1.
        genes: Their symbols.
        groups: Gene sets, for `sets`.
        neighbours: So many edges reach a gene at most: from those that correlate most with it, or
            of the highest score in the file.
        root: Folder that the file's name starts from.

    Raises:
        InputError: The file cannot be read, or has no edge between these genes.
    """
    if kind == "coexpression":
        graph = neighbour_graph(standard, neighbours=neighbours)
        return graph, _said(graph, len(genes), "correlation in the training patients")
    if kind == "sets":
        pairs, strength = shared_set_pairs(standard, list(groups.values()))
        where = "correlation in the training patients, within gene sets"
    else:
        edges = read_gene_edges(root / kind)
        position = {gene: i for i, gene in enumerate(genes)}
        known = [a in position and b in position for a, b in edges.pairs]
        both = [
            (position[a], position[b])
            for (a, b), own in zip(edges.pairs, known, strict=True)
            if own
        ]
        pairs = np.asarray(both, dtype=np.int64).reshape(-1, 2).T
        strength, where = edges.score[np.asarray(known, dtype=bool)], Path(kind).name
    graph = strongest_edges(pairs, strength, n_genes=len(genes), neighbours=neighbours)
    if not graph.size:
        raise InputError(
            f"{where}: no edge between two of the {len(genes):,} genes. Are its names symbols or "
            "Ensembl gene ids of the same species?"
        )
    return graph, _said(graph, len(genes), where)


def _said(graph: Ints, n_genes: int, where: str) -> str:
    alone = n_genes - len(np.unique(graph))
    more = f"; {counted(alone, 'gene has', 'genes have')} none" if alone else ""
    return f"graph of {graph.shape[1]:,} edges between {n_genes:,} genes by {where}{more}"
