"""What ties genes together: their graph, sets and modules, for encoders and as features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.gene_edges import read_gene_edges
from tumorboard.formats.gene_sets import read_gene_sets
from tumorboard.formats.messages import counted, listed
from tumorboard.records import FittedState, Floats, Ints, Structure
from tumorboard.transforms.coexpression import (
    Similarity,
    eigengenes,
    modules,
    neighbour_graph,
    shared_set_pairs,
    strongest_edges,
)
from tumorboard.transforms.gene_set_scores import mean_scores, members, rank_scores
from tumorboard.transforms.profiles import ProfileScaling

Features = Literal["genes", "gene_sets", "eigengenes"]
SetScore = Literal["mean_z", "rank"]

#: Correlations of more genes than this do not fit into ordinary memory when modules are sought.
_MOST_IN_MODULES = 8_000


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

    def scores(self, standard: Floats, scaling: ProfileScaling, score: SetScore) -> Floats:
        """(patients, features) eigengenes where there are modules, else scores of the sets.

        Args:
            standard: (patients, genes) standardised profiles without NaN.
            scaling: What standardised them.
            score: How a set is scored.
        """
        if self.projections is not None:
            return standard @ self.projections.T
        if score == "mean_z":
            return mean_scores(standard, self.groups)
        return rank_scores(standard * scaling.deviation + scaling.mean, self.groups)

    def score_names(self, genes: Sequence[str]) -> tuple[str, ...]:
        """Names of the sets, or modules called after the gene nearest to their eigengene."""
        if self.projections is None:
            return tuple(self.groups)
        hubs = np.abs(self.projections).argmax(axis=1).tolist()
        return tuple(f"module {k} ({genes[hub]})" for k, hub in enumerate(hubs, start=1))

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


@dataclass(frozen=True)
class StructureSettings:
    """Which sets, graph and modules are made of the genes; see the modality `expression`."""

    features: Features
    gene_sets: str
    min_set_genes: int
    graph: str
    neighbours: int
    n_modules: int
    similarity: Similarity

    def __post_init__(self) -> None:
        """Refuse what needs gene sets and names none."""
        by_sets = self.features == "gene_sets"
        if self.gene_sets == "none" and (by_sets or self.graph == "sets"):
            key = 'features = "gene_sets"' if by_sets else 'graph = "sets"'
            raise StudyError(f"{key} needs a file of gene sets. Set gene_sets, such as 'h.gmt'.")

    @property
    def files(self) -> list[str]:
        """Files of sets and edges, as the study names them."""
        sets = [self.gene_sets] if self.gene_sets != "none" else []
        edges = [self.graph] if self.graph not in ("coexpression", "sets") else []
        return [*sets, *edges]

    def groups(
        self, genes: Sequence[str], asked: frozenset[Structure], *, root: Path, name: str
    ) -> dict[str, Ints]:
        """Gene set -> indices of its genes, where anything needs sets.

        Args:
            genes: Symbols of the chosen genes.
            asked: What the encoder needs.
            root: Folder that the file's name starts from.
            name: The modality.

        Raises:
            StudyError: The encoder works on gene sets, and the study names none.
            InputError: The file cannot be read, or no set has enough of the genes.
        """
        by_graph = "graph" in asked and self.graph == "sets"
        is_needed = "groups" in asked or by_graph or self.features == "gene_sets"
        if self.gene_sets == "none" and not is_needed:
            return {}
        if self.gene_sets == "none":
            raise StudyError(
                f"modalities.{name}: the encoder works on gene sets. Set gene_sets to a file of "
                "them (GMT)."
            )
        path = root / self.gene_sets
        sets = read_gene_sets(path)  # also where only the report will need it: a fault shows now
        if not is_needed:
            return {}
        groups = members(sets, genes, least=self.min_set_genes)
        if not groups:
            named = sorted({gene for own in sets.values() for gene in own})
            raise InputError(
                f"{path.name}: no set has {counted(self.min_set_genes, 'gene')} among the "
                f"{len(genes):,} of {name} (min_set_genes). The sets name {listed(named[:3])}; "
                f"{name} has {listed(sorted(genes)[:3])}."
            )
        return groups

    def make(
        self, standard: Floats, genes: Sequence[str], groups: Mapping[str, Ints],
        asked: frozenset[Structure], *, root: Path,
    ) -> GeneStructure:  # fmt: skip
        """Graph, sets and modules of the chosen genes, as far as they are needed.

        Args:
            standard: (training patients, genes) with mean 0 and deviation 1, without NaN.
            genes: Symbols of the chosen genes.
            groups: What `groups` gave.
            asked: What the encoder needs.
            root: Folder that files start from.

        Raises:
            StudyError: The encoder needs what these settings do not give.
            InputError: See `make_graph`.
        """
        if asked and self.features != "genes":
            raise StudyError(
                f"the encoder needs the genes' {', '.join(sorted(asked))}, but the modality "
                f'gives {self.features}. Set features = "genes".'
            )
        graph, projections, notes = None, None, list[str]()
        if "graph" in asked:
            graph, said = make_graph(
                self.graph, standard, genes, groups, neighbours=self.neighbours, root=root
            )
            notes.append(said)
        if "projections" in asked or self.features == "eigengenes":
            projections = self._modules(standard)
            notes.append(f"{counted(len(projections), 'module')} of {len(genes):,} genes")
        if groups:
            n_genes = len(np.unique(np.concatenate(list(groups.values()))))
            notes.append(f"{counted(len(groups), 'gene set')} with {n_genes:,} of the genes")
        return GeneStructure(graph, groups, projections, tuple(notes))

    def _modules(self, standard: Floats) -> Floats:
        if standard.shape[1] > _MOST_IN_MODULES:
            raise StudyError(
                f"modules of {standard.shape[1]:,} genes need too much memory. Set top_genes to "
                f"{_MOST_IN_MODULES:,} or fewer."
            )
        module = modules(standard, n_modules=self.n_modules, similarity=self.similarity)
        return eigengenes(standard, module)


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
