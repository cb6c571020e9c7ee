"""Gene sets among the genes that moved the answers most: tested, not read off a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tumorboard.evaluation.explanation_table import Explanations, ImportanceRow
from tumorboard.evaluation.joined_importance import join_importance
from tumorboard.records import Floats, Ints

#: The explainer whose ranking is tested.
EXPLAINER = "gene_attribution"
#: Genes at the top that are tested against the others, and sets that are too small or too large to
#: say anything (the usual limits of GSEA).
N_TOP, FEWEST, MOST = 100, 5, 500


@dataclass(frozen=True)
class Enriched:
    """One gene set against a ranking of genes.

    Args:
        name: Of the set.
        n_set: Its genes that the models could see.
        n_overlap: Those among the top genes.
        expected: How many chance alone would put there.
        odds: Odds ratio of being at the top, inside against outside of the set.
        p_value: Chance of so many or more (hypergeometric, one-sided).
        q_value: Its false discovery rate over all sets (Benjamini-Hochberg).
        score: Enrichment score of the whole ranking, 0..1; NaN where it was not asked for.
        score_p: Chance of so large a score for as many random genes.
        score_q: Its false discovery rate.
        genes: Top genes of the set, the highest first.
    """

    name: str
    n_set: int
    n_overlap: int
    expected: float
    odds: float
    p_value: float
    q_value: float
    score: float
    score_p: float
    score_q: float
    genes: tuple[str, ...]


def enriched_sets(
    genes: Sequence[str],
    score: Floats,
    gene_sets: Mapping[str, Sequence[str]],
    *,
    n_top: int = N_TOP,
    permutations: int = 1000,
    rng: np.random.Generator,
) -> tuple[Enriched, ...]:
    """Every set with enough genes, the smallest p-value first.

    Args:
        genes: Genes that the models could see: the universe.
        score: (genes,) non-negative, larger is more important.
        gene_sets: Name -> genes.
        n_top: Genes at the top.
        permutations: Random sets that a score is compared with; 0 asks for no scores.
        rng: Draws them.

    Source:
        Over-representation: Fisher's exact test, one-sided. Score: Subramanian et al., PNAS 2005,
        weighted by the score itself (p = 1), genes permuted.
    """
    order = np.argsort(-score, kind="stable")
    place = {genes[int(g)]: i for i, g in enumerate(order)}
    n_top = min(n_top, len(genes))
    sets = {
        name: np.sort(
            np.asarray([place[g] for g in dict.fromkeys(members) if g in place], np.int64)
        )
        for name, members in gene_sets.items()
    }
    most = min(MOST, len(genes) - 1)  # a set of all genes has none to stand out from
    sets = {name: places for name, places in sets.items() if FEWEST <= len(places) <= most}
    if not sets:
        return ()
    from scipy.stats import hypergeom

    n = len(genes)
    sizes = np.asarray([len(places) for places in sets.values()])
    overlap = np.asarray([int((places < n_top).sum()) for places in sets.values()])
    p_value = np.asarray(hypergeom.sf(overlap - 1, n, sizes, n_top), dtype=np.float64)
    q_value = _false_discovery(p_value)
    own = np.full(len(sets), np.nan)
    own_p, own_q = own.copy(), own.copy()
    if permutations:
        own, own_p = _scores(list(sets.values()), score[order], permutations, rng)
        own_q = _false_discovery(own_p)
    found = [
        Enriched(
            name=name, n_set=int(sizes[i]), n_overlap=int(overlap[i]),
            expected=float(sizes[i] * n_top / n),
            odds=_odds(int(overlap[i]), int(sizes[i]), n_top, n),
            p_value=float(p_value[i]), q_value=float(q_value[i]),
            score=float(own[i]), score_p=float(own_p[i]), score_q=float(own_q[i]),
            genes=tuple(genes[int(order[k])] for k in places[places < n_top]),
        )
        for i, (name, places) in enumerate(sets.items())
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda each: (each.p_value, each.name)))


def _false_discovery(p_value: Floats) -> Floats:
    """Benjamini-Hochberg q-values."""
    from statsmodels.stats.multitest import multipletests

    adjusted: Any = multipletests(p_value, method="fdr_bh")
    return np.asarray(adjusted[1], dtype=np.float64)


def _odds(overlap: int, size: int, n_top: int, n: int) -> float:
    """Odds ratio of the two by two table; infinite where every gene of the set is at the top."""
    outside = (size - overlap) * (n_top - overlap)
    rest = n - size - n_top + overlap
    return overlap * rest / outside if outside else (float("inf") if overlap else float("nan"))


def _scores(
    sets: Sequence[Ints], ranked: Floats, permutations: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Scores of sets given as sorted places in the ranking, and the chance of such scores."""
    n = len(ranked)
    own = np.asarray([running_score(places[None], ranked)[0] for places in sets])
    p_value = np.ones(len(sets))
    for size in {len(places) for places in sets}:
        draws = np.argpartition(rng.random((permutations, n)), size - 1, axis=1)[:, :size]
        null = running_score(np.sort(draws, axis=1), ranked)
        same = [i for i, places in enumerate(sets) if len(places) == size]
        above = (null[None] >= own[same][:, None]).sum(axis=1)
        p_value[same] = (above + 1) / (permutations + 1)
    return own, p_value


def running_score(places: Ints, ranked: Floats) -> Floats:
    """(R,) largest lead of the set's genes over the others on the way down the ranking.

    Args:
        places: (R, size) sorted places of the genes of R sets.
        ranked: (genes,) scores, the largest first.
    """
    size = places.shape[1]
    weight = ranked[places]
    total = weight.sum(axis=1, keepdims=True)
    share = np.where(total > 0, weight / np.where(total > 0, total, 1.0), 1.0 / size)
    hits = np.cumsum(share, axis=1)
    misses = (places - np.arange(size)) / (len(ranked) - size)
    lead: Floats = np.max(hits - misses, axis=1)
    return np.maximum(lead, 0.0)


def enrichment_document(
    found: Explanations,
    gene_sets: Mapping[str, Sequence[str]],
    *,
    source: str,
    n_top: int = N_TOP,
    rng: np.random.Generator,
) -> dict[str, Any] | None:
    """Sets among the top genes of every arm that was asked; None where none was.

    The universe are the genes that every fold's model could see: others could not be at the top.

    Args:
        found: Explanations of a run.
        gene_sets: Name -> genes.
        source: Where the sets are from, such as the name of the file.
        n_top: Genes at the top.
        rng: Of the random sets.
    """
    arms: dict[str, list[ImportanceRow]] = {}
    for row in found.importance:
        if row.explainer == EXPLAINER:
            arms.setdefault(row.arm, []).append(row)
    if not arms:
        return None
    return {
        "source": source,
        "n_sets": len(gene_sets),
        "n_top": n_top,
        "arms": {arm: _of_arm(rows, gene_sets, n_top, rng) for arm, rows in arms.items()},
    }


def _of_arm(
    rows: Sequence[ImportanceRow],
    gene_sets: Mapping[str, Sequence[str]],
    n_top: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    fits = {(row.repeat, row.fold) for row in rows}
    seen: dict[str, set[tuple[int, int]]] = {}
    for row in rows:  # once for each of several numbers that a fold's model predicts
        seen.setdefault(row.feature, set()).add((row.repeat, row.fold))
    shared = [row for row in rows if seen[row.feature] == fits]
    if not shared:
        return {"n_genes": 0, "n_any": len(seen), "n_folds": len(fits), "top": [], "sets": []}
    joined = join_importance(shared)
    order = np.argsort(-joined.drop, kind="stable")[:n_top]
    sets = enriched_sets(joined.features, joined.drop, gene_sets, n_top=n_top, rng=rng)
    return {
        "n_genes": len(joined.features),
        "n_any": len(seen),
        "n_folds": len(fits),
        "top": [
            {
                "gene": joined.features[int(g)],
                "size": float(joined.drop[g]),
                "ci_low": float(joined.ci_low[g]),
                "ci_high": float(joined.ci_high[g]),
            }
            for g in order
        ],
        "sets": [asdict(each) for each in sets],
    }
