import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from seen_cohort import (
    Picture,
    brighter,
    contrast,
    dark,
    ids,
    jpeg,
    make_audited,
    make_cohort,
    mirrored,
    noise,
    skin,
    smaller,
    speckle,
    turned,
)

from tumorboard.audit import Audited
from tumorboard.audit.duplicate_image import DuplicateImage
from tumorboard.audit.near_duplicate_image import NearDuplicateImage
from tumorboard.cache import Cache
from tumorboard.modalities.image import Image
from tumorboard.simulators.image_table import ImageTable
from tumorboard.training.prepare import prepare
from tumorboard.verbs.evaluate import data_root, load_study

N = 40
KINDS = {"speckle": speckle, "noise": noise, "skin": skin}
CHANGES: dict[str, tuple[Callable[[Picture], Picture], ...]] = {
    "JPEG": (jpeg,),
    "60 %": (smaller,),
    "brighter": (brighter,),
    "contrast": (contrast,),
    "mirrored": (mirrored,),
    "turned": (turned,),
    "turned thrice, mirrored": (turned, turned, turned, mirrored),
    "all": (smaller, brighter, turned, jpeg),
}


def cohort_of(tmp_path: Path, pictures: list[Picture], **settings: Any) -> Audited:
    cohort = make_cohort(tmp_path, ids=ids(len(pictures)), pictures=pictures)
    return make_audited(cohort, cache=tmp_path / "cache", **settings)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found(kind: str, change: str, tmp_path: Path) -> None:
    pictures = [KINDS[kind](i) for i in range(N)]
    copy = pictures[3]
    for step in CHANGES[change]:
        copy = step(copy)
    audited = cohort_of(tmp_path, [*pictures, copy])
    (finding,) = NearDuplicateImage().find(audited)
    assert (finding.code, finding.severity) == ("near-duplicate-image", "warning")
    assert finding.patients == ("P003", "P040")
    assert "3.png (P003) ~ 40.png (P040)" in finding.message
    (pair,) = finding.evidence["pairs"]  # type: ignore[misc]
    assert pair["distance"] < 0.1
    assert pair["detail_agreement"] > 0.85
    assert [image["file"] for image in pair["images"]] == ["3.png", "40.png"]
    assert DuplicateImage().find(audited) == []


def test_the_orientation_is_said(tmp_path: Path) -> None:
    pictures = [speckle(i) for i in range(N)]
    audited = cohort_of(tmp_path, [*pictures, mirrored(pictures[0]), turned(pictures[1])])
    (finding,) = NearDuplicateImage().find(audited)
    said = [pair["orientation"] for pair in finding.evidence["pairs"]]  # type: ignore[union-attr]
    assert said == ["mirrored left to right", "turned 270 degrees"]  # the second into the first


@pytest.mark.parametrize("kind", [*KINDS, "dark"])
def test_pictures_that_merely_look_alike_are_no_copies(kind: str, tmp_path: Path) -> None:
    pictures = [(KINDS | {"dark": dark})[kind](i) for i in range(60)]
    assert NearDuplicateImage().find(cohort_of(tmp_path, pictures)) == []


def test_a_simulated_cohort_is_clean(tmp_path: Path) -> None:
    ImageTable().write(tmp_path, n_patients=40, seed=3)
    study = load_study(tmp_path / "study.toml")
    with Cache(tmp_path / "cache") as cache:
        prepared = prepare(study, data_root(study, tmp_path), cache=cache)
        audited = Audited(study, prepared.cohort, prepared.outcomes, prepared.measured)
        assert NearDuplicateImage().find(audited) == []
        assert DuplicateImage().find(audited) == []


def test_copies_within_one_patient_are_nothing(tmp_path: Path) -> None:
    pictures = [speckle(i) for i in range(N)]
    cohort = make_cohort(tmp_path, ids=[*ids(N), "P003"], pictures=[*pictures, jpeg(pictures[3])])
    assert NearDuplicateImage().find(make_audited(cohort, cache=tmp_path / "cache")) == []


def test_padding_does_not_hide_a_turned_copy(tmp_path: Path) -> None:
    """A picture of 64 x 40 px, scaled to fit a canvas that is not square."""
    pictures = [speckle(i).crop((0, 0, 64, 40)) for i in range(N)]
    audited = cohort_of(
        tmp_path,
        [*pictures, turned(pictures[5])],
        read=lambda: Image(files="{file}", size=(48, 64), aspect="pad"),
    )
    (finding,) = NearDuplicateImage().find(audited)
    assert finding.patients == ("P005", "P040")


def test_a_copy_in_another_cohort_is_found_with_its_cohort(tmp_path: Path) -> None:
    pictures = [speckle(i) for i in range(N)]
    first = make_cohort(tmp_path / "a", ids=ids(N), pictures=pictures)
    other = make_cohort(
        tmp_path / "b", name="other", ids=ids(2), pictures=[speckle(99), jpeg(pictures[7])]
    )
    (finding,) = NearDuplicateImage().find(make_audited(first, other, cache=tmp_path / "cache"))
    (pair,) = finding.evidence["pairs"]  # type: ignore[misc]
    assert [image["cohort"] for image in pair["images"]] == ["made", "other"]
    assert "(made: P007) ~ 1.png (other: P001)" in finding.message


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["breast_ultrasound", "skin_lesions"])
def test_real_images_of_different_patients_are_no_copies(name: str, tmp_path: Path) -> None:
    data = os.environ.get("TUMORBOARD_DATA")
    if not data:
        pytest.skip("TUMORBOARD_DATA names no folder of real images")
    study = load_study(Path(__file__).parents[2] / "studies" / f"{name}.toml")
    with Cache(tmp_path, workers=2) as cache:
        prepared = prepare(study, Path(data), cache=cache)
        audited = Audited(study, prepared.cohort, prepared.outcomes, prepared.measured)
        assert NearDuplicateImage().find(audited) == []
        assert [f.severity for f in DuplicateImage().find(audited)] in ([], ["note"])
