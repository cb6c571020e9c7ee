"""Which names belong together; what a file's record says; see tests/cohorts for whole cohorts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.annotated_cohort import ImageTable, patient_namer
from tumorboard.formats.annotated_images import read_annotated_images
from tumorboard.formats.annotation_pairing import AnnotationRules, by_name, find_annotated

RULES = AnnotationRules("i/*", "a/*", (), "auto", "reject")


def written(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".png"):
            Image.fromarray(np.zeros((9, 9), np.uint8)).save(root / name)
        else:
            (root / name).write_text('{"a": [{"x": 0.5, "y": 0.5}]}')
    return root


def named(names: Sequence[str]) -> Mapping[str, str]:
    return {name: "p" for name in names}


def test_files_are_told_apart_by_their_endings_in_natural_order(tmp_path: Path) -> None:
    written(tmp_path, "i/s10.png", "i/s2.png", "i/s2.json", "a/s2.json", "a/read.me")
    found = find_annotated(tmp_path, images="i/*", annotations="a/*")
    assert found.images == ("i/s2.png", "i/s10.png")
    assert found.annotations == ("a/s2.json",)
    assert found.others == ("a/read.me", "i/s2.json")
    beside = find_annotated(tmp_path, images="i/*", annotations="i/*")
    assert (beside.images, beside.annotations) == (found.images, ("i/s2.json",))
    with pytest.raises(StudyError, match="has braces"):
        find_annotated(tmp_path, images="i/{x}", annotations="a/*")
    with pytest.raises(InputError, match=r"no folder 'b' here.*--data DIR"):
        find_annotated(tmp_path, images="b/*", annotations="a/*")


def test_an_image_goes_by_its_path_its_name_and_its_stem() -> None:
    assert by_name(["i/s.svs", "i/t.png"]) == {
        "s.svs": "i/s.svs", "t.png": "i/t.png", "i/s.svs": "i/s.svs", "i/t.png": "i/t.png",
        "s": "i/s.svs", "t": "i/t.png",
    }  # fmt: skip
    with pytest.raises(InputError, match=r"same name: i/s\.png and j/s\.tif"):
        by_name(["i/s.png", "j/s.tif"])


def test_an_annotation_file_may_keep_the_ending_of_its_image(tmp_path: Path) -> None:
    written(tmp_path, "i/s.png", "a/s.png.json", "a/t.json")
    found = read_annotated_images(tmp_path, RULES, name_patients=named)
    assert [one.x for one in found.rows["i/s.png"]] == [4.5]
    assert found.counts == {"a": 2}
    assert {name: record.state for name, record in found.records.items()} == {
        "i/s.png": "used", "a/s.png.json": "used", "a/t.json": "rejected",
    }  # fmt: skip
    assert [rejection.path for rejection in found.rejections] == [tmp_path / "a" / "t.json"]


def test_patients_that_differ_in_case_only_are_refused() -> None:
    name = patient_namer("(.+)_.", ImageTable(None, (), "patient_id"))
    assert name(["i/P1_a.png", "i/P1_b.png"]) == {"i/P1_a.png": "P1", "i/P1_b.png": "P1"}
    with pytest.raises(InputError, match="differ only in case"):
        name(["i/P1_a.png", "i/p1_b.png"])
