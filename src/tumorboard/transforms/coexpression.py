"""Genes that rise and fall together: graphs of neighbours, modules, and their eigengenes."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tumorboard.records import Floats, Ints

Similarity = Literal["correlation", "topological_overlap"]

#: Genes whose correlations with all others are held in memory at a time.
_BLOCK = 1024


def neighbour_graph(standard: Floats, *, neighbours: int) -> Ints:
    """Edges (2, E) to each gene from those that correlate most with it, by |Pearson r|.

    Args:
        standard: (patients, genes) with mean 0 and deviation 1 over these patients, without NaN.
        neighbours: Edges that reach each gene; fewer where there are fewer other genes.
    """
    n_patients, n_genes = standard.shape
    k = min(neighbours, n_genes - 1)
    if k < 1:
        return np.empty((2, 0), dtype=np.int64)
    by_gene = np.ascontiguousarray(standard.T, dtype=np.float32)
    sources: list[Ints] = []
    for start in range(0, n_genes, _BLOCK):
        strength = np.abs(by_gene[start : start + _BLOCK] @ by_gene.T) / n_patients
        rows = np.arange(len(strength))
        strength[rows, start + rows] = -1.0
        nearest = np.argpartition(-strength, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(strength, nearest, axis=1), axis=1, kind="stable")
        sources.append(np.take_along_axis(nearest, order, axis=1).astype(np.int64))
    source = np.concatenate(sources).ravel()
    return np.stack([source, np.repeat(np.arange(n_genes, dtype=np.int64), k)])


def strongest_edges(pairs: Ints, score: Floats, *, n_genes: int, neighbours: int) -> Ints:
    """Edges (2, E), both ways, of an undirected network: to each gene from its strongest few.

    Args:
        pairs: (2, P) the two genes of each pair.
        score: (P,) the strength of each.
        n_genes: Number of genes.
        neighbours: So many edges reach a gene at most.
    """
    source, target = np.concatenate([pairs, pairs[::-1]], axis=1)
    strength = np.concatenate([score, score])
    order = np.lexsort((source, -strength, target))
    source, target = source[order], target[order]
    first = np.searchsorted(target, np.arange(n_genes))
    kept = np.arange(len(target)) - first[target] < neighbours
    return np.stack([source[kept], target[kept]]).astype(np.int64)


def shared_set_pairs(standard: Floats, groups: list[Ints]) -> tuple[Ints, Floats]:
    """Pairs (2, P) of genes that share a set, each once, and their |Pearson r|."""
    n_patients, n_genes = standard.shape
    codes = [
        (index[:, None] * n_genes + index[None, :])[np.triu_indices(len(index), 1)]
        for index in map(np.sort, groups)
    ]
    unique = np.unique(np.concatenate(codes)) if codes else np.empty(0, dtype=np.int64)
    pairs = np.stack(np.divmod(unique, n_genes)).astype(np.int64)
    strength = np.empty(len(unique))
    for start in range(0, len(unique), 100_000):
        a, b = pairs[:, start : start + 100_000]
        r = np.einsum("ij,ij->j", standard[:, a], standard[:, b]) / n_patients
        strength[start : start + 100_000] = np.abs(r)
    return pairs, strength


def modules(
    standard: Floats, *, n_modules: int, similarity: Similarity = "correlation", power: float = 6.0
) -> Ints:
    """(genes,) module of each gene, 0 the largest: average linkage on 1 - similarity.

    Args:
        standard: (patients, genes) with mean 0 and deviation 1, without NaN.
        n_modules: Number of modules; fewer where there are fewer genes.
        similarity: |r|, or the topological overlap of |r|^power.
        power: Soft threshold.

    Source:
        Zhang and Horvath, Stat Appl Genet Mol Biol 2005, 4:17 (soft threshold, topological
        overlap).
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    n_patients, n_genes = standard.shape
    if n_genes == 1:
        return np.zeros(1, dtype=np.int64)
    likeness = np.clip(np.abs(standard.T @ standard) / n_patients, 0.0, 1.0)
    if similarity == "topological_overlap":
        likeness = topological_overlap(likeness**power)
    distance = 1.0 - likeness
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    label = np.asarray(fcluster(tree, min(n_modules, n_genes), criterion="maxclust"))
    _, first, inverse, size = np.unique(
        label, return_index=True, return_inverse=True, return_counts=True
    )
    number = np.empty(len(size), dtype=np.int64)
    number[np.lexsort((first, -size))] = np.arange(len(size))
    return number[inverse]


def topological_overlap(adjacency: Floats) -> Floats:
    """(a_i . a_j + a_ij) / (min(k_i, k_j) + 1 - a_ij), with 1 on the diagonal.

    Args:
        adjacency: Symmetric, in 0..1; its diagonal is ignored.
    """
    own = adjacency.copy()
    np.fill_diagonal(own, 0.0)
    degree = own.sum(axis=1)
    overlap = (own @ own + own) / (np.minimum(degree[:, None], degree[None, :]) + 1.0 - own)
    np.fill_diagonal(overlap, 1.0)
    return overlap


def eigengenes(standard: Floats, module: Ints) -> Floats:
    """Projections (modules, genes): standardised genes to each module's eigengene.

    The eigengene is the first principal component of a module's standardised genes, with the sign
    that correlates with their mean, scaled to deviation 1 over the given patients.

    Source:
        Langfelder and Horvath, BMC Systems Biology 2007, 1:54, doi 10.1186/1752-0509-1-54.
    """
    n_patients, n_genes = standard.shape
    weights = np.zeros((int(module.max()) + 1, n_genes))
    for number in range(len(weights)):
        index = np.flatnonzero(module == number)
        own = standard[:, index]
        _, size, right = np.linalg.svd(own - own.mean(axis=0), full_matrices=False)
        loading = right[0]
        component = own @ loading
        if component @ own.mean(axis=1) < 0:
            loading = -loading
        deviation = float(size[0]) / np.sqrt(n_patients)
        weights[number, index] = loading / max(deviation, 1e-12)
    return weights
