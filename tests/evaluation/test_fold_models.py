"""Scores and confusion matrices of single models against hand counts."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.evaluation.fold_models import fold_models_document
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.prediction_table import concatenate


def test_every_model_has_its_own_matrix_by_hand(make_table) -> None:
    first = make_table([0, 0, 1, 1], [0.2, 0.7, 0.4, 0.9], fold=1)
    second = make_table([0, 1, 1], [0.1, 0.6, 0.3], fold=2, prefix="q")
    chooses = make_table([0, 1], [0.9, 0.1], fold=1, part="validation", prefix="v")
    found = fold_models_document(concatenate([second, first, chooses]), {})
    assert found["classes"] == ["benign", "malignant"]
    one, two = found["arms"]["a"]
    assert (one["repeat"], one["fold"], one["n_patients"]) == (1, 1, 4)
    assert one["confusion"] == [[1, 1], [1, 1]]
    assert one["scores"]["accuracy"] == pytest.approx(0.5)
    assert one["scores"]["auroc"] == pytest.approx(3 / 4)
    assert two["confusion"] == [[1, 0], [1, 1]]
    # F1 of benign is 2 / 3, that of malignant 2 / 3
    assert two["scores"]["macro_f1"] == pytest.approx(2 / 3)


def test_a_model_calls_at_its_own_threshold(make_table) -> None:
    table = make_table([0, 0, 1, 1], [0.2, 0.7, 0.4, 0.9], fold=3)
    (found,) = fold_models_document(table, {("a", 1, 3): 0.8})["arms"]["a"]
    assert found["confusion"] == [[2, 0], [1, 1]]


def test_several_classes_are_called_by_the_largest_and_unknown_outcomes_left_out(
    make_table,
) -> None:
    p = np.asarray([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3]])
    (found,) = fold_models_document(make_table([0, 1, 2, -1], p), {})["arms"]["a"]
    assert found["confusion"] == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert found["n_units"] == 3
    assert found["scores"]["balanced_accuracy"] == pytest.approx(1 / 3)


def test_models_of_numbers_have_scores_and_no_matrix() -> None:
    ids = np.asarray(["a", "b", "c"])
    table = OutcomeTable(
        patient_id=ids, unit_id=ids, arm=np.full(3, "ct"), repeat=np.ones(3, dtype=np.int64),
        fold=np.ones(3, dtype=np.int64), part=np.full(3, "test"), modalities=np.full(3, "ct"),
        outcome=np.asarray([[1.0], [2.0], [3.0]]), outcome_names=("score",),
        predictions=np.asarray([[1.0], [2.0], [6.0]]), prediction_names=("predicted_score",),
    )  # fmt: skip
    document = fold_models_document(table, {})
    assert document["classes"] == []
    (found,) = document["arms"]["ct"]
    assert "confusion" not in found
    assert found["scores"]["mae"] == pytest.approx(1.0)
    assert found["scores"]["spearman"] == pytest.approx(1.0)
