"""Reference masks between the files they lie in and what a segmenter sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from small_masks import AFFINE, SHAPE, write_balls

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.study import Study
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.prepare import prepare
from tumorboard.training.references import References
from tumorboard.verbs.check import check


def _references(study: Path, folder: Path, *overrides: str) -> References:
    found = prepare(Study.load(study, overrides=list(overrides)), study.parent, cache=Cache(folder))
    assert found.references is not None
    return found.references


@pytest.mark.parametrize("setting", ["spacing_mm=[4.0,4.0,3.0]", "shrink=[2.0,2.0,1.0]"])
def test_a_mask_on_larger_voxels_lies_where_it_lay_and_is_as_large(
    tmp_path: Path, setting: str
) -> None:
    study = write_balls(tmp_path / "data", n=12)
    more = ['modalities.ct.spacing_mm="unknown"'] if setting.startswith("shrink") else []
    found = _references(study, tmp_path / "cache", *more, f"modalities.ct.{setting}")
    shifts, volumes = [], []
    numbers: set[int] = set()
    for row in range(12):
        own, network = found.own(row), found.network(row)
        assert network.shape == (10, 9, 8)
        # coarse voxel i covers the fine voxels 2i and 2i + 1
        centre = np.argwhere(network).mean(axis=0) * [2, 2, 1] + [0.5, 0.5, 0]
        numbers |= set(np.unique(network).tolist())
        volumes.append(4 * np.count_nonzero(network) / np.count_nonzero(own))
        shifts.append(centre - np.argwhere(own).mean(axis=0))
    np.testing.assert_allclose(np.mean(shifts, axis=0), 0, atol=0.25)  # of a fine voxel
    assert np.mean(volumes) == pytest.approx(1, abs=0.08)
    assert numbers == {0, 2}


def test_rows_of_one_file_have_the_masks_of_their_own_boxes(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data", n=6)
    table = study.parent / "patients.csv"
    lines = ["patient,note,x,y,z", *(f"p{i},A ball.,10,-2,17" for i in range(6))]
    lines.append("p0,A ball.,2,6,14")
    table.write_text("\n".join(lines) + "\n")
    found = _references(
        study, tmp_path / "cache", "modalities.ct.size=[8,8,4]",
        'modalities.ct.crop={around = ["x", "y", "z"], convention = "RAS"}', 'task.unit="row"',
    )  # fmt: skip
    np.testing.assert_array_equal(found.own(0), found.own(6))
    assert not np.array_equal(found.network(0), found.network(6))
    for row in (0, 6):
        back = found.cases.to_own(row, found.network(row)[None].astype(np.float32))[0]
        box = found.cases.to_own(row, np.ones((1, 8, 8, 4), dtype=np.float32))[0] > 0
        np.testing.assert_array_equal(back[box], found.own(row)[box])


def _with_masks(study: Path, made: dict[str, NDArray[np.uint8]]) -> None:
    for name, mask in made.items():
        nib.save(nib.Nifti1Image(mask, AFFINE), study.parent / "mask" / f"{name}.nii.gz")


def test_a_label_that_one_patient_lacks_is_absent_there(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data", n=4)
    other = np.zeros(SHAPE, dtype=np.uint8)
    other[5:9, 5:9, 2:5] = 1  # of another structure, which the study does not name
    _with_masks(study, {"p1": other})
    found = _references(study, tmp_path / "cache")
    assert sorted(found.keys) == [0, 1, 2, 3]
    task = Segmentation(Study.load(study).keys.task)
    assert not task.masks(found.own(1)).any()
    assert found.notes == (
        "2 in 3 of 4 masks (task.labels)",
        "numbers that task.labels does not name are background: 1 in 1 of 4 masks (patient p1)",
        "counted as without a tumour, since their masks hold none but such numbers: patient p1. "
        "Add the number to task.labels, or leave them out (cohort.exclude).",
    )


def test_masks_on_another_grid_are_counted_each_time(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data", n=4)
    smaller = np.full((10, 10, 4), 2, dtype=np.uint8)  # a corner of the image
    _with_masks(study, {"p2": smaller})
    said = (
        "1 mask lies on another grid than the image, whose nearest voxels were taken: p2. Do they "
        "belong to it?"
    )
    for _ in range(2):  # read, and from the cache
        found = _references(study, tmp_path / "cache")
        assert found.notes == (said,)
        assert np.count_nonzero(found.own(2)) == smaller.size


def test_a_study_without_a_usable_mask_says_so(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data", n=4)
    for path in (study.parent / "mask").iterdir():
        path.write_bytes(b"no mask")
    said = (
        r"no patient has an image with a usable mask \(4 masks cannot be used\), such as patient p0"
    )
    with pytest.raises(InputError, match=said):
        _references(study, tmp_path / "cache")


def test_a_label_that_no_mask_has_is_refused_except_in_a_trial(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data", n=4)
    labels = "task.labels={ball=2,node=3,both=[2,3]}"
    said = (
        "task.labels.node: no mask holds 3 (0 of 4 masks), so 'node' cannot be learned. Remove "
        "this label or mend its number; the masks hold 2 in 4."
    )
    with pytest.raises(StudyError) as caught:
        _references(study, tmp_path / "cache", labels)
    assert caught.value.problems == (said,)
    asked = Study.load(study, overrides=[labels])
    few = prepare(asked, study.parent, cache=Cache(tmp_path / "cache"), patients_per_class=2)
    assert few.references is not None
    assert few.references.absent == (said.replace("0 of 4", "0 of 2").replace("in 4", "in 2"),)
    _with_masks(study, {f"p{i}": np.zeros(SHAPE, dtype=np.uint8) for i in range(4)})
    with pytest.raises(StudyError, match=r"task.labels.ball: no mask holds 2 .* hold nothing\."):
        _references(study, tmp_path / "cache")


def test_who_is_left_out_is_named(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data", n=12)
    (study.parent / "mask" / "p3.nii.gz").unlink()
    lines = check(study, estimate_time=False).lines
    assert "left out: no mask of the reference: 1 patient, 1 row (p3)" in lines


BRATS = """
[study]
name = "brats"
[cohort]
source = "brats"
[task]
kind = "segmentation"
image = "mri"
mask = "{seg}"
unit = "row"
labels = {tumour = 1}
[modalities.mri]
kind = "volume"
files = ["{t1}", "{t2}"]
size = "whole"
spacing_mm = "keep"
encoder = {name = "unet", widths = [4, 8]}
[modalities.record]
kind = "table"
categorical = ["timepoint"]
"""


def test_a_case_without_one_sequence_leaves_the_others_theirs(tmp_path: Path) -> None:
    """Case 1 is a second time point of a patient who has both at the first; case 2 stands alone."""
    cases = [(0, 100), (0, 101), (1, 100), (2, 100), (3, 100)]
    names = [f"BraTS-GLI-0000{patient}-{time}" for patient, time in cases]
    rng = np.random.default_rng(0)
    for k, name in enumerate(names):
        (tmp_path / name).mkdir()
        lost = "t2w" if k in (1, 2) else ""
        for part in {"t1n", "t1c", "t2w", "t2f", "seg"} - {lost}:
            array = rng.normal(size=(6, 6, 6)) if part != "seg" else np.zeros((6, 6, 6))
            array[: k + 1] = 1  # as many voxels of the mask tell the cases apart
            image = nib.Nifti1Image(array.astype(np.float32), np.eye(4))
            nib.save(image, tmp_path / name / f"{name}-{part}.nii.gz")
    (tmp_path / "study.toml").write_text(BRATS)
    found = prepare(Study.load(tmp_path / "study.toml"), tmp_path, cache=Cache(tmp_path / "cache"))
    assert found.cohort.unit_id == (names[0], *names[3:])
    assert found.references is not None
    assert [found.references.own(row).sum() // 36 for row in range(3)] == [1, 4, 5]
    assert [r.reason for r in found.rejections if r.patient_id == "BraTS-GLI-00000"] == [
        f"{names[1]} has no t2 sequence: expected {names[1]}-t2w.nii.gz",
        "its image (mri) is absent or cannot be used",
    ]


def test_white_is_the_one_label_and_no_other_number_is(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data", n=3)
    white = np.zeros(SHAPE, dtype=np.uint8)
    white[5:9, 5:9, 2:5] = 255
    _with_masks(study, {"p0": white})
    found = _references(study, tmp_path / "cache")
    np.testing.assert_array_equal(found.own(0), (white[::-1] > 0) * 2)
    with pytest.raises(InputError, match="names 1, but the masks of 2 rows hold 2 alone"):
        _references(
            study, tmp_path / "other", "task.labels={ball=1}", 'cohort.exclude={patient=["p0"]}'
        )


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["m/p1.nii.gz", "m/p2.nii.gz"], ["p1", "p2"]),
        (["p1/seg.nii", "p2/seg.nii"], ["p1-seg", "p2-seg"]),
        (["m/a.png m/a_1.png", "m/b.png m/b_1.png"], ["m-a", "m-b"]),
        (["p1/1.png p1/2.png", "p2/1.png p2/2.png"], ["p1", "p2"]),
        (["m/p1.nii", "m/p1.nii"], ["m-p1-0", "m-p1-1"]),
    ],
)
def test_no_two_masks_are_written_under_one_name(files: list[str], names: list[str]) -> None:
    paths = {row: tuple(map(Path, own.split())) for row, own in enumerate(files)}
    cases: Any = None
    found = References(cases, cases, dict.fromkeys(paths, ""), paths)
    assert [found.names[row] for row in paths] == names
