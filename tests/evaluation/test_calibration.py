"""Calibration measures against statsmodels, scikit-learn and Murphy's identity."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import logit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from statsmodels.stats.proportion import proportion_confint

from tumorboard.evaluation.calibration import Rows, calibration_document, measures
from tumorboard.evaluation.estimates import wilson_interval
from tumorboard.evaluation.evidence import read_evidence, write_evidence
from tumorboard.evaluation.prediction_table import concatenate


def drawn(n=400, factor=1.0, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n) * 1.5
    y = rng.random(n) < 1 / (1 + np.exp(-z))
    return y, 1 / (1 + np.exp(-(factor * z + shift)))


def of(y, p, n_bins=10):
    return measures(y, p, Rows(np.arange(len(y)), np.ones(len(y), dtype=int)), n_bins)


def test_intercept_and_slope_equal_statsmodels():
    y, p = drawn(factor=2.0, shift=0.5)
    found = of(y, p)
    slope = sm.Logit(y.astype(float), sm.add_constant(logit(p))).fit(
        disp=False, tol=1e-12, cov_type="HC0"
    )
    large = sm.GLM(
        y.astype(float), np.ones((400, 1)), family=sm.families.Binomial(), offset=logit(p)
    ).fit(tol=1e-12, cov_type="HC0")
    for name, fit, k in (("slope", slope, 1), ("intercept", large, 0)):
        assert found[name]["value"] == pytest.approx(fit.params[k], abs=1e-6)
        error = fit.bse[k] * np.sqrt(400 / 399)
        assert found[name]["ci_high"] == pytest.approx(fit.params[k] + 1.959964 * error, abs=1e-6)
    assert found["slope"]["value"] == pytest.approx(0.5, abs=0.1)


def test_intervals_of_slope_intercept_and_ratio_cover():
    hits = []
    for seed in range(300):
        found = of(*drawn(150, seed=seed))
        hits.append(
            [
                found[name]["ci_low"] <= truth <= found[name]["ci_high"]
                for name, truth in (("slope", 1), ("intercept", 0), ("observed_expected", 1))
            ]
        )
    assert (np.mean(hits, axis=0) > 0.91).all()
    assert (np.mean(hits, axis=0) < 0.985).all()


def test_bins_equal_scikit_learn_and_their_intervals_statsmodels():
    y, p = drawn()
    bins = of(y, p)["bins"]
    observed, predicted = calibration_curve(y, p, n_bins=10, strategy="quantile")
    np.testing.assert_allclose([b["observed"] for b in bins], observed, atol=1e-12)
    np.testing.assert_allclose([b["predicted"] for b in bins], predicted, atol=1e-12)
    for b in bins:
        hits = round(b["observed"] * b["n_patients"])
        expected = proportion_confint(hits, b["n_patients"], method="wilson")
        assert (b["ci_low"], b["ci_high"]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("hits", "n"), [(0, 12), (12, 12), (7, 31), (1, 1000)])
def test_wilson_equals_statsmodels(hits, n):
    expected = proportion_confint(hits, n, method="wilson")
    assert wilson_interval(hits / n, n) == pytest.approx(expected, abs=1e-9)


def test_brier_and_murphys_identity():
    y, p = drawn(factor=2.0)
    parts = of(y, p)["brier"]
    assert parts["value"] == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    prevalence = y.mean()
    base = brier_score_loss(y, np.full(len(y), prevalence))
    assert parts["scaled"] == pytest.approx(1 - parts["value"] / base, abs=1e-12)
    # probabilities with few values: every bin holds one, and Murphy's three terms are exact
    rounded = np.round(p * 8) / 8
    parts = of(y, rounded, n_bins=400)["brier"]
    groups = [(rounded == v).mean() for v in np.unique(rounded)]
    rates = [y[rounded == v].mean() for v in np.unique(rounded)]
    by_hand = sum(
        g * (v - r) ** 2 for g, v, r in zip(groups, np.unique(rounded), rates, strict=True)
    )
    assert parts["reliability"] == pytest.approx(by_hand, abs=1e-12)
    assert parts["within_bins"] == pytest.approx(0.0, abs=1e-12)
    assert parts["value"] == pytest.approx(
        parts["reliability"] - parts["resolution"] + parts["uncertainty"], abs=1e-12
    )


def test_expected_calibration_error_by_hand():
    y = np.array([0, 0, 1, 1, 1, 0, 1, 1], dtype=bool)
    p = np.array([0.1, 0.1, 0.1, 0.1, 0.8, 0.8, 0.8, 0.8])
    found = of(y, p, n_bins=2)
    assert found["ece"] == pytest.approx(0.5 * 0.4 + 0.5 * 0.05)
    assert len(found["bins"]) == 2


def test_smooth_curve_follows_the_truth():
    y, p = drawn(5000, factor=2.0)
    curve = of(y, p)["smooth"]
    truth = 1 / (1 + np.exp(-logit(np.array(curve["probability"])) / 2))
    inside = (np.array(curve["ci_low"]) <= truth) & (truth <= np.array(curve["ci_high"]))
    assert inside.mean() > 0.8
    assert np.abs(np.array(curve["observed"]) - truth).max() < 0.06


def test_repeats_and_units_of_a_patient_add_no_information(make_table):
    y, p = drawn(200)
    once = make_table(y, p)
    again = [make_table(y, p, repeat=r) for r in (1, 2, 3)]
    one, three = (calibration_document(t)["arms"]["a"] for t in (once, concatenate(again)))
    for name in ("slope", "intercept", "observed_expected"):
        first, second = (d["classes"]["malignant"][name] for d in (one, three))
        assert second == pytest.approx(first, abs=1e-9)
    first, second = (d["classes"]["malignant"]["bins"] for d in (one, three))
    assert [b["ci_low"] for b in second] == pytest.approx([b["ci_low"] for b in first])


def test_document_of_several_classes_and_of_a_fitted_calibration(make_table, tmp_path):
    rng = np.random.default_rng(0)
    raw = rng.dirichlet([1, 1, 1], size=90)
    target = np.array([rng.choice(3, p=row) for row in raw])
    sharp = raw**3 / (raw**3).sum(axis=1, keepdims=True)
    table = concatenate([make_table(target, raw), make_table(target, raw, part="validation")])
    before = make_table(target, sharp)
    document = calibration_document(table, uncalibrated=before)
    found = document["arms"]["a"]
    assert document["classes"] == list(found["classes"]) == ["x", "y", "z"]
    assert found["n_patients"] == 90
    for name in "xyz":
        slopes = [d["classes"][name]["slope"]["value"] for d in (found["before"], found)]
        assert slopes[0] < slopes[1]
    assert found["before"]["top_label_ece"] > found["top_label_ece"]
    write_evidence(tmp_path, "calibration", document)
    held = read_evidence(tmp_path, "calibration")
    assert held is not None
    assert held["n_bins"] == 10


def test_one_class_separated_few_and_extreme_patients_have_no_numbers_that_do_not_exist(make_table):
    p = np.linspace(0.1, 0.9, 20)
    one = of(np.zeros(20, dtype=bool), p)
    assert np.isnan(
        [one["slope"]["value"], one["intercept"]["value"], one["brier"]["scaled"]]
    ).all()
    assert one["observed_expected"]["value"] == 0
    assert one["smooth"] is None
    assert np.isnan(of(p > 0.5, p)["slope"]["value"])  # separated
    few = of(np.arange(8) % 2 == 0, np.array([0.2, 0.3, 0.6, 0.4, 0.7, 0.5, 0.1, 0.2]))
    assert np.isfinite(few["slope"]["value"])
    assert np.isnan(few["slope"]["ci_low"])
    extreme = of(np.array([0, 1, 0, 1] * 5, dtype=bool), np.array([0.0, 1.0, 0.4, 0.3] * 5))
    assert extreme["n_clipped"] == 10
    y, q = drawn(30)
    table = make_table(y, q)
    nobody = calibration_document(replace(table, outcome=np.full(30, -1)))
    assert nobody["arms"] == {}
