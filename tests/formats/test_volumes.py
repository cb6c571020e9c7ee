"""Volumes of every format but DICOM: the same voxels at the same place, or one clear sentence."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from tumorboard.errors import InputError
from tumorboard.formats.orientation import to_ras
from tumorboard.formats.volumes import ASSUMED, read_volume

RNG = np.random.default_rng(3)


def oblique(spacing: tuple[float, float, float] = (0.7, 0.9, 2.5)) -> np.ndarray:
    """Axes in the order z, x, y, one of them backwards, turned by 10 degrees about z."""
    turn = np.radians(10)
    rotation = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    order = np.array([[0, -1, 0], [0, 0, 1], [1, 0, 0]])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ order * np.asarray(spacing)
    affine[:3, 3] = (12, -34, 56)
    return affine


def write_nifti(path: Path, values: np.ndarray, affine: np.ndarray | None, **codes: int) -> Path:
    image: Any = nib.Nifti1Image(values, affine)
    for name, code in codes.items():
        getattr(image, f"set_{name}")(image.affine, code=code)
    nib.save(image, path)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_equals_nibabel_at_every_voxel_of_the_world(tmp_path: Path, suffix: str) -> None:
    values = RNG.integers(-1000, 2000, (5, 6, 7)).astype(np.int16)
    volume = read_volume(write_nifti(tmp_path / f"a{suffix}", values, oblique()))
    assert volume.array.dtype == np.int16
    theirs: Any = nib.as_closest_canonical(nib.load(tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(volume.array[0], theirs.get_fdata())
    np.testing.assert_allclose(volume.affine, theirs.affine, atol=1e-5)
    assert nib.aff2axcodes(volume.affine) == ("R", "A", "S")
    np.testing.assert_allclose(volume.spacing_mm, (0.9, 2.5, 0.7), atol=1e-6)


def test_scaled_integers_and_not_a_number(tmp_path: Path) -> None:
    image: Any = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    image.header.set_slope_inter(0.5, -10)
    nib.save(image, tmp_path / "scaled.nii")
    np.testing.assert_allclose(
        read_volume(tmp_path / "scaled.nii").array.ravel(), np.arange(24) * 0.5 - 10
    )
    values = np.ones((2, 3, 4), dtype=np.float32)
    values[1, 2, 3] = np.nan
    volume = read_volume(write_nifti(tmp_path / "nan.nii", values, np.eye(4)))
    assert volume.outside is not None
    assert np.argwhere(volume.outside).tolist() == [[1, 2, 3]]
    assert np.isfinite(volume.array).all()


def test_metres_and_micrometres_become_millimetres(tmp_path: Path) -> None:
    for unit, factor in (("meter", 1000.0), ("micron", 0.001)):
        image: Any = nib.Nifti1Image(np.zeros((2, 3, 4), np.float32), np.diag([2, 2, 2, 1.0]))
        image.header.set_xyzt_units(unit)
        nib.save(image, tmp_path / "unit.nii")
        np.testing.assert_allclose(read_volume(tmp_path / "unit.nii").spacing_mm, 2 * factor)


def test_a_marker_on_the_left_stays_left_in_every_format(tmp_path: Path) -> None:
    left_mm = np.array([-8.0, 3.0, 4.0])  # RAS: x below 0 is the patient's left
    for affine in (np.eye(4), np.diag([-1.0, -1, 1, 1]), oblique((1, 1, 1))):
        affine = affine.copy()
        values = np.zeros((24, 26, 28), dtype=np.int16)
        affine[:3, 3] = left_mm - affine[:3, :3] @ np.array([5, 6, 7])
        values[5, 6, 7] = 1000
        write_nifti(tmp_path / "m.nii", values, affine)
        image = sitk.GetImageFromArray(values.transpose(2, 1, 0))
        lps = np.diag([-1.0, -1, 1, 1]) @ affine
        image.SetOrigin(lps[:3, 3].tolist())
        image.SetDirection(lps[:3, :3].ravel().tolist())
        sitk.WriteImage(image, str(tmp_path / "m.nrrd"))
        for name in ("m.nii", "m.nrrd"):
            volume = read_volume(tmp_path / name)
            index = np.argwhere(volume.array[0] == 1000)[0]
            np.testing.assert_allclose((volume.affine @ [*index, 1])[:3], left_mm, atol=1e-4)


def test_no_voxel_moves_when_axes_are_put_in_order() -> None:
    values = RNG.normal(size=(3, 4, 5))
    turned, affine = to_ras(values, oblique())
    assert turned.shape == (4, 5, 3)
    for index in np.ndindex(values.shape):
        place = np.linalg.solve(affine, oblique() @ [*index, 1])[:3]
        assert turned[tuple(np.rint(place).astype(int))] == values[index]


def test_slices_come_in_natural_order_as_they_are_shown(tmp_path: Path) -> None:
    for k in (10, 2, 1):
        pixels = np.full((6, 8), k, dtype=np.uint8)
        pixels[0, 0] = 200  # upper left as shown: the patient's right, front
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    volume = read_volume(tmp_path)
    assert volume.array.shape == (1, 8, 6, 3)
    assert volume.array[0, 3, 3].tolist() == [1, 2, 10]
    assert volume.array[0, -1, -1].tolist() == [200, 200, 200]
    assert volume.notes == (ASSUMED,)
    assert volume.facts["geometry"] == "unknown"
    assert volume.ignored == ((tmp_path / "notes.txt", "no picture"),)


def nothing(path: Path) -> Path:
    return path


def two(path: Path) -> Path:
    path.mkdir()
    for name in "ab":
        write_nifti(path / f"{name}.nii", np.zeros((2, 2, 2), np.int16), np.eye(4))
    return path


def sizes(path: Path) -> Path:
    path.mkdir()
    for k, shape in enumerate(((4, 5), (4, 5), (6, 5))):
        Image.fromarray(np.zeros(shape, np.uint8)).save(path / f"{k}.png")
    return path


def one_slice(path: Path) -> Path:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def with_time(path: Path) -> Path:
    return write_nifti(path.with_suffix(".nii"), np.zeros((3, 3, 3, 5), np.int16), np.eye(4))


def no_affine(path: Path) -> Path:
    values = np.zeros((3, 3, 3), np.int16)
    return write_nifti(path.with_suffix(".nii"), values, np.eye(4), sform=0, qform=0)


def sheared(path: Path) -> Path:
    affine = np.eye(4)
    affine[1, 2] = np.tan(np.radians(15))
    return write_nifti(path.with_suffix(".nii"), np.zeros((3, 3, 3), np.int16), affine)


def disagreeing(path: Path) -> Path:
    image: Any = nib.Nifti1Image(np.zeros((3, 3, 3), np.int16), np.eye(4))
    image.set_sform(np.eye(4), code=1)
    image.set_qform(np.diag([-1.0, -1.0, 1.0, 1.0]), code=1)
    nib.save(image, path.with_suffix(".nii"))
    return path.with_suffix(".nii")


def cut(path: Path) -> Path:
    values = RNG.integers(0, 1000, (20, 20, 20)).astype(np.int16)
    whole = write_nifti(path.with_suffix(".nii.gz"), values, np.eye(4))
    whole.write_bytes(whole.read_bytes()[: os.path.getsize(whole) * 6 // 10])
    return whole


def no_space(path: Path) -> Path:
    named = path.with_suffix(".nrrd")
    header = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\nendian: little\n\n"
    named.write_bytes(header + bytes(16))
    return named


def text(path: Path) -> Path:
    path.write_text("<html>")
    return path


def cut_zip(path: Path) -> Path:
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("1.dcm", bytes(3000))
    archive.write_bytes(archive.read_bytes()[:2000])
    return archive.rename(path)  # told by its first bytes, whatever its name


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (nothing, "no such file"),
        (two, r"2 volumes \(a.nii, b.nii\), expected one"),
        (sizes, r"slices of 2 sizes in pixels \(2 of 5 x 4, 1 of 5 x 6"),
        (one_slice, "1 slice, expected the slices of a volume"),
        (with_time, r"a further axis of 5 \(time"),
        (no_affine, "neither sform nor qform is set"),
        (sheared, r"sheared by 1[45]\.\d degrees"),
        (disagreeing, r"sform and qform disagree by 4\.0 mm"),
        (cut, "damaged or unreadable NIfTI"),
        (no_space, "neither its space nor the directions"),
        (text, "no volume among 1 file"),
        (cut_zip, "not a whole ZIP .* It may be cut off or split in parts"),
    ],
)
def test_what_is_no_sound_volume_is_refused(tmp_path: Path, make: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_volume(make(tmp_path / "volume"))


def test_gzip_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(b"no volume"))
    with pytest.raises(InputError, match="no volume among 1 file"):
        read_volume(tmp_path / "a.nii.gz")
