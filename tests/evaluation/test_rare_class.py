from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tumorboard.evaluation.estimates import wilson_interval
from tumorboard.evaluation.prediction_table import PredictionTable, concatenate
from tumorboard.evaluation.rare_class import rare_class_document
from tumorboard.records import Estimate

SIZES = {(1, fold): {"train": 40, "test": 20} for fold in (1, 2, 3)}


def _probabilities(target: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    logits = rng.normal(size=(len(target), 3)) + strength * np.eye(3)[target]
    logits[:, 2] -= 1.5  # the rare class is hardly ever the largest, whatever its rank
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


@pytest.fixture
def table(make_table) -> PredictionTable:
    """Two arms on three folds of 60 units, three to a patient; 6 of 60 are of the last class."""
    rng = np.random.default_rng(3)
    target = np.tile([0, 0, 0, 0, 0, 1, 1, 1, 1, 2], 6)
    parts = [
        make_table(
            target,
            _probabilities(target, strength, rng),
            arm=arm,
            fold=fold,
            prefix=f"f{fold}-",
            patient=np.arange(60) // 3,
        )
        for arm, strength in (("plain", 1.0), ("more", 3.0))
        for fold in (1, 2, 3)
    ]
    return concatenate(parts)


def _found(
    table: PredictionTable, metrics: Mapping[str, Mapping[str, Estimate]] | None = None
) -> dict[str, Any] | None:
    return rare_class_document(
        table, metrics or {arm: {} for arm in table.arms}, reference="plain", sizes=SIZES,
        n_bootstrap=200, rng=np.random.default_rng(0),
    )  # fmt: skip


def _document(
    table: PredictionTable, metrics: Mapping[str, Mapping[str, Estimate]] | None = None
) -> dict[str, Any]:
    document = _found(table, metrics)
    assert document is not None
    return document


def test_counts_and_areas_are_those_of_the_rows(table) -> None:
    document = _document(table)
    assert (document["class"], document["n_units"], document["n_all"]) == ("z", 18, 180)
    rows = table.of_arm("more")
    is_class, p = rows.outcome == 2, rows.probabilities[:, 2]
    called = rows.probabilities.argmax(axis=1) == 2
    more = document["arms"]["more"]
    assert more["found"] == (is_class & called).sum()
    assert (more["called"], more["of"]) == (called.sum(), 18)
    of_fold = [rows.fold == fold for fold in (1, 2, 3)]
    areas = [roc_auc_score(is_class[f], p[f]) for f in of_fold]
    precisions = [average_precision_score(is_class[f], p[f]) for f in of_fold]
    assert more["auroc"]["value"] == pytest.approx(np.mean(areas), abs=1e-12)
    assert more["auprc"]["value"] == pytest.approx(np.mean(precisions), abs=1e-12)
    n = len(set(rows.patient_id[is_class].tolist()))  # 18 units are not 18 patients
    assert document["n_patients"] == n < 19
    assert more["sensitivity"]["value"] == pytest.approx(more["found"] / 18)
    assert more["sensitivity"]["ci_high"] == pytest.approx(
        wilson_interval(more["found"] / 18, n)[1]
    )


def test_differences_are_means_over_folds_and_the_reference_has_none(table) -> None:
    document = _document(table)
    assert document["arms"]["plain"]["differences"] == {}
    found = document["arms"]["more"]["differences"]["sensitivity"]
    recalls = {}
    for arm in ("plain", "more"):
        rows = table.of_arm(arm)
        right = rows.probabilities.argmax(axis=1) == 2
        recalls[arm] = [right[(rows.fold == f) & (rows.outcome == 2)].mean() for f in (1, 2, 3)]
    assert found["value"] == pytest.approx(np.mean(recalls["more"]) - np.mean(recalls["plain"]))
    assert found["arm_value"] == pytest.approx(np.mean(recalls["more"]))
    assert found["reference_value"] == pytest.approx(np.mean(recalls["plain"]))
    assert found["ci_low"] < found["value"] < found["ci_high"]
    assert found["test"].startswith("corrected resampled t-test, 3 folds")


def test_one_split_resamples_patients(table) -> None:
    found = _document(table.take(table.fold == 1))["arms"]["more"]["differences"]["auprc"]
    assert found["test"].startswith("paired patient bootstrap, 200 replicates")
    assert found["ci_low"] <= found["value"] <= found["ci_high"]


def test_under_ten_patients_there_is_no_interval(table) -> None:
    few = table.take(np.isin(table.patient_id, [f"f{f}-{i}" for f in (1, 2, 3) for i in (3, 6, 9)]))
    document = _document(few)
    more = document["arms"]["more"]
    assert np.isnan(more["sensitivity"]["ci_low"])
    assert np.isnan(more["differences"]["auroc"]["ci_low"])
    assert more["differences"]["auroc"]["test"] == "none: under 10 patients"


def test_two_classes_only_where_one_is_rare(make_table) -> None:
    rng = np.random.default_rng(1)
    common = make_table(np.arange(40) % 2, rng.random(40), arm="plain")
    assert _found(common) is None
    rare = make_table(np.arange(40) % 20 == 0, rng.random(40), arm="plain")
    metrics = {"plain": {"auroc": Estimate(0.7, 0.6, 0.8, 40, 2)}}
    document = _document(rare, metrics)
    assert document["class"] == "malignant"
    assert document["arms"]["plain"]["auroc"] == {"value": 0.7, "ci_low": 0.6, "ci_high": 0.8}
    # the rarer class is the negative one: the metrics of the positive one are not its own
    turned = replace(rare, classes=("malignant", "benign"), probabilities=rare.probabilities)
    turned = replace(
        turned, outcome=1 - turned.outcome, probabilities=turned.probabilities[:, ::-1]
    )
    assert _document(turned, metrics)["arms"]["plain"]["auroc"]["value"] != 0.7
