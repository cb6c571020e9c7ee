"""Decision curves against the published formula, one patient and one threshold at a time."""

from typing import Any

import numpy as np
import pytest

from tumorboard.evaluation.decisions import THRESHOLDS, decisions_document, net_benefit
from tumorboard.evaluation.evidence import read_evidence, write_evidence
from tumorboard.evaluation.prediction_table import concatenate
from tumorboard.study_keys import Primary, Threshold


def by_hand(y, p, t):
    """Vickers & Elkin 2006: TP / n - FP / n * t / (1 - t)."""
    true = sum(1 for a, b in zip(y, p, strict=True) if a and b >= t)
    false = sum(1 for a, b in zip(y, p, strict=True) if not a and b >= t)
    return true / len(y) - false / len(y) * t / (1 - t)


def document(table, **more):
    words: dict[str, Any] = {
        "threshold": Threshold(), "thresholds": {}, "n_bootstrap": 200,
        "rng": np.random.default_rng(0), **more,
    }  # fmt: skip
    return decisions_document(table, **words)


def drawn(make_table, n=150, seed=0, **more):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.35
    p = np.round(1 / (1 + np.exp(-(rng.normal(size=n) * 0.8 + 2 * y - 1.2))), 2)  # with ties
    return y, p, make_table(y, p, **more)


def test_net_benefit_equals_the_formula_with_ties(make_table):
    y, p, table = drawn(make_table)
    expected = [by_hand(y, p, t) for t in THRESHOLDS]
    np.testing.assert_allclose(net_benefit(y, p, THRESHOLDS, np.ones(150)), expected, atol=1e-12)
    curve = document(table)["classes"]["malignant"]["arms"]["a"]
    np.testing.assert_allclose(curve["net_benefit"], expected, atol=1e-12)
    everybody = [by_hand(y, np.ones(150), t) for t in THRESHOLDS]
    np.testing.assert_allclose(curve["treat_all"], everybody, atol=1e-12)
    k = 19  # threshold 0.20: interventions avoided at equal detection (Vickers 2008)
    avoided = 100 * (expected[k] - everybody[k]) / (0.2 / 0.8)
    assert curve["avoided"][k] == pytest.approx(avoided, abs=1e-9)


def test_intervals_are_the_patient_bootstraps(make_table):
    y, p, table = drawn(make_table)
    curve = document(table, n_bootstrap=400)["classes"]["malignant"]["arms"]["a"]
    order = np.argsort(table.patient_id)
    rng = np.random.default_rng(int(np.random.default_rng(0).integers(2**63)))
    values = []
    for _ in range(400):
        rows = order[rng.integers(150, size=150)]
        values.append(by_hand(y[rows], p[rows], THRESHOLDS[29]))
    expected = np.quantile(values, [0.025, 0.975])
    assert (curve["ci_low"][29], curve["ci_high"][29]) == pytest.approx(expected, abs=1e-9)


def test_difference_is_paired_on_common_patients(make_table, tmp_path):
    y, p, table = drawn(make_table)
    weaker = np.clip(p * 0.5 + 0.2, 0, 1)
    both = concatenate([table, make_table(y, weaker, arm="b").take(np.arange(100))])
    primary = Primary(arm="a", reference="b", metric="auroc")
    found = document(both, primary=primary, prevalences=[0.1, 0.01])
    difference = found["classes"]["malignant"]["difference"]
    assert difference["n_patients"] == 100
    expected = [
        by_hand(y[:100], p[:100], t) - by_hand(y[:100], weaker[:100], t) for t in THRESHOLDS
    ]
    np.testing.assert_allclose(difference["difference"], expected, atol=1e-12)
    assert (np.array(difference["ci_low"]) <= np.array(difference["ci_high"])).all()
    assert [row["prevalence"] for row in found["points"]["b"]["at"]] == [0.1, 0.01]
    write_evidence(tmp_path, "decisions", found)
    held = read_evidence(tmp_path, "decisions")
    assert held is not None
    assert held["rule"]["rule"] == Threshold().rule


def test_repeats_are_averaged_and_several_classes_stand_apart(make_table):
    rng = np.random.default_rng(1)
    p = rng.dirichlet([1, 1, 1], size=60)
    target = np.array([rng.choice(3, p=row) for row in p])
    found = document(concatenate([make_table(target, p, repeat=r) for r in (1, 2)]))
    assert list(found["classes"]) == ["x", "y", "z"]
    curve = found["classes"]["z"]["arms"]["a"]["net_benefit"]
    np.testing.assert_allclose(curve, [by_hand(target == 2, p[:, 2], t) for t in THRESHOLDS])
    assert found["points"] == {}


def test_one_class_and_few_patients(make_table):
    p = np.linspace(0.05, 0.95, 20)
    curve = document(make_table(np.zeros(20), p))["classes"]["malignant"]["arms"]["a"]
    assert curve["prevalence"] == 0
    assert max(curve["net_benefit"]) <= 0
    few = document(make_table(np.arange(8) % 2, p[:8]))["classes"]["malignant"]["arms"]["a"]
    assert np.isnan(few["ci_low"]).all()
    assert np.isfinite(few["net_benefit"]).all()


def two_arms(make_table, n_of_second):
    """Arm "b" predicts only the first patients, among whom the class is more frequent."""
    y, p, table = drawn(make_table)
    order = np.argsort(~y, kind="stable")[:n_of_second]
    of_b = make_table(y, p, arm="b")
    return y, p, order, concatenate([table, of_b.take(np.sort(order))])


def test_arms_are_compared_on_the_patients_that_all_predicted(make_table):
    y, p, order, table = two_arms(make_table, 140)
    found = document(table)
    assert found["patients"] == {"n": 140, "is_common": True}
    curves = found["classes"]["malignant"]["arms"]
    assert curves["a"]["treat_all"] == curves["b"]["treat_all"]
    assert curves["a"]["net_benefit"] == curves["b"]["net_benefit"]
    k = 4
    expected = by_hand(y[order], p[order], THRESHOLDS[k])
    assert curves["a"]["net_benefit"][k] == pytest.approx(expected, abs=1e-12)
    assert curves["a"]["n_patients"] == 140
    shares = {arm: point["prevalence"] for arm, point in found["points"].items()}
    assert shares == {"a": float(y.mean()), "b": float(y.mean())}


def test_with_few_common_patients_each_arm_has_its_own_treat_all(make_table):
    y, p, order, table = two_arms(make_table, 60)
    found = document(table)
    assert found["patients"] == {"n": 0, "is_common": False}
    curves = found["classes"]["malignant"]["arms"]
    for arm, rows in {"a": np.arange(150), "b": order}.items():
        curve, k = curves[arm], 19
        everybody = by_hand(y[rows], np.ones(len(rows)), THRESHOLDS[k])
        gain = by_hand(y[rows], p[rows], THRESHOLDS[k]) - everybody
        assert curve["gain"][k] == pytest.approx(gain, abs=1e-12)
        assert curve["gain_low"][k] <= gain <= curve["gain_high"][k]
