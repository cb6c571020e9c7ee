"""Tables of explanations read back; folds joined; shares by patient; cases by turns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.chosen_cases import choose_cases
from tumorboard.evaluation.explanation_table import (
    Answer,
    AttributionRow,
    Explanations,
    HeatMapRow,
    ImportanceRow,
    join_explanations,
    read_explanations,
    write_explanations,
)
from tumorboard.evaluation.heat_map_shares import lesion_shares
from tumorboard.evaluation.joined_importance import join_importance
from tumorboard.evaluation.prediction_table import PredictionTable

NAN = float("nan")


def heat_map(patient: str, inside: float, chance: float = 0.1) -> HeatMapRow:
    return HeatMapRow(
        "fused", "grad_cam", "us", 1, 1, patient, patient, "yes", inside, chance, "3 4", 1.0, 0.8,
        "maps/a.npz", 0,
    )  # fmt: skip


def importance(fold: int, drop: float, half: float) -> ImportanceRow:
    return ImportanceRow(
        "fused", "permutation_importance", 1, fold, "t", "age", drop, drop - half, drop + half,
        "auroc",
    )  # fmt: skip


def test_written_and_read_back(tmp_path: Path) -> None:
    attribution = AttributionRow(
        "fused", "lrp", 1, 1, "=1+1", "a", "yes", "t", "-age", "'x", 0.5, 0.1, 0.6, "logit"
    )
    answer = Answer("fused", "lrp", "Why?", "", 2, {"gap": [0.1, None]}, ("said",))
    one = Explanations((answer,), (heat_map("a", 0.5),), (attribution,), (importance(1, 0.1, 0.1),))
    write_explanations(tmp_path, one)
    read = read_explanations(tmp_path)
    assert read is not None
    assert read.heat_maps == one.heat_maps
    assert read.importance == one.importance
    assert read.answers == one.answers
    (row,) = read.attributions
    assert (row.patient_id, row.feature, row.shown) == ("=1+1", "-age", "'x")
    # no cell that a spreadsheet would take for a formula
    assert "\n=1+1" not in (tmp_path / "fused" / "attributions.csv").read_text()
    assert read_explanations(tmp_path / "none") is None
    (tmp_path / "fused" / "heat_maps.csv").write_text("arm,explainer\nfused\n")
    with pytest.raises(InputError, match="damaged explanations"):
        read_explanations(tmp_path)


def test_folds_are_joined() -> None:
    first = Answer("a", "e", "Why?", "", 2, {"gap": [0.1]}, ("x",))
    second = Answer("a", "e", "Why?", "", 3, {"gap": [0.3]}, ("x", "y"))
    joined = join_explanations([Explanations((one,), (), (), ()) for one in (first, second)])
    (answer,) = joined.answers
    assert (answer.n_rows, answer.checks, answer.remarks) == (5, {"gap": [0.1, 0.3]}, ("x", "y"))


def test_each_patient_weighs_one_in_shares() -> None:
    rows = [heat_map("a", 0.2), heat_map("a", 0.4), heat_map("b", 0.9), heat_map("c", NAN)]
    (share,) = lesion_shares(rows)
    assert share.n_patients == 2
    assert share.share_inside == pytest.approx((0.3 + 0.9) / 2)
    assert share.gain == pytest.approx(share.share_inside - 0.1)
    assert np.isnan(share.ci_low)  # under 10 patients


def test_interval_of_shares_is_that_of_a_mean() -> None:
    values = np.random.default_rng(0).uniform(0.2, 0.8, 200)
    (share,) = lesion_shares([heat_map(str(i), float(v)) for i, v in enumerate(values)])
    half = 1.96 * values.std() / np.sqrt(200)
    assert share.ci_high - share.ci_low == pytest.approx(2 * half, rel=0.1)
    assert share.ci_low < share.share_inside < share.ci_high


def test_standard_errors_of_folds_add_as_independent() -> None:
    joined = join_importance([importance(1, 0.1, 0.03), importance(2, 0.3, 0.04)])
    assert joined.drop.tolist() == pytest.approx([0.2])
    assert joined.ci_high[0] - joined.drop[0] == pytest.approx(0.05 / 2)


def test_several_numbers_of_one_fold_are_no_further_samples() -> None:
    # two numbers in each of two folds
    rows = [importance(1, 0.0, 0.03), importance(1, 0.2, 0.03),
            importance(2, 0.2, 0.04), importance(2, 0.4, 0.04)]  # fmt: skip
    joined = join_importance(rows)
    assert joined.drop.tolist() == pytest.approx([0.2])
    assert joined.ci_high[0] - joined.drop[0] == pytest.approx(0.05 / 2)


def test_cases_come_from_every_truth_and_call_by_turns() -> None:
    outcome = np.asarray([0] * 10 + [1] * 10)
    p = np.concatenate([np.full(8, 0.2), np.full(2, 0.9), np.full(7, 0.9), np.full(3, 0.1)])
    ids = np.asarray([f"{'n' if o == 0 else 'p'}{int(v > 0.5)}{i}" for i, (o, v) in
                      enumerate(zip(outcome, p, strict=True))])  # fmt: skip
    table = PredictionTable(
        ids, ids, np.full(20, "a"), np.ones(20, int), np.ones(20, int), np.full(20, "test"),
        np.full(20, "m"), outcome, "y", ("n", "p"), np.stack([1 - p, p], axis=1),
    )  # fmt: skip

    def kinds(n: int, first: int) -> list[str]:
        rng = np.random.default_rng(0)
        return [u[:2] for u in choose_cases(table, threshold=0.5, n=n, first=first, rng=rng)]

    assert kinds(4, 0) == ["n1", "p0", "n0", "p1"]
    assert kinds(2, 2) == ["n0", "p1"]
    assert sorted(kinds(99, 0)) == sorted(u[:2] for u in ids.tolist())


def test_every_class_gives_as_many_cases_however_many_ways_it_is_called() -> None:
    outcome = np.asarray([0] * 40 + [1] * 40 + [2] * 4)
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(3), size=84)
    p[80:] = (0.9, 0.05, 0.05)  # the rare class is never called: one group of it, not three
    ids = np.asarray([f"{'xyz'[o]}{i}" for i, o in enumerate(outcome)])
    table = PredictionTable(
        ids, ids, np.full(84, "a"), np.ones(84, int), np.ones(84, int), np.full(84, "test"),
        np.full(84, "m"), outcome, "y", ("x", "y", "z"), p,
    )  # fmt: skip

    def classes(n: int, first: int) -> str:
        rng = np.random.default_rng(0)
        return "".join(u[0] for u in choose_cases(table, threshold=0.5, n=n, first=first, rng=rng))

    assert classes(12, 0) == "xyz" * 4
    assert classes(4, 4) == "yzxy"  # the next model goes on where the last one stopped
    assert classes(14, 0) == "xyz" * 4 + "xy"  # what a class lacks the others give
