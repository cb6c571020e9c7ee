from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from tumorboard.errors import InputError
from tumorboard.formats.label_maps import check_same_grid, mask_files, read_label_map

AFFINE = np.diag([2.0, 1.0, 3.0, 1.0])


def saved(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def labelled() -> np.ndarray:
    values = np.zeros((6, 5, 4), dtype=np.uint8)
    values[0, 0, 0], values[5, 4, 3] = 1, 4
    return values


def test_labels_spacing_and_places(tmp_path: Path) -> None:
    found = read_label_map(saved(tmp_path / "a.nii.gz", labelled()))
    assert found.labels() == (1, 4)
    assert found.spacing_mm == (2.0, 1.0, 3.0)
    np.testing.assert_array_equal(found.mask(4), labelled() == 4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_types_of_numbers(tmp_path: Path, dtype: type) -> None:
    found = read_label_map(saved(tmp_path / "a.nii", labelled().astype(dtype)))
    assert found.labels() == (1, 4)


def test_other_order_of_axes_is_the_same_grid(tmp_path: Path) -> None:
    one = read_label_map(saved(tmp_path / "a.nii", labelled()))
    affine = np.diag([-2.0, 1.0, 3.0, 1.0])
    affine[0, 3] = 10.0
    other = read_label_map(saved(tmp_path / "b.nii", labelled()[::-1], affine))
    check_same_grid(one, other)
    np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize(
    ("shift", "spacing", "words"),
    [(0.2, 2.0, "corners lie up to 0.2 mm apart"), (0.0, 2.1, r"voxels of 2.1 x 1 x 3 against")],
)
def test_other_grids(tmp_path: Path, shift: float, spacing: float, words: str) -> None:
    affine = AFFINE.copy()
    affine[0, 0], affine[1, 3] = spacing, shift
    one = read_label_map(saved(tmp_path / "a.nii", labelled()))
    with pytest.raises(InputError, match=words):
        check_same_grid(one, read_label_map(saved(tmp_path / "b.nii", labelled(), affine)))
    affine = AFFINE.copy()
    affine[1, 3] = 1e-3  # rounding
    check_same_grid(one, read_label_map(saved(tmp_path / "c.nii", labelled(), affine)))
    with pytest.raises(InputError, match=r"6 x 5 x 3 voxels, the reference has 6 x 5 x 4"):
        check_same_grid(one, read_label_map(saved(tmp_path / "d.nii", labelled()[:, :, :3])))


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.4, "found 0.4; expected whole numbers"), (np.nan, "1 voxels are NaN"),
     (-1.0, "values from -1 to 4"), (70000.0, "expected labels from 0")],
)  # fmt: skip
def test_values_that_are_no_labels(tmp_path: Path, value: float, words: str) -> None:
    values = labelled().astype(np.float32)
    values[1, 1, 1] = value
    with pytest.raises(InputError, match=words):
        read_label_map(saved(tmp_path / "a.nii", values))


def test_several_volumes_and_no_nifti(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a further axis of 2"):
        read_label_map(saved(tmp_path / "a.nii", np.zeros((4, 4, 4, 2), dtype=np.uint8)))
    (tmp_path / "b.nii.gz").write_bytes(b"no mask")
    with pytest.raises(InputError, match=r"b.nii.gz: damaged or unreadable"):
        read_label_map(tmp_path / "b.nii.gz")


def test_png(tmp_path: Path) -> None:
    Image.fromarray(labelled()[:, :, 3]).save(tmp_path / "a.png")
    found = read_label_map(tmp_path / "a.png", spacing_mm=(0.5, 0.7))
    assert (found.labels(), found.spacing_mm, found.affine) == ((4,), (0.5, 0.7), None)
    with pytest.raises(InputError, match="--spacing-mm HEIGHT WIDTH"):
        read_label_map(tmp_path / "a.png")
    colours = np.zeros((4, 4, 3), dtype=np.uint8)
    colours[0, 0, 0] = 255
    Image.fromarray(colours).save(tmp_path / "b.png")
    with pytest.raises(InputError, match="one grey channel"):
        read_label_map(tmp_path / "b.png", spacing_mm=(1, 1))
    Image.fromarray(colours).save(tmp_path / "c.jpg")
    (tmp_path / "c.jpg").rename(tmp_path / "c.png")
    with pytest.raises(InputError, match="the content is JPEG"):
        read_label_map(tmp_path / "c.png", spacing_mm=(1, 1))


def test_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.nii.gz", "a.nii", "c.PNG", "dataset.json", ".hidden.nii"):
        (tmp_path / name).touch()
    (tmp_path / "folder.nii").mkdir()
    found, others = mask_files(tmp_path)
    assert {case: path.name for case, path in found.items()} == {
        "a": "a.nii", "b": "b.nii.gz", "c": "c.PNG",
    }  # fmt: skip
    assert [path.name for path in others] == ["dataset.json"]
    (tmp_path / "b.nii").touch()
    with pytest.raises(InputError, match=r"b.nii.gz: b.nii is the same case"):
        mask_files(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        mask_files(tmp_path / "none")


def test_a_picture_of_one_bit_holds_0_and_1(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    mask = np.zeros((4, 5), dtype=bool)
    mask[1, 2] = True
    Image.fromarray(mask).save(path)
    found = read_label_map(path, spacing_mm=(1.0, 1.0))
    assert np.unique(found.values).tolist() == [0, 1]
    assert found.values[1, 2] == 1
