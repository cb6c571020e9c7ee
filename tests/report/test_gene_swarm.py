"""The swarm of genes: order, points and levels by hand."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.explanation_table import AttributionRow
from tumorboard.explain import Importance
from tumorboard.report.gene_swarm import gene_swarm_svg, points_of, stacked, swarm_figure, top_genes


def row(fold: int, patient: str, gene: str, value: float, shown: str) -> AttributionRow:
    return AttributionRow(
        arm="fused", explainer="gene_attribution", repeat=1, fold=fold, patient_id=patient,
        unit_id=patient, target="IIIB", modality="rna", feature=gene, shown=shown, value=value,
        base=0.0, output=0.0, scale="logit",
    )  # fmt: skip


ROWS = [
    row(1, "a", "TOP2A", 0.3, "2.0"),
    row(1, "b", "TOP2A", -0.1, "-1.0"),
    row(1, "c", "TOP2A", 0.1, "0.5"),
    row(2, "d", "TOP2A", 0.2, "9.0"),
    row(2, "e", "TOP2A", -0.2, "8.0"),
    row(2, "d", "TTF1", 0.4, ""),
    row(2, "e", "TTF1", float("nan"), "1.0"),
]


def ranking(drops: dict[str, float]) -> Importance:
    n = len(drops)
    drop = np.asarray(list(drops.values()))
    return Importance(("rna",) * n, tuple(drops), drop, drop - 0.1, drop + 0.1, "attribution")


def test_the_largest_gene_comes_first_and_an_unknown_one_last() -> None:
    found = ranking({"A": 0.1, "B": float("nan"), "C": 0.3})
    assert top_genes(found, 2) == ["C", "A"]
    assert top_genes(found, 9) == ["C", "A", "B"]


def test_levels_are_ranks_within_a_fold() -> None:
    found = points_of(ROWS, "TOP2A")
    assert found[:, 0].tolist() == [0.3, -0.1, 0.1, 0.2, -0.2]
    # three patients of fold 1 and two of fold 2, whose levels are not those of fold 1
    assert found[:, 1].tolist() == [1.0, 0.0, 0.5, 1.0, 0.0]


def test_a_patient_without_a_value_has_no_point_and_one_without_a_level_is_grey() -> None:
    found = points_of(ROWS, "TTF1")
    assert found[:, 0].tolist() == [0.4]
    assert np.isnan(found[0, 1])
    assert points_of(ROWS, "EGFR").shape == (0, 2)


def test_points_of_one_place_are_stacked_around_the_line() -> None:
    height = stacked(np.asarray([0.1, 0.1, 0.1, -0.9]), 1.0)
    np.testing.assert_allclose(np.sort(height[:3]), [-0.09, 0.0, 0.09])
    assert height[3] == 0.0
    assert np.abs(stacked(np.zeros(200), 1.0)).max() <= 0.381


def test_the_drawing_says_how_many_patients_list_a_gene() -> None:
    points = {gene: points_of(ROWS, gene) for gene in ("TTF1", "TOP2A")}
    figure = swarm_figure(points, "log-odds of IIIB", n_patients=5)
    axis = figure.axes[0]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["TTF1 (1 patient)", "TOP2A"]
    assert axis.get_xlabel() == "moves the log-odds of IIIB by"
    drawn = np.concatenate([np.asarray(dots.get_offsets()) for dots in axis.collections])
    assert sorted(drawn[:, 0].tolist()) == [-0.2, -0.1, 0.1, 0.2, 0.3]
    bottom, top = axis.get_ylim()
    assert bottom > top  # the first gene is the upper line


def test_only_listed_genes_are_drawn() -> None:
    svg = gene_swarm_svg(ROWS, ranking({"TTF1": 0.5, "EGFR": 0.3}), name="swarm-0", n_shown=12)
    assert svg.startswith("<svg")
    assert gene_swarm_svg(ROWS, ranking({"EGFR": 0.3}), name="swarm-1", n_shown=3) == ""
