"""Radiomics baseline: the features it chooses by hand and by a plain loop, and balanced classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from tumorboard.errors import InputError
from tumorboard.models.baselines.radiomics import Radiomics, choose_features


def made(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two telling features, a copy of the first, and noise."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.2).astype(np.int64)
    first = label * 2.0 + rng.normal(size=n)
    second = label * 1.0 + rng.normal(size=n)
    copy = first**3 + 1e-3 * rng.normal(size=n)
    return np.column_stack([copy, second, first, rng.normal(size=(n, 5))]), label


def gains_by_loop(x: np.ndarray, label: np.ndarray, n: int) -> list[int]:
    """Equation 1 of Vallieres 2015 as it is written, with |Spearman| everywhere."""
    both = np.column_stack([x, label])
    rho = np.abs(np.corrcoef(rankdata(both, axis=0), rowvar=False))
    with_label = rho[:-1, -1]
    chosen: list[int] = []
    while len(chosen) < n:
        f = len(chosen)
        best, top = -1, -np.inf
        for j in range(x.shape[1]):
            if j in chosen:
                continue
            new = sum(
                2 * (f - k + 1) / (f * (f + 1)) * (1 - rho[chosen[k - 1], j])
                for k in range(1, f + 1)
            )
            gain = 0.5 * with_label[j] + 0.5 * new
            if gain > top:
                best, top = j, gain
        chosen.append(best)
    return chosen


def test_choice_equals_the_equation() -> None:
    x, label = made()
    found = choose_features(x, label, weight=np.ones(len(x)), n_features=6)
    assert found.tolist() == gains_by_loop(x, label, 6)
    # A copy of what was chosen comes later than what tells less, but something new.
    every = choose_features(x, label, weight=np.ones(len(x)), n_features=99).tolist()
    assert sorted(every) == list(range(8))
    assert every[0] in (0, 2)
    assert every.index(1) < every.index(2 - every[0])


def test_a_row_of_weight_two_is_two_rows() -> None:
    x, label = made(60)
    x = np.round(x)  # ties everywhere, so that ranks of doubled rows stay comparable
    twice = np.concatenate([x, x[:20]])
    weight = np.ones(60)
    weight[:20] = 2.0
    one = choose_features(np.sign(x), label, weight=weight, n_features=3)
    other = choose_features(
        np.sign(twice), np.concatenate([label, label[:20]]), weight=np.ones(80), n_features=3
    )
    assert set(one.tolist()) == set(other.tolist())


def test_every_class_weighs_the_same() -> None:
    """Nothing to tell: the mean probability is near one half although one in five is positive."""
    rng = np.random.default_rng(1)
    label = np.arange(300) % 5 // 4
    x = rng.normal(size=(300, 4))
    model = Radiomics(trees=100, max_depth=2)
    model.fit(x, label, weight=np.ones(300), n_classes=2, seed=0)
    assert model.predict(rng.normal(size=(500, 4)))[:, 1].mean() == pytest.approx(0.5, abs=0.06)


def test_weights_of_a_class_count_only_where_classes_are_not_balanced() -> None:
    """Tripling one class's weight moves nothing in balanced classes."""
    x, label = made()
    weight = np.where(label == 1, 3.0, 1.0)
    mean: dict[tuple[str, bool], float] = {}
    for class_weights in ("balanced", "none"):
        for is_weighted in (False, True):
            model = Radiomics(trees=60, features=8, max_depth=3, class_weights=class_weights)  # type: ignore[arg-type]
            own = weight if is_weighted else np.ones(len(x))
            model.fit(x, label, weight=own, n_classes=2, seed=0)
            mean[class_weights, is_weighted] = float(model.predict(x)[:, 1].mean())
    assert mean["none", False] == pytest.approx(label.mean(), abs=0.03)
    assert mean["none", True] > mean["none", False] + 0.03
    assert mean["balanced", True] == pytest.approx(mean["balanced", False], abs=0.05)


def test_weights_within_a_class_count_in_balanced_classes() -> None:
    """Two kinds of cases: the one that weighs ten times as much is the likelier one."""
    rng = np.random.default_rng(3)
    label = np.repeat([0, 1, 1], 60)
    x = np.repeat([[0.0], [0.0], [4.0]], 60, axis=0) + 0.1 * rng.normal(size=(180, 1))
    found: list[float] = []
    for heavy in (60, 120):
        weight = np.ones(180)
        weight[heavy : heavy + 60] = 10.0
        model = Radiomics(trees=60, max_depth=2)
        model.fit(x, label, weight=weight, n_classes=2, seed=0)
        found.append(float(model.predict(np.zeros((1, 1)))[0, 1]))
    assert found[0] > found[1] + 0.2


def test_it_finds_the_signal_also_with_absent_values_and_comes_back_from_its_state() -> None:
    x, label = made()
    x[::7, 1] = np.nan
    model = Radiomics(features=3, trees=100)
    model.fit(x[:120], label[:120], weight=np.ones(120), n_classes=2, seed=0)
    said = model.predict(x[120:])
    assert said[label[120:] == 1, 1].mean() > said[label[120:] == 0, 1].mean() + 0.3
    other = Radiomics(features=3, trees=100)
    other.restore(model.state())
    np.testing.assert_array_equal(other.predict(x[120:]), said)
    with pytest.raises(InputError, match="found 7 features, but it was fitted on 8"):
        other.predict(x[:, :7])


def test_three_classes() -> None:
    rng = np.random.default_rng(2)
    label = np.arange(150) % 3
    x = rng.normal(size=(150, 5)) + 2.0 * np.eye(3)[label] @ rng.normal(size=(3, 5))
    model = Radiomics(features=4, trees=50)
    model.fit(x, label, weight=np.ones(150), n_classes=3, seed=0)
    said = model.predict(x)
    np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-9)
    assert (said.argmax(axis=1) == label).mean() > 0.7
