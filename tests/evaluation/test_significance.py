from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from tumorboard.evaluation.comparison import compare_all
from tumorboard.evaluation.significance import (
    METRICS_TESTED,
    TESTS,
    significance_document,
)
from tumorboard.evaluation.tables import concatenate
from tumorboard.study_keys import MetricName, Primary, Threshold

FIXED = Threshold(rule="fixed")


def p_of(result: Any) -> float:
    """The p-value of another library's result."""
    return float(result.pvalue)


def arms(make_table, *, n=100, repeats=1, folds=5, names=("a", "b", "c"), signal=(0.3, 1.0, 0.4)):
    rng = np.random.default_rng(5)
    target = np.arange(n) % 2
    tables = []
    for repeat in range(1, repeats + 1):
        fold = rng.permutation(n) % folds + 1
        for name, strength in zip(names, signal, strict=True):
            p = stats.norm.cdf(rng.normal(size=n) + strength * (target - 0.5))
            for f in range(1, folds + 1):
                rows = np.flatnonzero(fold == f)
                tables.append(
                    make_table(target[rows], p[rows], arm=name, repeat=repeat, fold=f, patient=rows)
                )
    joined = concatenate(tables)
    return replace(joined, unit_id=joined.patient_id)


def document(table, *, arm="b", metric: MetricName = "auroc", n_bootstrap=200, **more):
    return significance_document(
        table, Primary(arm=arm, reference="a", metric=metric), threshold=FIXED,
        n_bootstrap=n_bootstrap, rng=np.random.default_rng(3), **more,
    )  # fmt: skip


def row_of(found, arm, metric):
    (row,) = [r for r in found["comparisons"] if (r["arm"], r["metric"]) == (arm, metric)]
    return row


def by_fold(table, metric):
    """Differences b - a of every fold, by scikit-learn."""
    score = {
        "auroc": lambda y, p: roc_auc_score(y, p),
        "accuracy": lambda y, p: accuracy_score(y, p >= 0.5),
        "brier": brier_score_loss,
    }[metric]
    values = []
    for fold in range(1, 6):
        each = [table.take((table.arm == name) & (table.fold == fold)) for name in ("b", "a")]
        values.append([score(t.outcome, t.probabilities[:, 1]) for t in each])
    return np.array(values).T


@pytest.mark.parametrize("metric", ["auroc", "accuracy", "brier"])
def test_tests_on_folds_equal_independent_ones(make_table, metric):
    table = arms(make_table)
    row = row_of(document(table), "b", metric)
    first, second = by_fold(table, metric)
    d = first - second
    assert row["difference"] == pytest.approx(d.mean(), abs=1e-9)
    assert (row["arm_value"], row["reference_value"]) == pytest.approx(
        (first.mean(), second.mean()), abs=1e-9
    )
    assert row["p"]["naive_t"] == pytest.approx(stats.ttest_rel(first, second).pvalue, abs=1e-6)
    # Nadeau & Bengio by hand: 20 patients tested and 80 trained on, four degrees of freedom
    error = np.sqrt((1 / 5 + 20 / 80) * d.var(ddof=1))
    assert row["p"]["corrected_t"] == pytest.approx(
        2 * stats.t.sf(abs(d.mean()) / error, 4), abs=1e-6
    )
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(
        tuple(d.mean() + np.array([-1, 1]) * stats.t.ppf(0.975, 4) * error), abs=1e-6
    )
    if metric == "auroc":
        expected = p_of(stats.wilcoxon(first, second, method="exact"))
        assert row["p"]["wilcoxon"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "outcome"), [("accuracy", None), ("sensitivity", 1), ("specificity", 0)]
)
def test_mcnemar_counts_patients_as_statsmodels_does(make_table, metric, outcome):
    table = arms(make_table)
    row = row_of(document(table), "b", metric)
    right = {}
    for name in ("b", "a"):
        side = table.of_arm(name)
        side = side.take(np.argsort(side.patient_id))
        right[name] = (side.probabilities[:, 1] >= 0.5) == (side.outcome == 1)
        kept = side.outcome == outcome if outcome is not None else side.outcome >= 0
    b, a = right["b"][kept], right["a"][kept]
    counts = [[(b & a).sum(), (b & ~a).sum()], [(~b & a).sum(), (~b & ~a).sum()]]
    expected = p_of(reference_mcnemar(np.array(counts), exact=True))
    assert row["p"]["mcnemar_exact"] == pytest.approx(expected, abs=1e-6)
    assert row["mcnemar"]["n_patients"] == kept.sum()
    assert np.isnan(row_of(document(table), "b", "auroc")["p"]["mcnemar_exact"])


def test_holm_goes_over_the_arms_of_each_metric(make_table):
    found = document(arms(make_table))
    for metric in METRICS_TESTED:
        rows = [row for row in found["comparisons"] if row["metric"] == metric]
        expected = np.asarray(multipletests([row["p_value"] for row in rows], method="holm")[1])
        assert [row["p_value_holm"] for row in rows] == pytest.approx(list(expected), abs=1e-6)


@pytest.mark.parametrize("folds", [1, 5])
def test_the_primary_row_comes_first_and_agrees_with_the_first_line(make_table, folds):
    table = arms(make_table, folds=folds)
    found = document(table)
    first = found["comparisons"][0]
    assert [row["is_primary"] for row in found["comparisons"]].count(True) == 1
    led = compare_all(
        table, Primary(arm="b", reference="a"), threshold=FIXED, n_bootstrap=200,
        rng=np.random.default_rng(3),
    )[0]  # fmt: skip
    for name in ("arm", "metric", "difference", "ci_low", "ci_high", "p_value", "p_value_holm",
                 "test", "n_patients"):  # fmt: skip
        assert first[name] == pytest.approx(getattr(led, name)), name
    assert set(first["p"]) == set(TESTS)


def test_a_primary_metric_that_is_not_in_the_list_is_tested(make_table):
    found = document(arms(make_table), metric="mcc")
    assert found["comparisons"][0]["metric"] == "mcc"
    assert found["metrics"][0] == "mcc"


def test_one_split_has_no_test_on_folds(make_table):
    row = document(arms(make_table, folds=1))["comparisons"][0]
    assert np.isnan([row["p"][name] for name in ("corrected_t", "naive_t", "wilcoxon")]).all()
    assert row["p_value"] == row["p"]["delong"]


def test_delong_over_folds_is_near_the_bootstrap(make_table):
    row = document(arms(make_table, n=400), n_bootstrap=500)["comparisons"][0]
    half = (row["bootstrap"]["ci_high"] - row["bootstrap"]["ci_low"]) / (2 * 1.96)
    z = stats.norm.isf(row["p"]["delong"] / 2)
    assert row["difference"] / z == pytest.approx(half, rel=0.1)


def test_the_margin_is_judged_on_the_primary_difference(make_table):
    table = arms(make_table)
    assert document(table)["non_inferiority"] is None
    found = document(table, margin=0.9)["non_inferiority"]
    assert found["conclusion"] in ("superior", "non-inferior")
    assert found["margin"] == 0.9


def test_several_classes_are_tested_without_mcnemar_by_class(make_table):
    rng = np.random.default_rng(1)
    target = np.arange(90) % 3
    tables = []
    for name, strength in (("a", 0.2), ("b", 2.0)):
        logits = rng.normal(size=(90, 3)) + strength * np.eye(3)[target]
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        for fold in (1, 2, 3):
            rows = np.flatnonzero(np.arange(90) // 3 % 3 == fold - 1)
            tables.append(make_table(target[rows], p[rows], arm=name, fold=fold, patient=rows))
    joined = concatenate(tables)
    found = document(replace(joined, unit_id=joined.patient_id))
    assert row_of(found, "b", "sensitivity")["mcnemar"] is None
    assert row_of(found, "b", "accuracy")["mcnemar"]["n_patients"] == 90
    assert row_of(found, "b", "auroc")["difference"] > 0


def test_identical_arms_few_patients_and_one_class_claim_nothing(make_table):
    target, p = np.arange(20) % 2, np.linspace(0.1, 0.9, 20)
    same = concatenate([make_table(target, p, arm=name) for name in ("a", "b")])
    row = document(same)["comparisons"][0]
    assert (row["difference"], row["p_value"], row["p"]["delong"]) == pytest.approx(
        (0.0, 1.0, np.nan), nan_ok=True
    )
    few = document(arms(make_table, n=8, folds=1))["comparisons"][0]
    assert np.isnan(few["ci_low"])
    assert few["test"] == "none: under 10 patients"
    assert not few["is_informative"]
    one_class = concatenate(
        [make_table(np.zeros(20), q, arm=name) for name, q in (("a", p), ("b", 1 - p))]
    )
    found = document(one_class)
    assert np.isnan(row_of(found, "b", "auroc")["difference"])
    assert row_of(found, "b", "brier")["difference"] == pytest.approx(0.0)
    assert np.isnan(row_of(found, "b", "sensitivity")["p"]["mcnemar_exact"])


def test_two_folds_are_called_uninformative(make_table):
    table = arms(make_table, n=20, folds=2, signal=(0.0, 3.0, 0.0))
    found = document(table)
    assert not found["comparisons"][0]["is_informative"]
    assert "too few folds" in found["comparisons"][0]["test"]
    assert found["smallest_p"]["wilcoxon"] == 0.5
