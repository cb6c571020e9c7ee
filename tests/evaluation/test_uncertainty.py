"""The split of uncertainty, by hand and by scipy, and whether it finds errors."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from tumorboard.evaluation.uncertainty import MemberPredictions, uncertainty, uncertainty_document


def test_equal_members_disagree_on_nothing_and_opposite_ones_on_everything():
    same = np.tile(
        [
            [[0.5, 0.5]],
        ],
        (4, 1, 1),
    )
    found = uncertainty(same)
    assert (found.total[0], found.aleatoric[0], found.epistemic[0]) == (1, 1, 0)
    found = uncertainty(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    assert (found.total[0], found.aleatoric[0], found.epistemic[0]) == (1, 0, 1)


def test_parts_equal_scipy_and_add_up():
    p = np.random.default_rng(0).dirichlet([1, 2, 3], size=(5, 20))
    found = uncertainty(p)
    np.testing.assert_allclose(found.total, stats.entropy(p.mean(axis=0), base=2, axis=1))
    np.testing.assert_allclose(found.aleatoric, stats.entropy(p, base=2, axis=2).mean(axis=0))
    np.testing.assert_allclose(found.total, found.aleatoric + found.epistemic)
    kl = np.mean([stats.entropy(m, p.mean(axis=0), base=2, axis=1) for m in p], axis=0)
    np.testing.assert_allclose(found.epistemic, kl, atol=1e-12)  # mean divergence from the mean


def _model(n=200, fold=1, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n) * 2
    members = 1 / (1 + np.exp(-(z + rng.normal(size=(5, n)))))
    outcome = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.int64)
    ids = np.array([f"{fold}-{i}" for i in range(n)])
    return MemberPredictions(1, fold, ids, outcome, np.stack([1 - members, members], axis=2))


def test_auroc_for_errors_equals_scikit_learn_within_models():
    models = [_model(fold=f, seed=f) for f in (1, 2)]
    found = uncertainty_document(
        {
            "a": models,
            "single": [
                MemberPredictions(
                    1, 1, models[0].patient_id, models[0].outcome, models[0].probabilities[:1]
                )
            ],
        }
    )
    assert list(found) == ["a"]
    each = []
    for m in models:
        wrong = m.probabilities.mean(axis=0).argmax(axis=1) != m.outcome
        each.append(roc_auc_score(wrong, uncertainty(m.probabilities).total))
    finds = found["a"]["kinds"]["total"]["finds_errors"]
    assert finds["value"] == pytest.approx(np.mean(each), abs=1e-12)
    assert 0.5 < finds["ci_low"] < finds["value"] < finds["ci_high"]
    total = found["a"]["kinds"]["total"]
    assert total["mean_of_errors"] > total["mean"] > total["mean_of_right"]
    assert found["a"]["n_members"] == 5
    assert found["a"]["n_patients"] == 400


def test_no_errors_have_no_auroc_and_few_patients_no_interval():
    sure = np.tile([[[0.9, 0.1]] * 12], (3, 1, 1))
    model = MemberPredictions(1, 1, np.arange(12), np.zeros(12, dtype=np.int64), sure)
    kind = uncertainty_document({"a": [model]})["a"]["kinds"]["total"]
    assert np.isnan([kind["finds_errors"]["value"], kind["mean_of_errors"]]).all()
    few = _model(8)
    kind = uncertainty_document({"a": [few]})["a"]["kinds"]["total"]
    assert np.isnan(kind["finds_errors"]["ci_low"])
