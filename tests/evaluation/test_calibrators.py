"""Calibrators against scikit-learn and statsmodels, their properties and their refusals."""

import json
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize_scalar
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from tumorboard.errors import InputError
from tumorboard.evaluation.calibrators import Calibrator, CalibratorKind, fit_calibrator

FITTED: tuple[CalibratorKind, ...] = ("temperature", "platt", "isotonic")


def _overconfident(
    n: int = 400, n_classes: int = 2, factor: float = 2.5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes drawn from softmax(z), probabilities softmax(factor z): true temperature factor."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, n_classes))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    target = (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1)
    sharp = np.exp(factor * z)
    return target.astype(np.int64), sharp / sharp.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_temperature_is_found_and_minimises_the_log_loss(n_classes: int) -> None:
    target, p = _overconfident(20_000, n_classes)
    fitted, remarks = fit_calibrator("temperature", target, p, np.ones(len(target)))
    temperature = fitted.values["temperature"][0][0]
    assert temperature == pytest.approx(2.5, abs=0.12)
    assert not remarks

    def loss(t: float) -> float:
        scaled = p ** (1 / t)
        return log_loss(target, scaled / scaled.sum(axis=1, keepdims=True))

    best: Any = minimize_scalar(loss, bounds=(0.5, 10), method="bounded", options={"xatol": 1e-9})
    assert temperature == pytest.approx(best.x, abs=1e-5)
    assert (fitted.apply(p).argmax(axis=1) == p.argmax(axis=1)).all()


def test_temperature_of_two_classes_is_the_inverse_slope_through_the_origin() -> None:
    target, p = _overconfident()
    fitted, _ = fit_calibrator("temperature", target, p, np.ones(len(target)))
    logit = np.log(p[:, 1] / p[:, 0])
    slope = sm.Logit(target, logit[:, None]).fit(disp=False, tol=1e-12).params[0]
    assert 1 / fitted.values["temperature"][0][0] == pytest.approx(slope, abs=1e-6)


def test_platt_is_that_of_scikit_learn() -> None:
    target, p = _overconfident()
    logit = np.log(p[:, 1] / p[:, 0])
    # a model whose decision function is the logit itself
    base = LogisticRegression(C=1e9).fit(logit[:, None], target)
    base.coef_, base.intercept_ = np.array([[1.0]]), np.array([0.0])
    reference = CalibratedClassifierCV(FrozenEstimator(base), method="sigmoid")
    reference.fit(logit[:, None], target)
    fitted, _ = fit_calibrator("platt", target, p, np.ones(len(target)))
    expected = reference.predict_proba(logit[:, None])
    np.testing.assert_allclose(fitted.apply(p), expected, atol=1e-4)  # its optimiser stops early
    n_in, n_out = target.sum(), (1 - target).sum()
    smoothed = np.where(target == 1, (n_in + 1) / (n_in + 2), 1 / (n_out + 2))
    glm = sm.GLM(smoothed, sm.add_constant(logit), family=sm.families.Binomial()).fit(tol=1e-12)
    np.testing.assert_allclose(
        [fitted.values["intercept"][0][0], fitted.values["slope"][0][0]], glm.params, atol=1e-6
    )


def test_isotonic_is_that_of_scikit_learn_off_the_edges() -> None:
    target, p = _overconfident()
    fitted, _ = fit_calibrator("isotonic", target, p, np.ones(len(target)))
    reference = IsotonicRegression(out_of_bounds="clip").fit(p[:, 1], target)
    grid = np.linspace(0, 1, 501)
    found = fitted.apply(np.column_stack([1 - grid, grid]))[:, 1]
    edge = 1 / 402
    expected = np.interp(
        grid, reference.X_thresholds_, np.clip(reference.y_thresholds_, edge, 1 - edge)
    )
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(found, np.clip(reference.predict(grid), edge, 1 - edge), atol=0.01)
    assert found.min() >= edge


@pytest.mark.parametrize("kind", FITTED)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_sums_to_one_never_worsens_the_log_loss_and_survives_json(
    kind: CalibratorKind, n_classes: int
) -> None:
    target, p = _overconfident(900, n_classes)
    fitted, _ = fit_calibrator(kind, target, p, np.ones(len(target)))
    again = Calibrator.from_plain(json.loads(json.dumps(fitted.to_plain())))
    extremes = np.vstack([p, np.eye(n_classes)])
    mended = again.apply(extremes)
    np.testing.assert_array_equal(mended, fitted.apply(extremes))
    np.testing.assert_allclose(mended.sum(axis=1), 1.0, atol=1e-12)
    assert np.isfinite(np.log(mended[: len(p)])).all()
    other_target, other_p = _overconfident(900, n_classes, seed=5)
    assert log_loss(other_target, fitted.apply(other_p)) < log_loss(other_target, other_p)


@pytest.mark.parametrize("kind", FITTED)
def test_units_of_a_patient_weigh_one_together(kind: CalibratorKind) -> None:
    target, p = _overconfident(60)
    once, _ = fit_calibrator(kind, target, p, np.ones(60))
    twice, _ = fit_calibrator(kind, np.tile(target, 2), np.tile(p, (2, 1)), np.full(120, 0.5))
    np.testing.assert_allclose(twice.apply(p), once.apply(p), atol=1e-7)


@pytest.mark.parametrize("kind", FITTED)
def test_too_few_patients_or_one_class_leave_probabilities_as_they_are(
    kind: CalibratorKind,
) -> None:
    target, p = _overconfident(30)
    few, remarks = fit_calibrator(kind, target[:9], p[:9], np.ones(9))
    assert few.kind == "none"
    assert remarks == [f"Not calibrated ({kind}): 9 validation patients, fewer than 10."]
    np.testing.assert_array_equal(few.apply(p), p)
    one, remarks = fit_calibrator(kind, np.zeros(30, dtype=np.int64), p, np.ones(30))
    assert one.kind == "none"
    assert "one class only" in remarks[0]


def test_separated_and_misleading_validation_patients_are_said() -> None:
    p = np.repeat([[0.6, 0.4], [0.3, 0.7]], 10, axis=0)
    target = np.repeat([0, 1], 10)
    separated, remarks = fit_calibrator("temperature", target, p, np.ones(20))
    assert separated.kind == "none"
    assert "separated" in remarks[0]
    smoothed, _ = fit_calibrator("platt", target, p, np.ones(20))  # finite: smoothed targets
    np.testing.assert_allclose(smoothed.apply(p)[[0, -1], 1], [1 / 12, 11 / 12], atol=1e-6)
    misled, remarks = fit_calibrator("platt", 1 - target, p, np.ones(20))
    assert misled.kind == "none"
    assert "must not turn the order of patients round" in remarks[0]
    _, remarks = fit_calibrator("temperature", 1 - target, p, np.ones(20))
    assert "says nothing" in remarks[0]
    flat = np.full((20, 2), 0.5)
    same, remarks = fit_calibrator("platt", target, flat, np.ones(20))
    assert same.kind == "none"
    assert "all alike" in remarks[0]


@pytest.mark.parametrize(
    "plain",
    [
        {"kind": "beta"}, {"kind": "temperature"}, {"kind": "temperature", "temperature": [[-1]]},
        {"kind": "platt", "slope": [["x"]], "intercept": [[0]]},
        {"kind": "isotonic", "x": [[0.1, 0.2]], "y": [[0.1]]},
        {"kind": "platt", "slope": [[float("nan")]], "intercept": [[0.0]]},
    ],
)  # fmt: skip
def test_damaged_calibrations_are_refused(plain: dict[str, object]) -> None:
    with pytest.raises(InputError, match="calibration"):
        Calibrator.from_plain(plain)


def test_another_number_of_classes_is_refused() -> None:
    target, p = _overconfident(100, 3)
    fitted, _ = fit_calibrator("platt", target, p, np.ones(100))
    with pytest.raises(InputError, match="fitted for 3 classes, got probabilities of 2"):
        fitted.apply(np.full((2, 2), 0.5))
