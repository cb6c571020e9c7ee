"""Shapley values over modalities: counted by hand, and for every kind of arm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from tables import ask

from tumorboard.errors import InputError
from tumorboard.explain.modality_contribution import ModalityContribution, shapley_values
from tumorboard.study import Arm

ALL = ["image", "record", "lab"]


def test_two_players_by_hand() -> None:
    # nobody 0.3, first 0.5, second 0.4, both 0.9
    found = shapley_values(np.array([[0.3], [0.5], [0.4], [0.9]]))
    assert found[0] == pytest.approx([(0.2 + 0.5) / 2, (0.1 + 0.4) / 2])


def test_three_players_by_hand() -> None:
    """The six orders in which three players may come."""
    worth = {"": 0.2, "a": 0.5, "b": 0.3, "ab": 0.6, "c": 0.2, "ac": 0.7, "bc": 0.4, "abc": 0.9}
    first = (
        2 * (worth["a"] - worth[""])
        + (worth["ab"] - worth["b"])
        + (worth["ac"] - worth["c"])
        + 2 * (worth["abc"] - worth["bc"])
    ) / 6
    (found,) = shapley_values(np.array([[value] for value in worth.values()]))
    assert found[0] == pytest.approx(first)
    assert found.sum() == pytest.approx(0.7)


@pytest.mark.parametrize(
    "arm",
    [
        {"modalities": ALL, "fusion": "gated"},
        {"modalities": ALL, "fusion": "late_average"},
        {"modalities": ["record", "lab"], "baseline": {"name": "logistic_regression"}},
    ],
)
@pytest.mark.parametrize("scale", ["probability", "logit"])
def test_values_sum_to_the_answer(
    tmp_path: Path, arm: dict[str, object], scale: Literal["probability", "logit"]
) -> None:
    asked = ask(tmp_path, arm=arm, n_classes=3, target=2)
    explanation = ModalityContribution(scale=scale).explain(asked)
    found = explanation.attributions
    assert found is not None
    assert explanation.checks is not None
    assert explanation.checks["largest_gap"] < 1e-6
    p = asked.fitted.predict(asked.measured, asked.rows)[:, 2]
    assert asked.outcomes is not None
    share = np.mean(asked.outcomes.target[asked.background] == 2)
    answer = p if scale == "probability" else np.log(p / (1 - p))
    start = share if scale == "probability" else np.log(share / (1 - share))
    assert found.output == pytest.approx(answer, abs=1e-6)
    assert found.base == pytest.approx(np.full(len(p), start))
    present = asked.fitted.present(asked.measured)[asked.rows]
    assert np.array_equal(np.isnan(found.values), ~present)


def test_a_patient_with_one_modality_owes_everything_to_it(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm={"modalities": ["image", "lab"], "fusion": "gated"})
    found = ModalityContribution().explain(asked).attributions
    assert found is not None
    present = asked.fitted.present(asked.measured)[asked.rows]
    alone = np.flatnonzero(present.sum(axis=1) == 1)
    assert len(alone) > 0
    moved = np.nansum(found.values[alone], axis=1)
    assert moved == pytest.approx((found.output - found.base)[alone])


def test_base_from_the_notes_of_an_opened_model(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm={"modalities": ALL, "fusion": "gated"})
    opened = replace(asked, background=asked.background[:0])
    with pytest.raises(InputError, match="how common each class was"):
        ModalityContribution().explain(opened)
    asked.fitted.notes = {"train": {"outcome": {"a": 30, "b": 10}}}
    found = ModalityContribution().explain(opened).attributions
    assert found is not None
    assert found.base[0] == 0.25
    # nor do outcomes of another cohort move it, though they be at hand
    again = ModalityContribution().explain(asked).attributions
    assert again is not None
    assert again.base[0] == 0.25


def test_says_what_the_model_never_learned_and_refuses_one_modality(tmp_path: Path) -> None:
    asked = ask(tmp_path, arm={"modalities": ALL, "fusion": "gated"})
    asked.fitted.arm = _without_dropout(asked.fitted.arm)
    (remark,) = ModalityContribution().explain(asked).remarks
    assert "modality_dropout was 0" in remark
    alone = ask(tmp_path, arm={"modalities": ["record"]})
    assert "one modality alone" in ModalityContribution().refuses(alone.fitted)


def _without_dropout(arm: Arm) -> Arm:
    return replace(arm, training=arm.training.model_copy(update={"modality_dropout": 0.0}))
