"""Permutation importance: of the only column, of one that is not used, of rows of one patient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from tables import ask

from tumorboard.errors import InputError
from tumorboard.explain import permutation_importance
from tumorboard.explain.permutation_importance import PermutationImportance
from tumorboard.models.baselines.logistic_regression import LogisticRegression
from tumorboard.prediction.permutation import NumberUnits, Units, exchanged

LOGISTIC = {"modalities": ["record"], "baseline": {"name": "logistic_regression"}}


def test_only_the_used_column_matters(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm=LOGISTIC, n=400)
    baseline = asked.fitted.baseline
    assert isinstance(baseline, LogisticRegression)
    state = baseline.state()
    coefficients = np.zeros_like(state.arrays["coefficients"])
    coefficients[0, 0] = 1.0  # age alone
    baseline.restore(replace(state, arrays={**state.arrays, "coefficients": coefficients}))
    found = PermutationImportance(repeats=20).explain(asked).importance
    assert found is not None
    assert found.features == ("age", "marker", "size", "sex")
    assert found.drop[1:] == pytest.approx(0.0, abs=1e-12)
    assert found.ci_low[1:] == pytest.approx(0.0, abs=1e-12)
    age = [float(asked.cohort.columns["age"][row]) for row in asked.rows]
    assert asked.outcomes is not None
    auroc = roc_auc_score(asked.outcomes.target[asked.rows], age)
    assert auroc > 0.65
    assert found.drop[0] == pytest.approx(auroc - 0.5, abs=0.03)
    assert found.ci_low[0] < found.drop[0] < found.ci_high[0]
    assert found.ci_low[0] > 0


@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_columns_and_modalities_of_a_network(
    tmp_path: Path, metric: Literal["auroc", "log_loss"]
) -> None:
    arm = {"modalities": ["image", "record", "lab"], "fusion": "gated"}
    asked = ask(tmp_path, arm=arm, n_classes=3)
    found = PermutationImportance(metric=metric).explain(asked).importance
    assert found is not None
    assert found.metric == metric
    assert found.features == (
        "age", "marker", "size", "sex", "lactate", "glucose", "image", "record", "lab",
    )  # fmt: skip
    assert np.isfinite(found.drop).all()
    assert (found.ci_low <= found.ci_high).all()


def test_modalities_of_an_arm_without_columns(tmp_path: Path) -> None:
    """Such as an image and a note: each moves as a whole."""
    asked = ask(tmp_path, arm={"modalities": ["image", "second"], "fusion": "gated"})
    found = PermutationImportance().explain(asked).importance
    assert found is not None
    assert found.features == found.modalities == ("image", "second")
    assert np.isfinite(found.drop).all()


def test_few_patients_have_no_interval(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm=LOGISTIC, n=48)
    explanation = PermutationImportance().explain(asked)
    assert explanation.importance is not None
    assert np.isnan(explanation.importance.ci_low).all()
    assert explanation.remarks == ("8 patients: too few for an interval.",)


def test_patients_are_exchanged_not_rows() -> None:
    patient = np.array([0, 0, 0, 1, 2, 2])
    has = np.array([True, True, True, True, True, False])
    for seed in range(20):
        source = exchanged(patient, has, np.random.default_rng(seed))
        assert source[5] == 5  # without the input
        giver = {p: set(patient[source[(patient == p) & has]]) for p in range(3)}
        assert all(len(givers) == 1 for givers in giver.values())
        assert {next(iter(givers)) for givers in giver.values()} == {0, 1, 2}
        if giver[1] == {0}:
            assert source[3] == 0
        if giver[0] == {0}:
            assert source[:3].tolist() == [0, 1, 2]
        if giver[0] == {2}:
            assert source[:3].tolist() == [4, 4, 4]


def test_units_average_their_rows() -> None:
    units = Units.of(["a", "b", "a"], np.array([0, 1, 0]), np.array([1, 0, 1]))
    mean = units.mean(np.array([[0.8, 0.2], [0.5, 0.5], [0.4, 0.6]]))
    assert mean[:, 1] == pytest.approx([0.4, 0.5])


def test_refuses(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm={"modalities": ["image"]})
    assert "one image alone" in PermutationImportance().refuses(asked.fitted)
    table = replace(ask(tmp_path, arm=LOGISTIC), outcomes=None)
    with pytest.raises(InputError, match="no patient's outcome is known"):
        PermutationImportance().explain(table)


def test_many_columns_move_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permutation_importance, "MOST_COLUMNS", 2)
    asked = ask(tmp_path, arm={"modalities": ["record", "lab"], "fusion": "gated"})
    found = PermutationImportance(repeats=1).explain(asked).importance
    assert found is not None
    assert found.features == ("lactate", "glucose", "record", "lab")
    found = PermutationImportance(repeats=1).explain(ask(tmp_path, arm=LOGISTIC)).importance
    assert found is not None
    assert found.features == ("record",)


@pytest.mark.parametrize("metric", ["c_index", "r2"])
def test_numbers_of_units_and_their_metric(metric: str) -> None:
    days, risk = np.asarray([100.0, 200.0, 300.0]), np.asarray([3.0, 1.0, 2.0])
    is_survival = metric == "c_index"
    outcome = np.column_stack([days, np.ones(3)]) if is_survival else days[:, None]
    units = NumberUnits.of(
        ["a", "a", "b", "c"], np.asarray([0, 0, 1, 2]), outcome[[0, 0, 1, 2]],
        outcome_names=("time_days", "event") if is_survival else ("days",),
        names=("risk_score",) if is_survival else ("days",),
    )  # fmt: skip
    said = units.mean(np.asarray([2.0, 4.0, 1.0, 2.0])[:, None])
    assert said[:, 0].tolist() == risk.tolist()
    # of three pairs the first two are in the right order; R2 is one minus errors over spread
    right = 2 / 3 if is_survival else 1 - np.square(days - risk).sum() / 20000
    assert units.metric(metric, said, np.ones((1, 3))) == pytest.approx(right)
    alone = units.metric(metric, said, np.asarray([[0.0, 1.0, 1.0]]))
    assert alone == pytest.approx(0.0 if is_survival else 1 - (199**2 + 298**2) / 5000)
