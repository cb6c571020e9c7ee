import numpy as np

from tumorboard.evaluation.tables import PredictionTable
from tumorboard.report.patients import mistakes, unit_rows


def _table(
    units: list[str], arms: list[str], truth: list[int], p: list[list[float]], repeats: list[int]
) -> PredictionTable:
    n = len(units)
    return PredictionTable(
        patient_id=np.asarray(units), unit_id=np.asarray(units), arm=np.asarray(arms),
        repeat=np.asarray(repeats), fold=np.ones(n, dtype=np.int64), part=np.full(n, "test"),
        modalities=np.full(n, "record"), outcome=np.asarray(truth), outcome_name="y",
        classes=("a", "b", "c")[: len(p[0])], probabilities=np.asarray(p),
    )  # fmt: skip


def test_mean_over_repeats_and_wrong_calls() -> None:
    table = _table(
        ["p10", "p10", "p9", "p9", "p9"], ["x", "x", "x", "x", "y"], [1, 1, 0, 0, 0],
        [[0.8, 0.2], [0.6, 0.4], [0.9, 0.1], [0.3, 0.7], [0.7, 0.3]], [1, 2, 1, 2, 1],
    )  # fmt: skip
    rows = unit_rows(table, np.asarray([0, 0, 0, 1, 0]), arms=["x", "y"])
    assert [row.unit_id for row in rows] == ["p9", "p10"]
    nine, ten = rows
    np.testing.assert_allclose(
        [nine.opinions[0].probability, ten.opinions[0].probability], [0.4, 0.3]
    )
    assert (nine.opinions[0].n_wrong, nine.opinions[0].n_repeats) == (1, 2)
    assert not nine.opinions[0].is_wrong
    assert ten.opinions[0].is_wrong
    assert not nine.opinions[1].is_wrong
    assert ten.opinions[1].n_repeats == 0
    assert not ten.opinions[1].is_wrong
    wrong = mistakes(rows, arm=0, classes=("a", "b"))
    assert [(m.row.unit_id, m.kind) for m in wrong] == [("p10", "false negative")]
    assert wrong[0].certainty == 0.7


def test_several_classes_name_the_class_that_was_called_instead() -> None:
    table = _table(
        ["p1", "p1", "p2"], ["x"] * 3, [0, 0, 2],
        [[0.2, 0.5, 0.3], [0.3, 0.2, 0.5], [0.1, 0.2, 0.7]], [1, 2, 1],
    )  # fmt: skip
    rows = unit_rows(table, np.asarray([1, 2, 2]), arms=["x"])
    assert (rows[0].opinions[0].text, rows[0].opinions[0].n_wrong) == ("c", 2)
    assert rows[0].opinions[0].probability == 0.4
    assert (rows[1].opinions[0].text, rows[1].opinions[0].is_wrong) == ("c", False)
    assert [m.kind for m in mistakes(rows, arm=0, classes=("a", "b", "c"))] == ["a, called c"]
