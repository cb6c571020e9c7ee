"""What every baseline promises: probabilities, absent values, and a plain state that is enough."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from tumorboard import registry
from tumorboard.errors import InputError, StudyError
from tumorboard.models.baselines import Baseline
from tumorboard.records import FittedState, Floats, Ints

#: Those that answer classifications; what others promise stands in their own tests.
NAMES = [
    name
    for name in registry.names("models.baselines")
    if "classification" in registry.load("models.baselines", name).tasks
]
#: `radiomics` gives every class the same weight unless told otherwise; its own tests look at that.
SMALL = {
    "gradient_boosting": {"rounds": 20},
    "radiomics": {"trees": 25, "class_weights": "none"},
    "random_forest": {"trees": 25},
}


def make_baseline(name: str) -> Baseline:
    kind = registry.load("models.baselines", name)
    return kind(**registry.resolve(kind, SMALL.get(name, {}), where="baseline"))


def make_rows(n_classes: int, n: int = 240) -> tuple[Floats, Ints]:
    """Two features that tell the classes apart, two of noise; a fifth of the cells absent."""
    rng = np.random.default_rng(4)
    target = np.arange(n) % n_classes
    x = rng.normal(size=(n, 4))
    x[:, 0] += 2.0 * target
    x[:, 1] -= 2.0 * target
    x[rng.random(x.shape) < 0.2] = np.nan
    return x, target.astype(np.int64)


def fitted(name: str, n_classes: int = 2, seed: int = 1) -> tuple[Baseline, Floats, Ints]:
    x, target = make_rows(n_classes)
    baseline = make_baseline(name)
    weight = np.full(len(x), 0.5)
    baseline.fit(x, target, weight=weight, n_classes=n_classes, seed=seed)
    return baseline, x, target


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_settings_are_keyword_only_typed_and_have_defaults(name: str) -> None:
    kind = registry.load("models.baselines", name)
    own = list(inspect.signature(kind.__init__).parameters.values())[1:]
    assert own, "a baseline has settings"
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in own)
    assert all(p.annotation is not inspect.Parameter.empty for p in own)
    assert all(p.default is not inspect.Parameter.empty and p.default is not None for p in own)
    with pytest.raises(StudyError, match=r"baseline\.no_such_key: unknown key"):
        registry.resolve(kind, {"no_such_key": 1}, where="baseline")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_that_know_more_than_chance(name: str, n_classes: int) -> None:
    baseline, x, target = fitted(name, n_classes)
    probabilities = baseline.predict(x)
    assert probabilities.shape == (len(x), n_classes)
    assert probabilities.dtype == np.float64
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-12)
    assert (probabilities.argmax(axis=1) == target).mean() > 0.75


def test_every_value_may_be_absent(name: str) -> None:
    baseline, _, _ = fitted(name)
    probabilities = baseline.predict(np.full((2, 4), np.nan))
    assert np.isfinite(probabilities).all()
    np.testing.assert_array_equal(probabilities[0], probabilities[1])


def test_one_patient_alone_as_in_a_batch(name: str) -> None:
    baseline, x, _ = fitted(name, 3)
    alone = np.concatenate([baseline.predict(x[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, baseline.predict(x)[:5], atol=1e-12)
    assert baseline.predict(x[:0]).shape == (0, 3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_state_is_plain_data_and_enough(name: str, n_classes: int) -> None:
    baseline, x, _ = fitted(name, n_classes)
    state = baseline.state()
    values = json.loads(json.dumps(state.values))
    arrays = load(save({key: np.ascontiguousarray(a) for key, a in state.arrays.items()}))
    other = make_baseline(name)
    other.restore(FittedState(values=values, arrays=arrays))
    np.testing.assert_array_equal(other.predict(x), baseline.predict(x))


def test_the_seed_decides_everything(name: str) -> None:
    one, x, _ = fitted(name, 3, seed=11)
    two, _, _ = fitted(name, 3, seed=11)
    np.testing.assert_array_equal(one.predict(x), two.predict(x))


def test_weights_count(name: str) -> None:
    x, target = make_rows(2, n=80)
    weight = np.where(target == 1, 3.0, 1.0)
    plain, weighted = make_baseline(name), make_baseline(name)
    plain.fit(x, target, weight=np.ones(80), n_classes=2, seed=1)
    weighted.fit(x, target, weight=weight, n_classes=2, seed=1)
    assert weighted.predict(x)[:, 1].mean() > plain.predict(x)[:, 1].mean()


def test_one_class_alone_is_refused(name: str) -> None:
    x, target = make_rows(2)
    with pytest.raises(InputError, match=r"all of one class of 2 \(number 0\).*fewer folds"):
        make_baseline(name).fit(
            x, np.zeros_like(target), weight=np.ones(len(x)), n_classes=2, seed=1
        )


def test_a_class_that_training_lacks_has_hardly_any_probability(name: str) -> None:
    x, target = make_rows(2)
    baseline = make_baseline(name)
    baseline.fit(x, 2 * target, weight=np.ones(len(x)), n_classes=3, seed=1)
    probabilities = baseline.predict(x)
    assert probabilities.shape == (len(x), 3)
    assert probabilities[:, 1].max() < 0.05


def test_another_number_of_features_is_refused(name: str) -> None:
    baseline, x, _ = fitted(name)
    with pytest.raises(InputError, match="Fit the model again"):
        baseline.predict(x[:, :3])
