"""A stated side and a mirrored picture do not go together, but in a segmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tumorboard.records import Cohort
from tumorboard.study import Study
from tumorboard.verbs.mirrored_sides import mirrored_sides

SIDES = ("left", "Right", None, "left")


def lines(
    picture: dict[str, Any], words: dict[str, Any], *, arm: dict[str, Any] | None = None,
    task: dict[str, Any] | None = None, side: tuple[str | None, ...] = SIDES,
) -> list[str]:  # fmt: skip
    fused = {"modalities": ["scan", "words"], "fusion": "concatenation", **(arm or {})}
    study = Study.from_tables(
        {
            "study": {"name": "x"},
            "cohort": {"source": "folder", "table": "t.csv"},
            "task": task or {"target": "died"},
            "modalities": {"scan": {"files": "{patient_id}", **picture}, "words": words},
            "arms": {"alone": {"modalities": ["scan"]}, "fused": fused},
        },
        path=Path("study.toml"),
    )
    ids = ("a", "b", "c", "d")
    cohort = Cohort(
        name="x", patient_id=ids, unit_id=ids, columns={"side": side}, files={},
        line=(2, 3, 4, 5), table=Path("t.csv"), root=Path(),
    )  # fmt: skip
    return mirrored_sides(study, cohort)


NOTES = {"kind": "notes", "column": "text"}
TABLE = {"kind": "table", "categorical": ["side"]}


@pytest.mark.parametrize("words", [NOTES, TABLE, {"kind": "clinical_factors", "column": "text"}])
@pytest.mark.parametrize(
    ("picture", "remedy"),
    [({"kind": "image"}, "flip_horizontal = false"), ({"kind": "volume"}, 'flip without "x"')],
)
def test_a_side_beside_a_mirrored_picture_is_told(
    picture: dict[str, Any], words: dict[str, Any], remedy: str
) -> None:
    assert lines(picture, words) == [
        "arm fused: training mirrors scan left and right at random, so a side that words states is "
        f"wrong of every second picture. Where the side matters, set modalities.scan: {remedy}."
    ]


@pytest.mark.parametrize(
    ("picture", "words", "further"),
    [
        ({"kind": "image", "flip_horizontal": False}, NOTES, {}),
        ({"kind": "volume", "flip": ["y", "z"]}, NOTES, {}),
        ({"kind": "image"}, NOTES, {"arm": {"training": {"augment": False}}}),
        ({"kind": "image"}, TABLE, {"side": ("left", "left", None, "both")}),
    ],
)
def test_nothing_is_told_where_no_side_becomes_wrong(
    picture: dict[str, Any], words: dict[str, Any], further: dict[str, Any]
) -> None:
    assert lines(picture, words, **further) == []


def test_places_of_a_segmentation_are_mirrored_with_its_picture() -> None:
    task = {"kind": "segmentation", "image": "scan", "mask": "{patient_id}", "labels": {"t": 1}}
    assert lines({"kind": "image"}, NOTES, task=task) == []
