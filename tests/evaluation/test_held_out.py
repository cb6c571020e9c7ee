import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tumorboard.evaluation.held_out import held_out_document, short_metrics
from tumorboard.evaluation.prediction_table import concatenate
from tumorboard.records import Estimate
from tumorboard.study_keys import Primary


@pytest.fixture
def scored(make_table):
    rng = np.random.default_rng(0)
    target = np.repeat([0, 1], [40, 20])
    each, ensembles = [], []
    for arm, signal in (("fused", 2.0), ("record", 1.0)):
        folds = [
            make_table(
                target, 1 / (1 + np.exp(-(signal * target + rng.normal(size=60)))), arm=arm, fold=f
            )
            for f in (1, 2, 3)
        ]
        each += folds
        mean = np.mean([t.probabilities for t in folds], axis=0)
        ensembles.append(dataclasses.replace(folds[0], probabilities=mean))
    return concatenate(each), concatenate(ensembles)


def document(scored, primary: Primary | None = None):
    each, ensemble = scored
    return held_out_document(
        each, ensemble, thresholds={("fused", 1, 2): 0.9},
        ensemble_thresholds={("fused", 1, 1): 0.7},
        primary=primary or Primary(arm="fused", reference="record"),
        n_bootstrap=200, rng=np.random.default_rng(1),
    )  # fmt: skip


def test_models_and_ensemble_are_scored_on_the_same_patients(scored) -> None:
    each, ensemble = scored
    found = document(scored)
    assert (found["n_patients"], found["n_units"]) == (60, 60)
    assert found["outcome"] == {"benign": 40, "malignant": 20}
    own = ensemble.of_arm("fused")
    auroc = found["arms"]["fused"]["ensemble"]["auroc"]
    assert auroc["value"] == pytest.approx(roc_auc_score(own.outcome, own.probabilities[:, 1]))
    for fold, value in zip((1, 2, 3), found["arms"]["fused"]["models"]["auroc"], strict=True):
        model = each.take((each.arm == "fused") & (each.fold == fold))
        assert value == pytest.approx(roc_auc_score(model.outcome, model.probabilities[:, 1]))


def test_each_model_decides_at_its_own_threshold(scored) -> None:
    each, ensemble = scored
    found = document(scored)["arms"]["fused"]
    at_own = [0.5, 0.9, 0.5]
    for fold, threshold in zip((1, 2, 3), at_own, strict=True):
        model = each.take((each.arm == "fused") & (each.fold == fold) & (each.outcome == 1))
        expected = (model.probabilities[:, 1] >= threshold).mean()
        assert found["models"]["sensitivity"][fold - 1] == pytest.approx(expected)
    sick = ensemble.of_arm("fused")
    sick = sick.take(sick.outcome == 1)
    expected = (sick.probabilities[:, 1] >= 0.7).mean()
    assert found["ensemble"]["sensitivity"]["value"] == pytest.approx(expected)


def test_every_model_has_its_confusion_matrix(scored) -> None:
    each, _ = scored
    models = document(scored)["fold_models"]["arms"]["fused"]
    assert [model["fold"] for model in models] == [1, 2, 3]
    own = each.take((each.arm == "fused") & (each.fold == 2))
    called = own.probabilities[:, 1] >= 0.9
    expected = [[int(((own.outcome == t) & (called == c)).sum()) for c in (0, 1)] for t in (0, 1)]
    assert models[1]["confusion"] == expected


def test_the_pre_declared_comparison_is_made_once_by_the_ensembles(scored) -> None:
    found = document(scored)
    arms = found["arms"]
    difference = (
        arms["fused"]["ensemble"]["auroc"]["value"] - arms["record"]["ensemble"]["auroc"]["value"]
    )
    assert found["comparison"]["difference"] == pytest.approx(difference)
    assert found["comparison"]["n_patients"] == 60
    assert document(scored, Primary(arm="fused", reference="absent"))["comparison"] is None


def test_what_a_ledger_keeps_is_plain(scored) -> None:
    kept = short_metrics(document(scored)["arms"]["fused"]["ensemble"])
    assert set(kept["auroc"]) == {f.name for f in dataclasses.fields(Estimate)}
    assert kept["auroc"]["ci_low"] < kept["auroc"]["value"] < kept["auroc"]["ci_high"]
    assert "confusion_benign_benign" not in kept
