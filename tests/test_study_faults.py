"""Pydantic's errors as sentences: alternatives joined, the deepest fault wins."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tumorboard.errors import StudyError
from tumorboard.study_faults import Faults, dotted, faulty_keys, problems, show


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    depth: int
    width: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    either: Inner | Literal["none"] = "none"
    labels: dict[str, list[str]] | list[str] = []
    pair: tuple[int, int] = (1, 1)
    widths: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2)] = [1, 1]


def validate(given: dict[str, Any]) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(given)
    return caught.value


def sentences(given: dict[str, Any]) -> list[str]:
    known: dict[tuple[str, ...], list[str]] = {
        (): ["either", "labels", "pair"],
        ("either",): ["depth", "width"],
    }
    return problems(
        validate(given), where="here", known=lambda path: known.get(path, []), given=given
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"either": 3}, ['here.either: found 3, expected a table or "none".']),
        ({"either": {}}, ["here.either.depth: missing. Add this key."]),
        ({"either": {"depth": "a"}}, ['here.either.depth: found "a", expected a whole number.']),
        (
            {"either": {"depth": 1, "widht": 2}},
            ["here.either.widht: unknown key. Did you mean 'width'?"],
        ),
        ({"labels": {"a": [1]}}, ["here.labels.a.0: found 1, expected text in quotes."]),
        ({"labels": ["a", 1]}, ["here.labels.1: found 1, expected text in quotes."]),
        ({"labels": 1}, ["here.labels: found 1, expected a table or a list in [ ]."]),
        ({"nothing": {"x": 1}}, ["here.nothing: unknown key. Known: either, labels, pair."]),
    ],
)
def test_sentence(given: dict[str, Any], expected: list[str]) -> None:
    assert sentences(given) == expected


def test_a_list_is_too_short_only_where_it_is() -> None:
    assert sentences({"widths": [8, -16]}) == [
        "here.widths.1: found -16, expected a number of at least 1."
    ]
    assert sentences({"widths": [8]}) == ["here.widths: found [8], expected at least 2 entries."]


def test_faulty_keys_say_which_are_missing() -> None:
    given = {"either": {"width": "a"}, "labels": 1}
    found = faulty_keys(validate(given), given)
    assert sorted(found) == [
        (("either", "depth"), True),
        (("either", "width"), False),
        (("labels",), False),
    ]


def test_show_writes_as_the_study_file_does_and_cuts() -> None:
    assert show(True) == "true"
    assert show("Ärztin") == '"Ärztin"'
    assert show(list(range(100)), limit=20) == "[0, 1, 2, 3, 4, 5..."
    assert dotted("", "a", "b") == "a.b"


def test_faults_are_collected_once_and_raised_together() -> None:
    faults = Faults()

    def fail() -> int:
        raise StudyError(["one", "two", "one"])

    assert faults.attempt(fail) is None
    assert faults.attempt(lambda: 3) == 3
    faults.extend(["two", "three"])
    with pytest.raises(StudyError) as caught:
        faults.stop()
    assert caught.value.problems == ("one", "two", "three")
    Faults().stop()
