from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from tumorboard.errors import StudyError
from tumorboard.evaluation.classification import score
from tumorboard.study_keys import METRICS


def _binary(seed: int = 0, n: int = 60):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 2, n)
    positive = np.round(np.clip(0.3 * target + rng.random(n) * 0.7, 0, 1), 2)  # rounded: ties
    return target, np.stack([1 - positive, positive], axis=1), rng.random(n) + 0.1


def _three(seed: int = 1, n: int = 90):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, n)
    raw = rng.random((n, 3)) + 0.8 * np.eye(3)[target]
    return target, raw / raw.sum(axis=1, keepdims=True), rng.random(n) + 0.1


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_binary_metrics_equal_scikit_learn(threshold):
    target, probabilities, weight = _binary()
    positive = probabilities[:, 1]
    called = (positive >= threshold).astype(int)
    expected = {
        "auroc": sk.roc_auc_score(target, positive, sample_weight=weight),
        "auprc": sk.average_precision_score(target, positive, sample_weight=weight),
        "accuracy": sk.accuracy_score(target, called, sample_weight=weight),
        "balanced_accuracy": sk.balanced_accuracy_score(target, called, sample_weight=weight),
        "sensitivity": sk.recall_score(target, called, sample_weight=weight),
        "specificity": sk.recall_score(target, called, pos_label=0, sample_weight=weight),
        "ppv": sk.precision_score(target, called, sample_weight=weight),
        "npv": sk.precision_score(target, called, pos_label=0, sample_weight=weight),
        "f1": sk.f1_score(target, called, sample_weight=weight),
        "macro_f1": sk.f1_score(target, called, average="macro", sample_weight=weight),
        "mcc": sk.matthews_corrcoef(target, called, sample_weight=weight),
        "brier": sk.brier_score_loss(target, positive, sample_weight=weight),
        "log_loss": sk.log_loss(target, probabilities, sample_weight=weight),
    }
    assert set(expected) == set(METRICS)
    for name, value in expected.items():
        found = score(
            name, target=target, probabilities=probabilities, weight=weight, threshold=threshold
        )
        assert found == pytest.approx(value, abs=1e-9), name


def test_metrics_of_three_classes_equal_scikit_learn():
    target, probabilities, weight = _three()
    called = probabilities.argmax(axis=1)
    one_hot = np.eye(3)[target]
    kept: dict[str, Any] = {"sample_weight": weight}
    expected = {
        "auroc": sk.roc_auc_score(target, probabilities, multi_class="ovr", **kept),
        "auprc": sk.average_precision_score(one_hot, probabilities, average="macro", **kept),
        "accuracy": sk.accuracy_score(target, called, **kept),
        "balanced_accuracy": sk.balanced_accuracy_score(target, called, **kept),
        "sensitivity": sk.recall_score(target, called, average="macro", **kept),
        "ppv": sk.precision_score(target, called, average="macro", **kept),
        "f1": sk.f1_score(target, called, average="macro", **kept),
        "macro_f1": sk.f1_score(target, called, average="macro", **kept),
        "mcc": sk.matthews_corrcoef(target, called, **kept),
        "brier": sk.brier_score_loss(target, probabilities, **kept),
        "log_loss": sk.log_loss(target, probabilities, **kept),
        "specificity": np.mean(
            [sk.recall_score(target != k, called != k, **kept) for k in range(3)]
        ),
        "npv": np.mean([sk.precision_score(target != k, called != k, **kept) for k in range(3)]),
    }
    assert set(expected) == set(METRICS)
    for name, value in expected.items():
        found = score(name, target=target, probabilities=probabilities, weight=weight)
        assert found == pytest.approx(value, abs=1e-9), name


def test_what_is_undefined_is_nan_and_never_zero():
    target = np.array([0, 0, 1, 1])
    never = np.tile([0.9, 0.1], (4, 1))
    weight = np.ones(4)
    assert np.isnan(score("ppv", target=target, probabilities=never, weight=weight))
    assert np.isnan(score("mcc", target=target, probabilities=never, weight=weight))
    assert score("sensitivity", target=target, probabilities=never, weight=weight) == 0
    assert score("f1", target=target, probabilities=never, weight=weight) == 0
    for name in ("auroc", "auprc", "sensitivity", "balanced_accuracy"):
        one_class = score(
            name, target=np.zeros(4, dtype=np.int64), probabilities=never, weight=weight
        )
        assert np.isnan(one_class), name
    empty = np.empty(0, dtype=np.int64)
    assert np.isnan(
        score("brier", target=empty, probabilities=np.empty((0, 2)), weight=np.empty(0))
    )


def test_all_scores_equal_is_an_auroc_of_one_half():
    target = np.array([0, 1, 1, 0, 1])
    flat = np.full((5, 2), 0.5)
    assert score("auroc", target=target, probabilities=flat, weight=np.ones(5)) == 0.5
    assert score("auprc", target=target, probabilities=flat, weight=np.ones(5)) == pytest.approx(
        0.6
    )


def test_unknown_metric_suggests_the_nearest():
    with pytest.raises(StudyError, match=r"'aurok' is not a metric\. Did you mean 'auroc'\?"):
        score(
            "aurok", target=np.array([0, 1]), probabilities=np.full((2, 2), 0.5), weight=np.ones(2)
        )
