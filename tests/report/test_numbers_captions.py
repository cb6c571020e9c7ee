"""Captions and glossary of survival and regression: each says what its own study is about."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tumorboard.report.numbers_captions import numbers_captions, numbers_glossary
from tumorboard.report.numbers_contents import NumbersContents


def contents(kind: str, names: tuple[str, ...], **more: Any) -> NumbersContents:
    predictions = SimpleNamespace(kind=kind, prediction_names=names)
    facts = {
        "primary_metric": "c_index" if kind == "survival" else "r2", "unit": "lesion",
        "has_intervals": True, "pairing": "", "predictions": predictions, "n_splits": (1, 5),
        "differences": (), "fold_means": {}, **more,
    }  # fmt: skip
    return cast("NumbersContents", SimpleNamespace(**facts))


def test_a_regression_explains_r2_and_never_speaks_of_events() -> None:
    own = contents("regression", ("predicted_size_mm", "predicted_age"))
    texts = numbers_captions(own)
    assert "R² is 1 minus the squared error" in texts["arms"]
    assert "in the units of the target" in texts["arms"]
    assert texts["patients"].startswith("predicted_size_mm, test predictions only")
    assert texts["answer"].startswith("Above: difference in R²")
    assert texts["answer"].endswith("R² of each arm on its own, its folds together.")
    assert "about one lesion" in texts["flow"]
    words = dict(numbers_glossary(own))
    assert list(words) == ["95 % interval", "Interval of a difference", "Arm, unit"]
    assert "here a lesion" in words["Arm, unit"]
    everything = " ".join([*texts.values(), *words.values()])
    for foreign in ("event", "censored", "survival", "Brier", "C-ind"):
        assert foreign not in everything


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("risk_score",), "Risk score, test predictions only"),
        (("risk_score", "survival_365", "survival_1095"), "no event within 365 days, test"),
    ],
)
def test_survival_explains_its_own_numbers(names: tuple[str, ...], said: str) -> None:
    own = contents("survival", names)
    texts = numbers_captions(own)
    assert said in texts["patients"]
    assert "scaled: 0 is the Kaplan-Meier curve" in texts["arms"]
    assert "R²" not in texts["arms"]
    assert {"C-index", "Integrated Brier", "Censored"} <= set(dict(numbers_glossary(own)))


def test_intervals_are_explained_where_there_are_any_and_pairing_stands_everywhere() -> None:
    own = contents("regression", ("predicted_x",), has_intervals=False, pairing="Simulated pairs.")
    texts = numbers_captions(own)
    assert all(text.endswith(" Simulated pairs.") for text in texts.values())
    assert "95 %" not in texts["answer"] + texts["arms"]
    with_them = numbers_captions(contents("regression", ("predicted_x",)))
    assert "95 % intervals" in with_them["answer"]
    assert "95 % interval, by resampling patients" in with_them["arms"]
