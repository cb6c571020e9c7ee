"""The heat map of choices: each row on its own scale, words without a shade."""

from __future__ import annotations

import numpy as np

from tumorboard.report.tuning_choices import choices_figure, key_name, shade


def fit(fold: int, rate: float, name: str, inner: float, outer: float | None) -> dict[str, object]:
    chosen = {"arms.a.fusion.name": name, "training.optimizer.learning_rate": rate}
    return {"repeat": 1, "fold": fold, "chosen": chosen, "inner": inner, "outer": outer}


def test_a_row_runs_from_its_smallest_to_its_largest_value() -> None:
    assert shade([2.0, 4.0, 3.0], is_log=False).tolist() == [0.0, 1.0, 0.5]
    assert np.allclose(shade([1e-4, 1e-2, 1e-3], is_log=True), [0.0, 1.0, 0.5])
    assert shade([7.0, 7.0], is_log=False).tolist() == [0.5, 0.5]
    found = shade([1.0, float("nan"), 3.0], is_log=False)
    assert np.isnan(found[1])
    assert found[[0, 2]].tolist() == [0.0, 1.0]


def test_words_stand_below_the_numbers_without_a_shade() -> None:
    keys = ["arms.a.fusion.name", "training.optimizer.learning_rate"]
    fits = [fit(1, 1e-4, "gated", 0.5, 0.4), fit(2, 1e-2, "early", 0.7, None)]
    space = {keys[1]: {"low": 1e-5, "high": 1e-1, "log": True}}
    figure = choices_figure({"a": {"keys": keys, "fits": fits}}, space, inner="inner folds")
    (axis,) = figure.axes
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels == ["optimizer.learning_rate", "fusion.name", "inner folds", "test"]
    shades = np.ma.filled(np.ma.asarray(axis.images[0].get_array()), np.nan)
    assert shades[0].tolist() == [0.0, 1.0]
    assert np.isnan(shades[1]).all()
    assert shades[2].tolist() == [0.0, 1.0]
    assert shades[3][0] == 0.5
    assert np.isnan(shades[3][1])
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["0.0001", "0.01", "gated", "early", "0.500", "0.700", "0.400", ""]


def test_a_key_is_called_by_its_last_words() -> None:
    assert key_name("arms.fused.fusion.weights.ct") == "weights.ct"
    assert key_name("training.batch_size") == "batch_size"
