"""One number per patient and gene set: mean z of its genes, or the rank score of ssGSEA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Floats, Ints
from tumorboard.transforms.profiles import bounded

#: Exponent of the ranks (Barbie et al. 2009).
_EXPONENT = 0.25


def members(
    sets: Mapping[str, Sequence[str]], genes: Sequence[str], *, least: int
) -> dict[str, Ints]:
    """Set -> indices of its genes among `genes`, of sets with at least `least` of them."""
    position = {gene: i for i, gene in enumerate(genes)}
    found: dict[str, Ints] = {}
    for name, own in sets.items():
        index = sorted(position[gene] for gene in own if gene in position)
        if len(index) >= least:
            found[name] = np.asarray(index, dtype=np.int64)
    return found


def mean_scores(standard: Floats, groups: Mapping[str, Ints]) -> Floats:
    """(patients, sets): mean over a set's genes of standardised values; NaN values left out.

    No gene of one patient is the whole score: see `bounded`.
    """
    columns: list[Floats] = []
    for index in groups.values():
        own = standard[:, index]
        known = np.isfinite(own)
        total = np.where(known, bounded(own), 0.0).sum(axis=1)
        n_known = known.sum(axis=1)
        columns.append(np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan))
    return np.stack(columns, axis=1)


def rank_scores(values: NDArray[np.float64], groups: Mapping[str, Ints]) -> Floats:
    """(patients, sets): the enrichment score of single-sample GSEA, each patient by itself.

    Genes are ranked within the patient, the highest first. The score is the sum over all ranks of
    the difference between the weighted share of the set's genes (weight: rank to the power 0.25)
    and the share of the others seen so far, divided by the number of genes so that tables of
    different sizes compare. Equal values are ranked in the order of the table.

    Args:
        values: (patients, genes) without NaN.
        groups: Set -> indices of its genes; no set holds all genes.

    Source:
        Barbie et al., Nature 2009, 462:108, doi 10.1038/nature08460, online methods.
    """
    n_patients, n_genes = values.shape
    order = np.argsort(-values, axis=1, kind="stable")
    # place 0 is the highest gene, whose rank is n
    weight = np.arange(n_genes, 0, -1, dtype=np.float64) ** _EXPONENT
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(n_genes)[None, :].repeat(n_patients, 0), axis=1)
    scores = np.empty((n_patients, len(groups)))
    for column, index in enumerate(groups.values()):
        own = place[:, index]
        # A step at place p counts at all places from p on: n - p of them.
        later = n_genes - own
        share = weight[own] / weight[own].sum(axis=1, keepdims=True)
        inside = (share * later).sum(axis=1)
        total = n_genes * (n_genes + 1) / 2
        outside = (total - later.sum(axis=1)) / (n_genes - len(index))
        scores[:, column] = (inside - outside) / n_genes
    return scores
