"""Linear regression with a ridge penalty against scikit-learn, and its choice of the penalty."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load, save
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as Sklearn

from tumorboard.errors import InputError, StudyError
from tumorboard.models.baselines.ridge import PENALTIES, Ridge
from tumorboard.records import FittedState, Floats


def patients(n: int = 120) -> tuple[Floats, Floats, Floats]:
    """Features in far-apart units, two targets in far-apart units, and uneven weights."""
    rng = np.random.default_rng(2)
    x = rng.normal([3.0, 1000.0, 0.01], [1.0, 200.0, 0.002], size=(n, 3))
    target = np.stack([50 + 4 * x[:, 0], 1e-3 * x[:, 1]], axis=1)
    target += rng.normal(size=(n, 2)) * [2.0, 0.1]
    return x, target, rng.uniform(0.2, 1.0, n)


def fitted(penalty: float, x: Floats, target: Floats, weight: Floats) -> Ridge:
    own = Ridge(penalty=penalty)
    own.fit(x, target, weight=weight, n_classes=target.shape[1], seed=1)
    return own


def test_same_numbers_as_scikit_learn_on_standardised_features_and_targets() -> None:
    x, target, weight = patients()
    share = weight / weight.sum()

    def standard(values: Floats) -> Floats:
        mean = share @ values
        return (values - mean) / np.sqrt(share @ (values - mean) ** 2)

    # penalty 0.3 beside the mean squared error is alpha = 0.3 x the sum of weights
    reference = Sklearn(alpha=0.3 * weight.sum(), solver="svd")
    reference.fit(standard(x), standard(target), sample_weight=weight)
    spread = np.sqrt(share @ (target - share @ target) ** 2)
    expected = reference.predict(standard(x)) * spread + share @ target
    np.testing.assert_allclose(fitted(0.3, x, target, weight).predict(x), expected, rtol=1e-9)


def test_without_a_penalty_it_is_least_squares_with_imputed_values_and_an_indicator() -> None:
    x, target, weight = patients()
    x[::4, 0] = np.nan
    known = ~np.isnan(x[:, 0])
    mean = np.average(x[known, 0], weights=weight[known])
    filled = np.column_stack([np.where(known, x[:, 0], mean), x[:, 1:], ~known])
    reference = LinearRegression().fit(filled, target, sample_weight=weight)
    own = fitted(1e-12, x, target, weight)
    np.testing.assert_allclose(own.predict(x), reference.predict(filled), rtol=1e-6)
    # Column 1 was complete in training: absent later, it is its mean, without an indicator.
    new = np.array([[3.0, np.nan, 0.01]])
    by_mean = np.array([[3.0, np.average(x[:, 1], weights=weight), 0.01]])
    np.testing.assert_allclose(own.predict(new), own.predict(by_mean), rtol=1e-12)


def test_units_of_features_and_targets_do_not_matter() -> None:
    x, target, weight = patients()
    own = fitted(0.1, x, target, weight).predict(x)
    other = fitted(0.1, 1000 * x - 5, 0.01 * target + 7, weight).predict(1000 * x - 5)
    np.testing.assert_allclose(other, 0.01 * own + 7, rtol=1e-9)


def test_each_target_has_the_penalty_that_validation_patients_choose() -> None:
    x, target, weight = patients(240)
    rng = np.random.default_rng(5)
    wide = np.hstack([x, rng.normal(size=(240, 60))])
    target[:, 1] = rng.normal(size=240)  # nothing tells of it
    train, held = slice(0, 80), slice(80, 240)
    given = wide[train], target[train], weight[train]
    own = Ridge()
    own.fit(
        given[0], given[1], weight=given[2], n_classes=2, seed=1,
        validation=(wide[held], target[held], weight[held]),
    )  # fmt: skip
    errors = np.stack(
        [
            np.average(
                (fitted(p, *given).predict(wide[held]) - target[held]) ** 2,
                axis=0, weights=weight[held],
            )
            for p in PENALTIES
        ]
    )  # fmt: skip
    assert own.chosen_penalties.tolist() == [PENALTIES[k] for k in errors.argmin(axis=0)]
    assert own.chosen_penalties[0] < own.chosen_penalties[1]
    for k, penalty in enumerate(own.chosen_penalties.tolist()):
        one = fitted(penalty, given[0], given[1][:, [k]], given[2])
        np.testing.assert_allclose(own.predict(wide)[:, [k]], one.predict(wide), rtol=1e-9)


def test_a_row_without_weight_is_not_there() -> None:
    x, target, weight = patients()
    weight[:40] = 0.0
    without = fitted(0.1, x[40:], target[40:], weight[40:])
    np.testing.assert_allclose(
        fitted(0.1, x, target, weight).predict(x), without.predict(x), rtol=1e-9
    )


def test_more_features_than_patients_constants_and_nothing_at_all() -> None:
    x, target, weight = patients(20)
    wide = np.hstack([x, np.random.default_rng(1).normal(size=(20, 300)), np.full((20, 1), 7.0)])
    own = fitted(0.1, wide, target, weight)
    assert own.state().arrays["coefficients"].shape == (2, 303)
    assert np.isfinite(own.predict(np.full((1, 304), np.nan))).all()
    assert own.predict(wide[:0]).shape == (0, 2)
    alone = np.concatenate([own.predict(wide[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(alone, own.predict(wide)[:4], rtol=1e-12)
    nothing = fitted(0.1, np.full((20, 2), 3.0), target, weight).predict(np.zeros((1, 2)))
    np.testing.assert_allclose(nothing[0], np.average(target, axis=0, weights=weight))


def test_state_is_plain_data_and_enough() -> None:
    x, target, weight = patients()
    x[::5, 2] = np.nan
    own, other = fitted(0.1, x, target, weight), Ridge()
    state = own.state()
    arrays = load(save({k: np.ascontiguousarray(v) for k, v in state.arrays.items()}))
    other.restore(FittedState(json.loads(json.dumps(dict(state.values))), arrays))
    np.testing.assert_array_equal(other.predict(x), own.predict(x))


def test_what_cannot_be_fitted_is_refused() -> None:
    x, target, weight = patients()
    with pytest.raises(StudyError, match=r'ridge.penalty: "auto" needs validation patients'):
        Ridge().fit(x, target, weight=weight, n_classes=2, seed=1)
    with pytest.raises(InputError, match=r"ridge: found 2 features, but it was fitted on 3"):
        fitted(0.1, x, target, weight).predict(x[:, :2])
    target[3, 1] = np.nan
    with pytest.raises(InputError, match="a training row has no target"):
        fitted(0.1, x, target, weight)
