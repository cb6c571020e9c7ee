"""Enrichment: Fisher's test of scipy, a running sum by hand, a planted set among many."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from tumorboard.evaluation.enrichment import enriched_sets, enrichment_document, running_score
from tumorboard.evaluation.explanation_table import Explanations, ImportanceRow

GENES = tuple(f"G{i:03d}" for i in range(400))


def planted() -> tuple[np.ndarray, dict[str, list[str]]]:
    """Scores where 12 of 20 genes of one set lead, and 30 random sets."""
    rng = np.random.default_rng(0)
    score = rng.exponential(1.0, 400)
    score[:12] += 5.0
    sets = {"hypoxia": [*GENES[:12], *GENES[200:208]], "tiny": list(GENES[:4])}
    for i in range(30):
        sets[f"random {i}"] = [*rng.choice(GENES, 20, replace=False).tolist(), "unknown"]
    return score, sets


def test_the_planted_set_is_found_and_no_other() -> None:
    score, sets = planted()
    found = enriched_sets(GENES, score, sets, n_top=40, rng=np.random.default_rng(0))
    assert len(found) == 31  # four genes are too few
    assert found[0].name == "hypoxia"
    assert found[0].q_value < 1e-6
    assert found[0].score_q < 0.05
    assert set(GENES[:12]) <= set(found[0].genes)
    assert all(each.q_value > 0.05 for each in found[1:])
    assert sum(each.score_q < 0.05 for each in found[1:]) == 0


def test_equals_fishers_exact_test() -> None:
    score, sets = planted()
    for each in enriched_sets(GENES, score, sets, n_top=40, permutations=0, rng=_rng()):
        a, b = each.n_overlap, each.n_set - each.n_overlap
        table = [[a, b], [40 - a, 400 - 40 - b]]
        odds, p_value = fisher_exact(table, alternative="greater")
        assert each.p_value == pytest.approx(p_value, rel=1e-9)
        assert each.odds == pytest.approx(odds)
        assert each.expected == pytest.approx(each.n_set / 10)
        assert np.isnan(each.score)


def test_a_set_of_all_genes_is_left_out() -> None:
    score, few = np.arange(20.0), GENES[:20]
    found = enriched_sets(few, score, {"all": few, "five": few[:5]}, n_top=5, rng=_rng())
    assert [each.name for each in found] == ["five"]


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_benjamini_hochberg_by_hand() -> None:
    score, sets = planted()
    found = enriched_sets(GENES, score, sets, n_top=40, permutations=0, rng=_rng())
    p = np.array([each.p_value for each in found])
    q = np.minimum.accumulate((p * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    assert [each.q_value for each in found] == pytest.approx(q.clip(max=1.0).tolist())


def test_running_sum_by_hand() -> None:
    """Scores 4 3 2 1 1, genes at places 0 and 2: after the first 4/6, after the second 1 - 1/3."""
    ranked = np.array([4.0, 3.0, 2.0, 1.0, 1.0])
    assert running_score(np.array([[0, 2]]), ranked)[0] == pytest.approx(2 / 3)
    assert running_score(np.array([[3, 4]]), ranked)[0] == pytest.approx(0.0)


def test_chance_of_a_score_is_uniform_without_any_enrichment() -> None:
    rng = np.random.default_rng(3)
    score = rng.exponential(1.0, 400)
    sets = {f"s{i}": list(rng.choice(GENES, 15, replace=False)) for i in range(200)}
    found = enriched_sets(GENES, score, sets, permutations=500, rng=rng)
    p = np.sort([each.score_p for each in found])
    assert np.abs(p - (np.arange(200) + 0.5) / 200).max() < 0.12


def test_only_genes_that_every_fold_could_see_are_ranked() -> None:
    score, sets = planted()

    def row(fold: int, gene: str, drop: float) -> ImportanceRow:
        return ImportanceRow(
            "rna", "gene_attribution", 1, fold, "rna", gene, drop, drop / 2, drop * 2, "attribution"
        )

    rows = [row(f, g, float(s) * f) for f in (1, 2) for g, s in zip(GENES, score, strict=True)]
    rows.append(row(2, "SEEN_ONCE", 99.0))
    found = Explanations((), (), (), tuple(rows))
    document = enrichment_document(found, sets, source="h.gmt", n_top=40, rng=_rng())
    assert document is not None
    arm = document["arms"]["rna"]
    assert (arm["n_genes"], arm["n_any"], arm["n_folds"]) == (400, 401, 2)
    assert len(arm["top"]) == 40
    assert arm["top"][0]["size"] == pytest.approx(score.max() * 1.5)
    assert arm["sets"][0]["name"] == "hypoxia"
    # a model of two numbers is asked about each
    twice = Explanations((), (), (), (*rows, *rows))
    assert enrichment_document(twice, sets, source="h.gmt", n_top=40, rng=_rng()) == document
    empty = Explanations((), (), (), ())
    assert enrichment_document(empty, sets, source="h.gmt", rng=_rng()) is None
