"""Faults that a user can mend."""

from __future__ import annotations

import pytest

from tumorboard.errors import InputError, RunError, StudyError, TumorboardError, nearest


@pytest.mark.parametrize("kind", [InputError, StudyError, RunError])
def test_every_fault_ends_in_exit_code_2(kind: type[TumorboardError]) -> None:
    error = kind("one line")
    assert isinstance(error, TumorboardError)
    assert error.exit_code == 2
    assert str(error) == "one line"


def test_study_error_keeps_every_sentence() -> None:
    error = StudyError(["first.", "second."])
    assert error.problems == ("first.", "second.")
    assert str(error) == "first.\nsecond."
    assert StudyError("only.").problems == ("only.",)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("gatd", "Did you mean 'gated'?"),
        ("xyz", "Known: attention, gated."),
        ("", "Known: attention, gated."),
    ],
)
def test_nearest(word: str, sentence: str) -> None:
    assert nearest(word, ["gated", "attention"]) == sentence
