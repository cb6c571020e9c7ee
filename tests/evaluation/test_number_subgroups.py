"""Subgroups of survival and regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tumorboard.evaluation.number_subgroups import number_subgroups_document
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.study_keys import Primary

N = 60


def table_of(arm: str, predictions: np.ndarray, outcome: np.ndarray) -> OutcomeTable:
    """One arm on one split; two columns of outcomes are follow-up and event."""
    ids, ones = np.asarray([f"P{i}" for i in range(N)]), np.ones(N, np.int64)
    is_survival = outcome.shape[1] == 2
    return OutcomeTable(
        patient_id=ids, unit_id=ids, arm=np.full(N, arm), repeat=ones, fold=ones,
        part=np.full(N, "test"), modalities=np.full(N, "record"), outcome=outcome,
        outcome_names=("time_days", "event") if is_survival else ("size",),
        predictions=predictions[:, None], prediction_names=("risk_score",) if is_survival
        else ("size",),
    )  # fmt: skip


def joined(one: OutcomeTable, two: OutcomeTable) -> OutcomeTable:
    names = ("patient_id", "unit_id", "arm", "repeat", "fold", "part", "modalities", "outcome",
             "predictions")  # fmt: skip
    return replace(one, **{k: np.concatenate([getattr(one, k), getattr(two, k)]) for k in names})


def test_an_arm_that_is_right_in_one_sex_only() -> None:
    time = 10.0 * np.arange(1, N + 1)
    outcome = np.column_stack([time, (np.arange(N) % 3 > 0).astype(float)])
    female = np.arange(N) < 40
    good, half = -time, np.where(female, -time, time)
    table = joined(table_of("half", half, outcome), table_of("good", good, outcome))
    sex = {f"P{i}": "f" if female[i] else "m" if i < 55 else "x" for i in range(N)}
    primary = Primary(arm="half", reference="good", metric="c_index")
    rng = np.random.default_rng(0)
    found = number_subgroups_document(table, {"sex": sex}, primary=primary, rng=rng)
    (column,) = found["columns"]
    groups = {group["group"]: group for group in column["groups"]}
    assert groups["f"]["arms"]["half"]["c_index"]["value"] == 1.0
    assert groups["m"]["arms"]["half"]["c_index"]["value"] == 0.0
    assert groups["m"]["arms"]["good"]["c_index"]["value"] == 1.0
    assert groups["m"]["gain"]["c_index"]["difference"] == -1.0
    assert groups["m"]["n_events"] == int(outcome[40:55, 1].sum())
    assert (groups["x"]["refused"], groups["x"]["n_patients"]) == (True, "1 to 9")
    assert column["largest"] == "f"
    (apart,) = [row for row in column["differences"] if row["arm"] == "half"]
    assert apart["difference"] == -1.0
    (more,) = column["interactions"]
    assert more["difference"] == -1.0


def test_intervals_of_a_regression_hold_what_a_formula_says() -> None:
    rng = np.random.default_rng(1)
    size = rng.normal(0, 1, N)
    error = rng.normal(0, 1, N)
    table = joined(
        table_of("one", size + error, size[:, None]), table_of("two", size, size[:, None])
    )
    half = {f"P{i}": "ab"[i % 2] for i in range(N)}
    primary = Primary(arm="one", reference="two", metric="mae")
    found = number_subgroups_document(table, {"half": half}, primary=primary, rng=rng)
    assert found["metrics"] == ["mae", "r2", "spearman"]
    (column,) = found["columns"]
    own = column["groups"][0]
    assert own["n_events"] is None
    errors = np.abs(error[0::2])
    mae = own["arms"]["one"]["mae"]
    assert mae["value"] == pytest.approx(errors.mean())
    spread = 1.96 * errors.std(ddof=1) / np.sqrt(len(errors))
    assert mae["ci_low"] == pytest.approx(errors.mean() - spread, abs=0.3 * spread)
    assert mae["ci_high"] == pytest.approx(errors.mean() + spread, abs=0.3 * spread)
    # groups share no patient: their variances add
    rows = [row for row in column["differences"] if (row["arm"], row["metric"]) == ("one", "mae")]
    other = np.abs(error[1::2])
    assert abs(rows[0]["difference"]) == pytest.approx(abs(errors.mean() - other.mean()))
    width = rows[0]["ci_high"] - rows[0]["ci_low"]
    expected = 2 * 1.96 * np.sqrt(errors.var(ddof=1) / 30 + other.var(ddof=1) / 30)
    assert width == pytest.approx(expected, rel=0.25)
    assert rows[0]["p_value_holm"] >= rows[0]["p_value"] > 0.01
