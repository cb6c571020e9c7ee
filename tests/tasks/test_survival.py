"""Outcomes, losses and predictions of the task survival."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tumorboard.errors import InputError, StudyError
from tumorboard.models.hazards import RiskSets
from tumorboard.records import Cohort, FittedState
from tumorboard.study_keys import Loss, TaskTable
from tumorboard.tasks.survival import Survival

COLUMNS = {"kind": "survival", "time": "days", "time_unit": "days", "event": "e", "event_value": 1}


def cohort(
    time: Sequence[str | None], event: Sequence[str | None], ids: Sequence[str] = ()
) -> Cohort:
    patients = tuple(ids or [f"P{i}" for i in range(len(time))])
    units = tuple(f"u{i}" for i in range(len(time)))
    return Cohort(
        name="t", patient_id=patients, unit_id=units, files={}, root=Path(),
        columns={"days": tuple(time), "e": tuple(event)}, line=tuple(range(2, len(time) + 2)),
        table=Path("t.csv"),
    )  # fmt: skip


def task(**keys: object) -> Survival:
    return Survival(TaskTable.model_validate({**COLUMNS, **keys}))


def loss_of(own: Survival, outputs: torch.Tensor, target: np.ndarray) -> torch.Tensor:
    given = torch.as_tensor(target, dtype=torch.float32)
    return own.loss(outputs, given, class_weights=torch.ones(outputs.shape[1]), loss=Loss())


def follow_up(n: int = 60, *, tied: bool = False) -> np.ndarray:
    rng = np.random.default_rng(5)
    time = rng.exponential(900.0, n) + 1
    return np.stack([np.ceil(time / 90) if tied else time, rng.random(n) < 0.6], axis=1)


def test_outcomes_are_time_and_event() -> None:
    outcomes = task().read(cohort(["10", "20.5", None], ["1", "0", "1"]))
    assert outcomes.target[:2].tolist() == [[10.0, 1.0], [20.5, 0.0]]
    assert outcomes.kept.tolist() == [True, True, False]
    assert outcomes.columns == {"time_days": ("10.0", "20.5", ""), "event": ("1", "0", "")}
    assert outcomes.strata[:2].tolist() == [1, 0]
    assert (outcomes.classes, outcomes.groups) == ((), ("censored", "event"))
    assert outcomes.counts == {"event": 1, "censored": 1}
    assert [(s.reason, s.n_patients) for s in outcomes.flow] == [("days or e missing", 1)]
    assert outcomes.notes == (
        "In column 'e' '1' means that the event was seen and '0' means censored: 1 of 2 (50 %) had "
        "the event. Times in 'days' are days.",
    )


def test_rows_of_one_patient_must_agree_and_count_once() -> None:
    with pytest.raises(InputError, match=r"patient A: 5 / 1 in row 2, 6 / 1 in row 3"):
        task().read(cohort(["5", "6", "7"], ["1", "1", "0"], ["A", "A", "B"]))
    same = cohort(["5", "5", "7"], ["1", "1", "0"], ["A", "A", "B"])
    assert task().read(same).counts == {"event": 1, "censored": 1}
    rows = cohort(["5", "6", "7"], ["1", "1", "0"], ["A", "A", "B"])
    assert task(unit="row").read(rows).counts == {"event": 2, "censored": 1}


def test_years_that_are_followed_are_horizons_else_thirds_of_the_events() -> None:
    time = [str(100 * i) for i in range(1, 31)]
    assert task().read(cohort(time, ["1"] * 30)).values == {"horizons_days": "1095,1826"}
    short = [str(i) for i in range(1, 31)]
    found = task().read(cohort(short, ["1"] * 30)).values
    assert found == {"horizons_days": "11,20"}
    asked = task(horizons_days=[20, 10.2]).read(cohort(short, ["1"] * 30)).values
    assert asked == {"horizons_days": "10,20"}


def test_horizons_of_a_fitted_model_are_kept() -> None:
    few = cohort(["3", "4"], ["0", "0"])
    values = {"horizons_days": "365"}
    assert task().read(few, values=values).values == values


def test_a_horizon_beyond_all_follow_up_and_nobody_with_the_event_are_refused() -> None:
    with pytest.raises(StudyError, match="99 days lie beyond the longest follow-up, 7 days"):
        task(horizons_days=[99]).read(cohort(["5", "7"], ["1", "0"]))
    with pytest.raises(InputError, match="no training patient of this split had the event"):
        task().prepare(np.asarray([[5.0, 0.0]]), np.ones(1))


@pytest.mark.parametrize("tied", [False, True])
def test_cox_loss_is_the_mean_over_events_of_the_partial_likelihood(tied: bool) -> None:
    target = follow_up(tied=tied)
    own = task()
    own.prepare(target, np.ones(60))
    outputs = torch.linspace(-2, 2, 60)[:, None].requires_grad_()
    loss = loss_of(own, outputs, target)
    risk_sets = RiskSets.of(target[:, 0], target[:, 1] > 0, np.ones(60))
    expected, slope = risk_sets.loss(outputs.detach().double().numpy()[:, 0])
    n_events = target[:, 1].sum()
    assert loss.shape == (60,)
    np.testing.assert_allclose(loss.detach().numpy(), expected / n_events, rtol=1e-5)
    loss.mean().backward()
    assert outputs.grad is not None
    np.testing.assert_allclose(outputs.grad.numpy()[:, 0], slope / n_events, atol=1e-5)
    shifted = loss_of(own, outputs.detach() + 500, target)  # nothing overflows
    np.testing.assert_allclose(shifted.numpy(), expected / n_events, rtol=1e-3)


def test_a_batch_without_events_or_of_one_row_has_no_cox_loss() -> None:
    own, outputs = task(), torch.ones(3, 1, requires_grad=True)
    target = np.asarray([[1.0, 0], [2.0, 0], [3.0, 0]])
    loss = loss_of(own, outputs, target)
    assert loss.tolist() == [0.0, 0.0, 0.0]
    loss.sum().backward()
    assert loss_of(own, outputs[:1], np.asarray([[1.0, 1.0]])).tolist() == [0.0]


def test_interval_loss_by_hand() -> None:
    own = task(head="discrete_time", n_intervals=2)
    own.prepare(np.asarray([[10.0, 1], [20.0, 1]]), np.ones(2))
    outputs = torch.tensor([[0.0, 1.0]]).repeat(4, 1)
    target = np.asarray([[10.0, 1], [20.0, 1], [14.0, 0], [4.0, 0]])
    # of two at risk one dies, then one of one; half an event and half a survivor are added
    hazard = torch.sigmoid(outputs[0] + torch.log(torch.tensor([1.5 / 1.5, 1.5 / 0.5])))
    expected = [
        -torch.log(hazard[0]), -torch.log(1 - hazard[0]) - torch.log(hazard[1]),
        -torch.log(1 - hazard[0]), torch.zeros(()),
    ]  # fmt: skip
    torch.testing.assert_close(loss_of(own, outputs, target), torch.stack(expected))


def test_discrete_survival_by_hand() -> None:
    own = task(head="discrete_time", n_intervals=2)
    own.prepare(
        np.asarray([[10.0, 1], [20.0, 1]]), np.ones(2), values={"horizons_days": "5,10,20,30"}
    )
    assert own.n_outputs(()) == 2
    assert own.columns(()) == (
        "risk_score", "survival_5", "survival_10", "survival_20", "survival_30"
    )  # fmt: skip
    logits = torch.log(torch.tensor([[0.5, 0.2]]) / (1 - torch.tensor([[0.5, 0.2]])))
    found = own.predict(logits - torch.log(torch.tensor([[1.0, 3.0]])))[0]
    expected = [0.5**0.5, 0.5, 0.4, 0.4]
    np.testing.assert_allclose(found[1:].numpy(), expected, rtol=1e-6)
    assert float(found[0]) == pytest.approx(-np.log(0.5) - np.log(0.4))


def test_an_untrained_discrete_network_predicts_the_kaplan_meier_curve() -> None:
    """Outputs of 0, as of a head that has hardly moved, are the training patients' mean."""
    target = follow_up(400)
    order = np.argsort(target[:, 0])
    curve = np.cumprod(1 - target[order, 1] / np.arange(400, 0, -1))
    own = task(head="discrete_time", n_intervals=10)
    own.prepare(target, np.ones(400), values={"horizons_days": "300,800"})
    expected = [curve[np.searchsorted(target[order, 0], d) - 1] for d in (300, 800)]
    found = own.predict(torch.zeros(1, 10))[0, 1:]
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_without_predictors_both_heads_learn_the_kaplan_meier_curve() -> None:
    target = follow_up(400)
    days = {"horizons_days": "300,800"}
    order = np.argsort(target[:, 0])
    at_risk = np.arange(400, 0, -1)
    curve = np.cumprod(1 - target[order, 1] / at_risk)
    expected = [curve[np.searchsorted(target[order, 0], d) - 1] for d in (300, 800)]
    cox = task()
    cox.prepare(target, np.ones(400), values=days)
    assert torch.isnan(cox.predict(torch.zeros(1, 1))[0, 1:]).all()  # not finished yet
    cox.finish(np.zeros((400, 1)), target, np.ones(400))
    np.testing.assert_allclose(cox.predict(torch.zeros(1, 1))[0, 1:], expected, atol=0.003)
    discrete = task(head="discrete_time", n_intervals=10)
    discrete.prepare(target, np.ones(400), values=days)
    bias = torch.zeros(1, 10, requires_grad=True)
    optimizer = torch.optim.LBFGS([bias], max_iter=50)

    def closure() -> float:
        optimizer.zero_grad()
        value = loss_of(discrete, bias.expand(400, 10), target).mean()
        value.backward()
        return float(value.detach())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        optimizer.step(closure)
    np.testing.assert_allclose(discrete.predict(bias)[0, 1:], expected, atol=0.03)


@pytest.mark.parametrize("head", ["cox", "discrete_time"])
def test_what_was_learned_is_plain_data_and_enough(head: str) -> None:
    target, own = follow_up(), task(head=head, n_intervals=4)
    own.prepare(target, np.ones(60), values={"horizons_days": "300,800"})
    outputs = torch.linspace(-1, 1, 60)[:, None].repeat(1, own.n_outputs(()))
    own.finish(outputs.double().numpy(), target, np.ones(60))
    other, state = task(head=head, n_intervals=4), own.state()
    other.restore(FittedState(json.loads(json.dumps(dict(state.values))), dict(state.arrays)))
    torch.testing.assert_close(other.predict(outputs), own.predict(outputs))
    survival = own.predict(outputs)[:, 1:].numpy()
    assert (np.diff(survival, axis=1) <= 0).all()  # it falls over time
    assert (np.diff(survival, axis=0) < 0).all()  # and with the risk
    assert (np.diff(own.predict(outputs)[:, 0].numpy()) > 0).all()


def test_a_baseline_beside_a_discrete_network_has_a_baseline_hazard() -> None:
    target, own = follow_up(), task(head="discrete_time")
    own.prepare(target, np.ones(60), values={"horizons_days": "300"})
    log_hazard = np.linspace(-1, 1, 60)[:, None]
    own.finish(log_hazard, target, np.ones(60))
    found = own.predict_baseline(log_hazard)
    np.testing.assert_array_equal(found[:, :1], log_hazard)
    assert (found[:, 1] > 0).all() and (found[:, 1] < 1).all()  # noqa: PT018


def test_two_rows_of_a_patient_are_one_patient_of_the_partial_likelihood() -> None:
    own = task()
    eta = torch.tensor([0.3, -0.2, 1.0, 0.1, 0.6], requires_grad=True)
    target = torch.tensor([[5.0, 1], [2, 1], [4, 1], [4, 1], [9, 0]])
    given: Any = {"class_weights": torch.ones(1), "loss": Loss()}
    once = own.loss(eta[:, None], target, **given)
    (slope,) = torch.autograd.grad(once[0], eta)
    # the censored patient has two rows
    rows = torch.tensor([1, 2, 3, 4, 4, 0])
    shares = torch.tensor([1, 1, 1, 0.4, 0.6, 1])
    found = own.weighted_loss(eta[rows, None], target[rows], weight=shares, **given)
    (other,) = torch.autograd.grad(found[0], eta)
    torch.testing.assert_close(found, once[:1].expand(6), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(other, slope, rtol=1e-5, atol=1e-6)
    equal = own.weighted_loss(eta[:, None], target, weight=torch.full((5,), 2.0), **given)
    torch.testing.assert_close(equal, once)
