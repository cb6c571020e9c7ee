"""Arms: those of a study that names none, and an arm's own keys over the study's."""

from __future__ import annotations

import pytest

from tumorboard.study_arms import default_arms, merge
from tumorboard.study_keys import StudyKeys


def keys(*kinds: str) -> StudyKeys:
    return StudyKeys.model_validate(
        {
            "study": {"name": "x"},
            "cohort": {},
            "task": {"target": "outcome"},
            "modalities": {f"m{i}": {"kind": kind} for i, kind in enumerate(kinds)},
        }
    )


@pytest.mark.parametrize(
    ("kinds", "arms"),
    [
        (["image"], ["m0"]),
        (["table"], ["m0", "logistic"]),
        (["image", "table"], ["m0", "m1", "fused", "late", "logistic"]),
        (["table", "table"], ["m0", "m1", "fused", "late", "logistic_m0", "logistic_m1"]),
    ],
)
def test_default_arms(kinds: list[str], arms: list[str]) -> None:
    assert list(default_arms(keys(*kinds))) == arms


def test_merge_goes_table_by_table() -> None:
    base = {"epochs": 60, "optimizer": {"name": "adamw", "rate": 1}}
    assert merge(base, {"epochs": 5}) == {**base, "epochs": 5}
    assert merge(base, {"optimizer": {"rate": 2}})["optimizer"] == {"name": "adamw", "rate": 2}
    assert merge(base, {"optimizer": "sgd"})["optimizer"] == {"name": "sgd", "rate": 1}
    assert merge(base, {"optimizer": 3})["optimizer"] == 3
    assert base["optimizer"] == {"name": "adamw", "rate": 1}
