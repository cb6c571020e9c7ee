"""Calibration of predicted numbers against hand counts."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.regression import regression_document


def made(said: list[float], seen: list[float], repeats: int = 1) -> OutcomeTable:
    n = len(said)
    ids = np.asarray([f"P{k:02d}" for k in range(n)] * repeats)
    return OutcomeTable(
        patient_id=ids, unit_id=ids, arm=np.full(n * repeats, "ct"),
        repeat=np.repeat(np.arange(1, repeats + 1), n), fold=np.ones(n * repeats, dtype=np.int64),
        part=np.full(n * repeats, "test"), modalities=np.full(n * repeats, "ct"),
        outcome=np.tile(np.asarray(seen)[:, None], (repeats, 1)), outcome_names=("score",),
        predictions=np.concatenate([np.asarray(said) + r for r in range(repeats)])[:, None],
        prediction_names=("predicted_score",),
    )  # fmt: skip


def test_slope_and_intercept_by_hand() -> None:
    found = regression_document(made([0, 1, 2, 3], [1, 3, 5, 7]))["arms"]["ct"]["score"]
    assert found["slope"] == pytest.approx(2.0)
    assert found["intercept"] == pytest.approx(1.0)


def test_repeats_are_averaged_per_unit() -> None:
    found = regression_document(made([0, 1, 2], [0, 1, 2], repeats=2))["arms"]["ct"]["score"]
    assert found["points"] == [[0.5, 0.0], [1.5, 1.0], [2.5, 2.0]]


def test_groups_are_fifths_of_the_predictions() -> None:
    said = [float(k) for k in range(50)]
    groups = regression_document(made(said, said))["arms"]["ct"]["score"]["groups"]
    assert [g["n"] for g in groups] == [10] * 5
    assert [g["predicted"] for g in groups] == [4.5, 14.5, 24.5, 34.5, 44.5]
    assert [g["observed"] for g in groups] == [4.5, 14.5, 24.5, 34.5, 44.5]
