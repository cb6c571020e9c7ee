"""Subsets of modalities of survival and regression, and the table that holds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import r2_score

from tumorboard.errors import InputError
from tumorboard.evaluation.number_subsets import number_subsets_document
from tumorboard.evaluation.outcome_probes import (
    OutcomeProbes,
    join_outcome_probes,
    read_outcome_probes,
    write_outcome_probes,
)
from tumorboard.evaluation.outcome_table import OutcomeTable

N = 40


def make_table(predictions: np.ndarray, *, shown: str = "a+b", n: int = N) -> OutcomeTable:
    """Patients who die on days 100, 200, ... in their order, half of them in each of two folds."""
    ids = np.asarray([f"P{i}" for i in range(n)])
    days = 100.0 * np.arange(1, n + 1)
    outcome = np.column_stack([days, np.ones(n)]).astype(np.float64)
    return OutcomeTable(
        patient_id=ids, unit_id=ids, arm=np.full(n, "fused"), repeat=np.ones(n, np.int64),
        fold=1 + np.arange(n) % 2, part=np.full(n, "test"), modalities=np.full(n, shown),
        outcome=outcome, outcome_names=("time_days", "event"), predictions=predictions,
        prediction_names=("risk_score", "survival_1050"),
    )  # fmt: skip


def survival(*, risk: np.ndarray, sure: float) -> np.ndarray:
    """Risks, and survival past day 1050 that is told apart by so much."""
    late = np.arange(len(risk)) >= 10
    return np.column_stack([risk, np.where(late, 0.5 + sure, 0.5 - sure)])


def made_probes() -> OutcomeProbes:
    """Right with both, wrong way round with a alone; ten patients have a third modality hidden."""
    right = -np.arange(float(N))
    whole = make_table(survival(risk=right, sure=0.25))
    alone = make_table(survival(risk=-right, sure=0.0), shown="a")
    few = make_table(survival(risk=right, sure=0.25), shown="b").take(np.arange(9))
    learned = np.ones(N, dtype=np.bool_)
    return join_outcome_probes(
        [
            OutcomeProbes.of(whole, learned),
            OutcomeProbes.of(alone, ~learned, probe="missing_modality", strength=1.0),
            OutcomeProbes.of(few, learned[:9], probe="missing_modality", strength=1.0),
            OutcomeProbes.of(alone, learned, probe="noise", strength=0.5),
        ]
    )


def test_a_subset_is_compared_with_everything_of_the_same_patients() -> None:
    probes = made_probes()
    whole = probes.take(probes.probe == "none").predictions
    document = number_subsets_document(whole, probes, rng=np.random.default_rng(0))
    arm = document["arms"]["fused"]
    assert arm["modalities"] == ["a", "b"]
    assert [entry["modalities"] for entry in arm["present"]] == ["a+b"]
    everything, alone, few = arm["shown"]
    assert everything["metrics"]["c_index"]["value"] == 1.0
    assert np.isnan(everything["metrics"]["c_index"]["ci_low"])  # every resample is equal
    assert "drop" not in everything
    assert alone["metrics"]["c_index"]["value"] == 0.0
    assert alone["drop"]["c_index"]["value"] == 1.0
    assert (everything["is_learned"], alone["is_learned"]) == (True, False)
    # a Brier score is worse where it is higher, so its drop is above 0 as well
    brier = [entry["metrics"]["integrated_brier"]["value"] for entry in (alone, everything)]
    drop = alone["drop"]["integrated_brier"]
    assert drop["value"] == pytest.approx(brier[0] - brier[1])
    assert 0 < drop["ci_low"] < drop["value"] < drop["ci_high"]
    assert (few["n_patients"], few["n_events"]) == (9, 9)
    assert few["is_refused"]
    assert few["metrics"] == {}


def test_numbers_of_a_regression() -> None:
    probes = made_probes()
    names = ("predicted_x", "predicted_y")
    table = replace(probes.predictions, outcome_names=("x", "y"), prediction_names=names)
    probes = replace(probes, predictions=table)
    whole = probes.take(probes.probe == "none").predictions
    document = number_subsets_document(whole, None, rng=np.random.default_rng(0))
    assert document["metrics"] == ["r2", "spearman"]
    entry = document["arms"]["fused"]["present"][0]
    assert entry["n_events"] == 0
    assert set(entry["metrics"]) == {"r2", "spearman", "r2_x", "r2_y"}
    assert document["arms"]["fused"]["shown"] == []


def test_a_written_table_reads_back(tmp_path: Path) -> None:
    probes, path = made_probes(), tmp_path / "probes.csv"
    write_outcome_probes(path, probes)
    header = path.read_text().splitlines()[0].split(",")
    assert header[header.index("modalities") + 1 :][:3] == ["probe", "strength", "learned"]
    again = read_outcome_probes(path)
    for name in ("probe", "strength", "is_learned"):
        np.testing.assert_array_equal(getattr(again, name), getattr(probes, name))
    np.testing.assert_array_equal(again.predictions.predictions, probes.predictions.predictions)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(InputError, match=r"row 131, patient 'P0': unit 'P0' .* is there twice"):
        read_outcome_probes(path)


def test_of_several_numbers_each_has_its_own_r2() -> None:
    rng = np.random.default_rng(1)
    table = make_table(rng.normal(size=(N, 2)))
    truth = table.outcome + 0.0
    truth[:, 1] = rng.normal(size=N)
    own = replace(table, outcome=truth, outcome_names=("size", "age"),
                  prediction_names=("predicted_size", "predicted_age"))  # fmt: skip
    document = number_subsets_document(own, None, rng=rng, n_bootstrap=50)
    assert document["metrics"] == ["r2", "spearman"]
    found = document["arms"]["fused"]["present"][0]["metrics"]
    values = [found[name]["value"] for name in ("r2", "r2_size", "r2_age")]
    assert values[0] == pytest.approx((values[1] + values[2]) / 2)
    assert values[2] == pytest.approx(r2_score(truth[:, 1], own.predictions[:, 1]))
