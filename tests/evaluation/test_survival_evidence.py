"""Risk groups, calibration at a horizon and what the report is made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from statsmodels.duration.survfunc import survdiff
from survival_units import made_units

from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits, join_tables
from tumorboard.evaluation.risk_groups import nice_days, risk_groups, survival_by_group
from tumorboard.evaluation.survival_calibration import calibration_at, calibration_slope
from tumorboard.evaluation.survival_curves import kaplan_meier
from tumorboard.evaluation.survival_evidence import survival_document


def rows(units: OutcomeUnits, part: str) -> OutcomeTable:
    n = len(units.patient)
    patient = np.asarray([f"{part}-{name}" for name in units.patients])[units.patient]
    return OutcomeTable(
        patient_id=patient, unit_id=patient, arm=np.full(n, "a"), repeat=units.repeat,
        fold=units.fold, part=np.full(n, part), modalities=np.full(n, "record"),
        outcome=units.outcome, outcome_names=units.outcome_names, predictions=units.predictions,
        prediction_names=units.names,
    )  # fmt: skip


def table(n_test: int = 120, n_held: int = 90) -> OutcomeTable:
    test, held = (
        made_units(n_test, folds=2, repeats=2),
        made_units(n_held, folds=2, repeats=2, seed=9),
    )
    return join_tables([rows(test, "test"), rows(held, "validation")])


def test_limits_of_the_groups_are_those_of_the_validation_patients_of_the_model() -> None:
    made = table()
    group, n_groups = risk_groups(made)
    risk = made.predictions[:, 0]
    assert n_groups == 3
    model = (made.repeat == 2) & (made.fold == 1)
    low, high = np.quantile(risk[model & (made.part == "validation")], [1 / 3, 2 / 3])
    test = model & (made.part == "test")
    np.testing.assert_array_equal(group[test], 1 * (risk[test] > low) + 1 * (risk[test] > high))
    assert (group[made.part == "validation"] == -1).all()
    assert risk_groups(table(n_held=40))[1] == 2


def test_outcomes_and_scores_of_other_test_patients_move_nobody() -> None:
    made = table()
    before, _ = risk_groups(made)
    last = made.part == "test"
    last[np.flatnonzero(last)[:10]] = False
    other = made.predictions.copy()
    other[last, 0] += 5.0
    after, _ = risk_groups(replace(made, predictions=other))
    np.testing.assert_array_equal(after[~last], before[~last])


def test_groups_have_the_log_rank_test_of_one_repeat() -> None:
    made = table()
    found = survival_by_group(made)
    assert found is not None
    group, _ = risk_groups(made)
    kept = (made.repeat == 1) & (made.part == "test")
    expected = survdiff(made.outcome[kept, 0], made.outcome[kept, 1].astype(int), group[kept])
    assert found["log_rank"]["statistic"] == pytest.approx(expected[0])
    assert found["names"] == ["low risk", "middle risk", "high risk"]
    assert sum(g["n_patients"] for g in found["groups"]) == 120
    assert [g["at_risk"][0] for g in found["groups"]] == [
        g["n_patients"] for g in found["groups"]
    ]  # fmt: skip


def test_two_units_of_one_patient_are_one_patient_of_the_log_rank_test() -> None:
    made = table()
    once = survival_by_group(made)
    twice = survival_by_group(join_tables([made, made]))
    assert once is not None
    assert twice is not None
    assert once["log_rank"] == twice["log_rank"]
    np.testing.assert_equal(twice["groups"], once["groups"])


def test_without_validation_patients_there_are_no_groups() -> None:
    assert survival_by_group(rows(made_units(30), "test")) is None


def test_numbers_at_risk_stand_at_round_times() -> None:
    assert nice_days(np.asarray([3.0, 40.0])).tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 40]
    assert nice_days(np.asarray([2000.0])).tolist() == [0, 365.25, 730.5, 1095.75, 1461, 1826.25]


def made_cox(n: int, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicted survival at day 500, its log-hazard too extreme by 1 / slope."""
    rng = np.random.default_rng(6)
    eta = rng.normal(size=n)
    died, left = rng.exponential(700 * np.exp(-eta * slope)), rng.exponential(1200, n)
    survival = np.exp(-500 / 700 * np.exp(eta))
    return survival, np.minimum(died, left), died <= left


def test_right_predictions_are_found_right() -> None:
    found = calibration_at(*made_cox(3000), 500)
    assert found["ratio"]["ci_low"] < 1 < found["ratio"]["ci_high"]
    assert found["slope"]["ci_low"] < 1 < found["slope"]["ci_high"]
    for group in found["groups"]:
        assert group["predicted"] == pytest.approx(group["observed"], abs=0.06)
    assert [group["n_patients"] for group in found["groups"]] == [600] * 5


def test_observed_risk_is_one_minus_kaplan_meier() -> None:
    survival, time, event = made_cox(200)
    found = calibration_at(survival, time, event, 500)
    curve = kaplan_meier(time, event)
    assert found["overall"]["observed"] == 1 - curve.survival_at(np.asarray([500.0]))[0]
    assert found["overall"]["ci_low"] < found["overall"]["observed"] < found["overall"]["ci_high"]


def test_predictions_that_are_too_extreme_have_a_slope_below_one() -> None:
    found = calibration_slope(*made_cox(3000, slope=0.5))
    assert found["value"] == pytest.approx(0.5, abs=0.06)
    survival, time, event = made_cox(50)
    assert np.isnan(calibration_slope(np.full(50, 0.5), time, event)["value"])
    assert np.isnan(calibration_slope(survival, time, np.zeros(50, dtype=bool))["value"])


def test_the_document_counts_patients_once_and_is_plain_data() -> None:
    import json

    document = survival_document(table(), rng=np.random.default_rng(0))
    json.dumps(document)
    assert document["follow_up"]["n_patients"] == 120
    assert document["horizons"] == [365, 1095, 1826]
    over_time = document["arms"]["a"]["auroc_over_time"]
    assert (np.asarray(over_time["ci_low"]) < over_time["value"]).all()
    assert document["arms"]["a"]["calibration"][0]["overall"]["n_patients"] == 120
