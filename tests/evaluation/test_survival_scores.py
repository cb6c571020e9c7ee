"""From a table to estimates with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from survival_units import made_units

from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.survival_scores import evaluate_survival, score_survival


def table_of(units: OutcomeUnits, arm: str = "a") -> OutcomeTable:
    n, patient = len(units.patient), np.asarray(units.patients)[units.patient]
    return OutcomeTable(
        patient_id=patient, unit_id=patient, arm=np.full(n, arm), repeat=units.repeat,
        fold=units.fold, part=np.full(n, "test"), modalities=np.full(n, "record"),
        outcome=units.outcome, outcome_names=units.outcome_names, predictions=units.predictions,
        prediction_names=units.names,
    )  # fmt: skip


def test_estimates_count_patients_and_events_once() -> None:
    units = made_units(80, folds=2, repeats=2)
    found = evaluate_survival(table_of(units), n_bootstrap=200, rng=np.random.default_rng(0))["a"]
    n_events = int(units.outcome[:80, 1].sum())
    assert {(e.n_patients, e.n_events) for e in found.values()} == {(80, n_events)}
    for name, estimate in found.items():
        assert estimate.ci_low < estimate.value < estimate.ci_high, name
    assert found["c_index"].method == "patient bootstrap, 200 replicates"


def test_the_interval_is_as_wide_as_that_of_the_infinitesimal_jackknife() -> None:
    from tumorboard.evaluation.survival_statistic import SurvivalStatistic

    units = made_units(200)
    found = evaluate_survival(table_of(units), n_bootstrap=1000, rng=np.random.default_rng(0))["a"]
    statistic = SurvivalStatistic(units, ("c_index",))
    without = statistic(np.ones((200, 200)) - np.eye(200))[:, 0]
    error = np.sqrt(199 * without.var())
    width = found["c_index"].ci_high - found["c_index"].ci_low
    assert width == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_under_ten_patients_there_is_no_interval() -> None:
    found = evaluate_survival(
        table_of(made_units(9)), n_bootstrap=50, rng=np.random.default_rng(0)
    )["a"]["c_index"]
    assert np.isnan([found.ci_low, found.ci_high]).all()
    assert found.method == "under 10 patients"


def test_validation_scores_are_those_of_the_statistic() -> None:
    units = made_units(60)
    about: dict[str, Any] = {
        "target": units.outcome, "predictions": units.predictions, "names": units.names,
    }  # fmt: skip
    found = evaluate_survival(table_of(units), n_bootstrap=0, rng=np.random.default_rng(0))["a"]
    for metric in ("c_index", "uno_c_index", "integrated_brier"):
        assert score_survival(metric, **about) == pytest.approx(found[metric].value)
    assert found["c_index"].method == "no interval asked"
