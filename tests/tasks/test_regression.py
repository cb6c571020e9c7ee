"""Outcomes, loss and predictions of the task regression."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tumorboard.cohorts.splits import split_patients
from tumorboard.errors import InputError
from tumorboard.records import Cohort, FittedState
from tumorboard.study_keys import Loss, TaskTable
from tumorboard.tasks.regression import GROUPS, Regression


def cohort(ids: Sequence[str] = (), **columns: Sequence[str | None]) -> Cohort:
    n = len(next(iter(columns.values())))
    return Cohort(
        name="t", patient_id=tuple(ids or [f"P{i}" for i in range(n)]), root=Path(),
        unit_id=tuple(f"u{i}" for i in range(n)), files={}, line=tuple(range(2, n + 2)),
        columns={name: tuple(values) for name, values in columns.items()}, table=Path("t.csv"),
    )  # fmt: skip


def task(target: str | list[str] = "size_mm", **keys: object) -> Regression:
    return Regression(TaskTable.model_validate({"kind": "regression", "target": target, **keys}))


def test_outcomes_are_the_numbers_and_their_quarters() -> None:
    cells = ["1", "2.5", None, "4", "5", "6e0", "7", "8", "-9"]
    outcomes = task().read(cohort(size_mm=cells))
    assert outcomes.target[outcomes.kept, 0].tolist() == [1, 2.5, 4, 5, 6, 7, 8, -9]
    assert outcomes.kept.tolist() == [cell is not None for cell in cells]
    assert outcomes.columns["size_mm"][:3] == ("1.0", "2.5", "")
    assert (outcomes.classes, outcomes.groups) == ((), GROUPS)
    # eight numbers, two in each quarter: -9 and 1, 2.5 and 4, 5 and 6, 7 and 8
    assert outcomes.strata[outcomes.kept].tolist() == [0, 1, 1, 2, 2, 3, 3, 0]
    assert outcomes.counts == {"known": 8}
    assert [(s.reason, s.patients) for s in outcomes.flow] == [("size_mm missing", ("P2",))]


def test_a_handful_of_equal_numbers_is_no_quarter_of_its_own() -> None:
    cells = ["0"] * 2 + ["1"] * 40 + ["2"] * 40 + ["3"] * 40
    outcomes = task().read(cohort(size_mm=cells))
    assert np.bincount(outcomes.strata).tolist() == [0, 42, 40, 40]
    ids = [f"P{i}" for i in range(122)]
    splits = split_patients(
        ids, outcomes.strata, folds=5, repeats=1, holdout=None, validation=0.2, seed=1
    )
    assert len(splits) == 5
    mostly_nothing = task().read(cohort(size_mm=["0"] * 90 + ["7"] * 10))
    assert set(mostly_nothing.strata.tolist()) == {3}


def test_a_patient_needs_every_target() -> None:
    outcomes = task(["a", "b"]).read(cohort(a=["1", None, "3"], b=["4", "5", None]))
    assert outcomes.kept.tolist() == [True, False, False]
    assert np.isnan(outcomes.target).tolist() == [[False, False], [True, False], [False, True]]
    assert [(s.reason, s.n_patients) for s in outcomes.flow] == [("a or b missing", 2)]


def test_cells_that_are_no_numbers_are_listed() -> None:
    said = r"expected numbers, found '6l' in row 3, patient P1, 'inf' in row 4, patient P2\. Mend"
    with pytest.raises(InputError, match=said):
        task().read(cohort(size_mm=["5", "6l", "inf"]))
    with pytest.raises(InputError, match=r"no column 'size_mm' \(task.target\).*size_cm"):
        task().read(cohort(size_cm=["5"]))


def test_rows_of_one_patient_must_agree() -> None:
    with pytest.raises(InputError, match=r"rows of one patient disagree: patient A in rows 2 and"):
        task().read(cohort(["A", "A", "B"], size_mm=["5", "6", "7"]))
    rows = cohort(["A", "A", "B"], size_mm=["5", "6", "7"])
    assert task(unit="row").read(rows).target[:, 0].tolist() == [5, 6, 7]
    missing = task(unit="row").read(cohort(["A", "A"], size_mm=["5", None]))
    assert missing.flow[0].patients == ()  # a row is gone, nobody is


def test_scores_of_gene_sets_are_not_known_before_the_folds() -> None:
    own = task(["gene_set:HYPOXIA", "gene_set:EMT"])
    outcomes = own.read(cohort(age=["1", "2"]))
    assert own.targets == ("HYPOXIA", "EMT")
    assert own.is_signature
    assert not task().is_signature
    assert outcomes.kept.all()
    assert np.isnan(outcomes.target).all()
    assert outcomes.strata.tolist() == [0, 0]
    assert outcomes.groups == ("score not known before the folds",)
    assert own.columns(()) == ("predicted_HYPOXIA", "predicted_EMT")


def test_loss_and_prediction_by_hand() -> None:
    own = task(["a", "b"])
    # patient weights 1, 1, 2: means 2 and 25; spreads sqrt((4 + 0 + 2 x 1) / 4) and 15 / sqrt 3
    target = np.asarray([[0.0, 10.0], [2.0, 10.0], [3.0, 40.0]])
    own.prepare(target, np.asarray([1.0, 1.0, 2.0]))
    assert own.learned.arrays["mean"].tolist() == [2.0, 25.0]
    np.testing.assert_allclose(own.learned.arrays["spread"], [1.5**0.5, 15.0])
    outputs = torch.tensor([[0.0, 1.0]], requires_grad=True)
    said = own.predict(outputs)
    np.testing.assert_allclose(said.detach().numpy(), [[2.0, 40.0]])
    assert said.dtype == torch.float64
    given = torch.tensor([[2.0 + 3 * 1.5**0.5, 10.0]], dtype=torch.float64)
    loss = own.loss(outputs, given, class_weights=torch.ones(2), loss=Loss())
    np.testing.assert_allclose(loss.detach().numpy(), [(3.0**2 + 2.0**2) / 2], rtol=1e-6)
    loss.sum().backward()
    assert outputs.grad is not None
    np.testing.assert_allclose(outputs.grad.numpy(), [[-3.0, 2.0]], rtol=1e-6)
    assert own.n_outputs(()) == 2


def test_a_target_that_is_the_same_everywhere_is_refused() -> None:
    with pytest.raises(InputError, match=r"b is the same number in every training patient"):
        task(["a", "b"]).prepare(np.asarray([[1.0, 5.0], [2.0, 5.0]]), np.ones(2))


def test_what_was_learned_is_plain_data_and_enough() -> None:
    own, other = task(["a", "b"]), task(["a", "b"])
    own.prepare(np.random.default_rng(1).normal(size=(20, 2)), np.ones(20))
    state = own.state()
    other.restore(FittedState(json.loads(json.dumps(dict(state.values))), dict(state.arrays)))
    outputs = torch.randn(5, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(other.predict(outputs), own.predict(outputs))
