from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from seen_cohort import ids, make_audited, make_cohort, noise, skin, speckle

from tumorboard.audit import Audited
from tumorboard.audit.duplicate_image import DuplicateImage
from tumorboard.audit.near_duplicate_image import NearDuplicateImage

N = 20


def audited(tmp_path: Path, *, suffix: str = ".png", kind=speckle, extra: int = 1) -> Audited:
    pictures = [kind(i) for i in range(N)] + [kind(i) for i in range(extra)]
    cohort = make_cohort(tmp_path, ids=ids(N + extra), pictures=pictures, suffix=suffix)
    return make_audited(cohort, cache=tmp_path / "cache")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
@pytest.mark.parametrize("kind", [speckle, noise, skin])
def test_one_image_under_two_patients_is_an_error(suffix: str, kind, tmp_path: Path) -> None:
    found = audited(tmp_path, suffix=suffix, kind=kind)
    (finding,) = DuplicateImage().find(found)
    assert (finding.code, finding.severity) == ("duplicate-image", "error")
    assert finding.patients == ("P000", "P020")
    assert f"0{suffix} (P000) = 20{suffix} (P020)" in finding.message
    assert "one patient id" in finding.message
    assert finding.evidence["groups"] == [
        [
            {"cohort": "", "patient_id": "P000", "file": f"0{suffix}"},
            {"cohort": "", "patient_id": "P020", "file": f"20{suffix}"},
        ]
    ]
    assert NearDuplicateImage().find(found) == []  # said once


def test_the_same_pixels_in_another_format_are_identical(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, ids=ids(N), pictures=[speckle(i) for i in range(N)])
    path = tmp_path / "copy.tif"
    speckle(4).save(path)
    files = (*cohort.files["scan"][:-1], (path,))
    cohort = make_cohort(tmp_path, ids=ids(N), pictures=[speckle(i) for i in range(N)])
    object.__setattr__(cohort, "files", {"scan": files})
    (finding,) = DuplicateImage().find(make_audited(cohort, cache=tmp_path / "cache"))
    assert finding.patients == ("P004", "P019")


def test_several_groups_are_one_finding(tmp_path: Path) -> None:
    (finding,) = DuplicateImage().find(audited(tmp_path, extra=15))
    assert finding.evidence["n_groups"] == 15
    assert len(finding.patients) == 30
    assert "and 5 more" in finding.message


@pytest.mark.parametrize("kind", [speckle, noise, skin])
def test_different_images_are_clean(kind, tmp_path: Path) -> None:
    assert DuplicateImage().find(audited(tmp_path, kind=kind, extra=0)) == []


def test_one_pixel_makes_an_image_another_one(tmp_path: Path) -> None:
    changed = np.array(speckle(0))
    changed[30, 30] ^= 16
    pictures = [*(speckle(i) for i in range(N)), Pillow.fromarray(changed)]
    cohort = make_cohort(tmp_path, ids=ids(N + 1), pictures=pictures)
    found = make_audited(cohort, cache=tmp_path / "cache")
    assert DuplicateImage().find(found) == []
    assert NearDuplicateImage().find(found)[0].patients == ("P000", "P020")


def test_a_copy_within_a_patient_is_a_note(tmp_path: Path) -> None:
    pictures = [*(speckle(i) for i in range(N)), speckle(2)]
    cohort = make_cohort(tmp_path, ids=[*ids(N), "P002"], pictures=pictures)
    (finding,) = DuplicateImage().find(make_audited(cohort, cache=tmp_path / "cache"))
    assert (finding.severity, finding.patients) == ("note", ("P002",))


def test_one_file_in_two_rows_of_a_patient_is_nothing(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, ids=ids(N), pictures=[speckle(i) for i in range(N)])
    cohort = cohort.take([*range(N), 3])
    assert DuplicateImage().find(make_audited(cohort, cache=tmp_path / "cache")) == []


def test_blank_images_are_no_person(tmp_path: Path) -> None:
    blank = Pillow.new("L", (64, 64), 0)
    pictures = [*(speckle(i) for i in range(N)), blank, blank]
    cohort = make_cohort(tmp_path, ids=ids(N + 2), pictures=pictures)
    found = make_audited(cohort, cache=tmp_path / "cache")
    (finding,) = DuplicateImage().find(found)
    assert finding.severity == "note"
    assert "blank" in finding.message
    assert NearDuplicateImage().find(found) == []
