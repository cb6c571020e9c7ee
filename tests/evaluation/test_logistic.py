"""Logistic regression against statsmodels, to 1e-6 and closer."""

import numpy as np
import statsmodels.api as sm

from tumorboard.evaluation.logistic import fit_logistic


def _made(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=n)
    y = rng.random(n) < 1 / (1 + np.exp(-(0.4 + 1.3 * x)))
    return np.column_stack([np.ones(n), x]), y, rng.integers(0, 60, size=n)


def test_coefficients_are_those_of_statsmodels() -> None:
    columns, y, _ = _made()
    reference = sm.Logit(y.astype(float), columns).fit(disp=False, tol=1e-12)
    found = fit_logistic(columns, y, np.ones(len(y)))
    np.testing.assert_allclose(found.coefficients, reference.params, atol=1e-9)


def test_influence_gives_the_cluster_robust_covariance_of_statsmodels() -> None:
    columns, y, patient = _made()
    reference = sm.Logit(y.astype(float), columns).fit(
        disp=False, tol=1e-12, cov_type="cluster",
        cov_kwds={"groups": patient, "use_correction": False},
    )  # fmt: skip
    found = fit_logistic(columns, y, np.ones(len(y)))
    summed = np.zeros((60, 2))
    np.add.at(summed, patient, found.influence)
    np.testing.assert_allclose(summed.T @ summed, reference.cov_params(), atol=1e-9)


def test_weights_and_offset_are_those_of_a_generalised_linear_model() -> None:
    columns, y, patient = _made()
    weight = 1.0 / (1 + patient % 3)
    reference = sm.GLM(
        y.astype(float), columns[:, :1], family=sm.families.Binomial(), freq_weights=weight,
        offset=columns[:, 1],
    ).fit(tol=1e-12)  # fmt: skip
    found = fit_logistic(columns[:, :1], y, weight, offset=columns[:, 1])
    np.testing.assert_allclose(found.coefficients, reference.params, atol=1e-9)


def test_separated_or_single_classes_and_constant_columns_have_no_coefficients() -> None:
    columns, _, _ = _made()
    ones = np.ones(len(columns))
    assert not fit_logistic(columns, columns[:, 1] > 0, ones).is_defined
    assert not fit_logistic(columns, ones, ones).is_defined
    assert not fit_logistic(np.ones((300, 2)), columns[:, 1] > 0, ones).is_defined
    assert not fit_logistic(columns[:0], ones[:0], ones[:0]).is_defined
