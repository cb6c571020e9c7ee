"""The section of gene sets, from a made document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.evaluation.enrichment import enrichment_document
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.explanation_table import Explanations, ImportanceRow
from tumorboard.explain import Attributions
from tumorboard.report.contents import read_classes
from tumorboard.report.enrichment import section
from tumorboard.report.explained import shared_features


def document(*, planted: bool) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    genes = [f"G{i:03d}" for i in range(300)]
    score = rng.exponential(1.0, 300)
    score[:15] += 5.0 * planted
    rows = tuple(
        ImportanceRow("fused", "gene_attribution", 1, 1, "rna", g, s, s / 2, 2 * s, "attribution")
        for g, s in zip(genes, score.tolist(), strict=True)
    )
    sets = {"HALLMARK_HYPOXIA": genes[:20]} | {
        f"<b>set</b> {i}": rng.choice(genes, 20, replace=False).tolist() for i in range(20)
    }
    found = enrichment_document(
        Explanations((), (), (), rows), sets, source="h.gmt", n_top=30, rng=rng
    )
    assert found is not None
    return found


def test_section_names_the_set_and_escapes_names(tmp_path: Path, make_run: Any) -> None:
    run = make_run(tmp_path / "run", n_patients=40).folder
    assert section(read_classes(run)) is None  # type: ignore[arg-type]
    write_evidence(run, "enrichment", document(planted=True))
    made = section(read_classes(run))  # type: ignore[arg-type]
    assert made is not None
    assert made.lead.startswith(
        "1 of 21 gene sets are over-represented among the 30 genes that moved fused most"
    )
    assert "first HALLMARK HYPOXIA, 15 genes where 2.0 were expected" in made.lead
    assert "<b>set</b>" not in made.html
    assert "The first 15 of 21" in made.html


def test_nothing_found_is_said(tmp_path: Path, make_run: Any) -> None:
    run = make_run(tmp_path / "run", n_patients=40).folder
    write_evidence(run, "enrichment", document(planted=False))
    made = section(read_classes(run))  # type: ignore[arg-type]
    assert made is not None
    assert made.lead.startswith("None of 21 gene sets is over-represented")


def test_genes_that_not_every_fold_could_see_are_summed() -> None:
    nan = np.nan
    values = np.array([[1.0, 2.0, nan, 9.0], [3.0, nan, 4.0, 9.0], [nan, nan, nan, 9.0]])
    found = Attributions(
        ("rna", "rna", "rna", "record"), ("A", "B", "C", "age"), ((("1",) * 4),) * 3, values,
        np.zeros(3), np.zeros(3), "logit",
    )  # fmt: skip
    shared = shared_features(found)
    assert shared.features == ("A", "age", "others of rna, not in every fold")
    np.testing.assert_array_equal(shared.values, [[1, 9, 2], [3, 9, 4], [nan, 9, nan]])
