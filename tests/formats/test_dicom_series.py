"""Made CT series with every fault of geometry: the same volume, or one sentence that says where."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
import torch
from made_dicom import (
    AIR,
    MARK,
    Made,
    enhanced,
    new_dataset,
    phantom,
    set_pixels,
    write_all,
)
from pydicom.dataset import FileDataset

from tumorboard.errors import InputError
from tumorboard.formats.dicom_files import dicom_files
from tumorboard.formats.dicom_geometry import tolerance_mm
from tumorboard.formats.dicom_series import read_dicom_series
from tumorboard.formats.volume import Volume

#: Unit vectors of a plane turned about two axes.
OBLIQUE = (0.9396926, 0.3420201, 0.0, -0.2961981, 0.8137977, 0.5)


def read(path: Path, **options: Any) -> Volume:
    return read_dicom_series(path, where=path, **options)


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def itk(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (X, Y, Z) in the order of the files and their affine in RAS+, as SimpleITK reads."""
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = SimpleITK.ReadImage(names)
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = direction * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image).T, np.diag([-1, -1, 1, 1]) @ affine


def assert_same_place(volume: Volume, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Every voxel of one grid has a voxel of the same value at the same place of the other."""
    index = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), -1).reshape(-1, 3)
    turn = np.linalg.inv(volume.affine) @ affine
    there = index @ turn[:3, :3].T + turn[:3, 3]
    np.testing.assert_allclose(there, np.rint(there), atol=1e-4)
    ours = volume.array[0][tuple(np.rint(there).astype(int).T)]
    np.testing.assert_allclose(ours, voxels.reshape(-1), atol=1e-5)
    back = volume.affine[:3, :3] @ np.rint(there).T + volume.affine[:3, 3:]
    np.testing.assert_allclose(back.T, index @ affine[:3, :3].T + affine[:3, 3], atol=1e-5)


def test_volume_has_the_values_the_place_and_the_size_of_the_phantom(tmp_path: Path) -> None:
    made = Made()
    volume = read(made.write(tmp_path))
    assert volume.array.shape == (1, 32, 40, 8)
    assert volume.array.dtype == np.int16
    assert volume.kind == "CT"
    assert volume.spacing_mm == pytest.approx((0.7, 0.8, 3.0))
    assert volume.outside is None
    assert (volume.ignored, volume.notes) == ((), ())
    assert len(volume.used) == 8
    assert volume.facts["kernel"] == "B30f"
    # x and y of DICOM run to the left and to the back: both are turned, z is not.
    np.testing.assert_array_equal(volume.array[0], made.hu.T[::-1, ::-1])
    np.testing.assert_allclose(volume.affine[:3, 3], [20 - 31 * 0.7, 15 - 39 * 0.8, 100])
    marked = volume.array[0] >= MARK
    ml = marked.sum() * 0.7 * 0.8 * 3 / 1000
    assert ml == pytest.approx((made.hu >= MARK).sum() * 1.68e-3)
    # The mark is on the patient's left: negative x in RAS+.
    middle = volume.affine @ [*np.argwhere(marked).mean(axis=0), 1]
    body = volume.affine @ [*np.argwhere(volume.array[0] > AIR + 20).mean(axis=0), 1]
    assert middle[0] < body[0] - 2


def test_torch_takes_the_array(tmp_path: Path) -> None:
    array = read(Made().write(tmp_path)).array
    assert torch.from_numpy(array).sum() == int(array.sum(dtype=np.int64))


def test_d01_missing_slice_is_named_or_interpolated_when_allowed(tmp_path: Path) -> None:
    made = Made()
    whole = read(made.write(tmp_path / "whole"))
    folder = made.write(tmp_path / "gap")
    (folder / "004.dcm").unlink()
    message = refusal(folder)
    assert made.series_uid in message
    assert "1 slice missing" in message
    assert "gap of 6 mm where 3 mm was expected, between 003.dcm and 005.dcm" in message
    volume = read(folder, allow_missing_slices=True)
    assert volume.array.shape == whole.array.shape
    np.testing.assert_allclose(volume.affine, whole.affine)
    assert "1 missing slice of 8 interpolated" in volume.notes[0]
    np.testing.assert_array_equal(volume.array[..., [0, 7]], whole.array[..., [0, 7]])
    between = (whole.array[..., 2].astype(float) + whole.array[..., 4]) / 2
    np.testing.assert_allclose(volume.array[..., 3], between)


def test_d02_slices_missing_at_the_ends_are_a_note(tmp_path: Path) -> None:
    def say_ten(ds: FileDataset, k: int) -> None:
        ds.ImagesInAcquisition = 10

    volume = read(Made(edit=say_ten).write(tmp_path))
    assert "ImagesInAcquisition says 10 slices, 8 were found" in volume.notes[0]


def test_d03_copies_are_ignored_and_said(tmp_path: Path) -> None:
    made = Made()
    write_all(made.datasets()[2:4], made.write(tmp_path), start=50)
    volume = read(tmp_path)
    np.testing.assert_array_equal(volume.array[0], made.hu.T[::-1, ::-1])
    reasons = {path.name: reason for path, reason in volume.ignored}
    assert reasons == {
        "050.dcm": "copy of 003.dcm (same place, same pixels)",
        "051.dcm": "copy of 004.dcm (same place, same pixels)",
    }


def test_d04_two_reconstructions_are_listed_and_one_can_be_chosen(tmp_path: Path) -> None:
    def sharp(ds: FileDataset, k: int) -> None:
        ds.ConvolutionKernel = "B70f"

    made = Made()
    made.write(tmp_path)
    other = replace(made, hu=made.hu + 5, edit=sharp)
    write_all(other.datasets(), tmp_path, start=50)
    message = refusal(tmp_path)
    assert "8 of 8 places" in message
    assert "ConvolutionKernel: 'B30f' (8 images), 'B70f' (8 images)" in message
    volume = read(tmp_path, choose={"ConvolutionKernel": "B7*"})
    np.testing.assert_array_equal(volume.array[0], other.hu.T[::-1, ::-1])
    assert len(volume.ignored) == 8


@pytest.mark.parametrize("said", [True, False])
def test_d05_localiser_in_the_series_is_left_out(tmp_path: Path, said: bool) -> None:
    made = Made()
    clean = read(made.write(tmp_path / "clean"))
    folder = made.write(tmp_path / "with")

    def scout(ds: FileDataset, k: int) -> None:
        ds.PixelSpacing = [2.0, 2.0]
        if said:
            ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    sagittal = replace(made, hu=phantom(2), orientation=(0, 1, 0, 0, 0, -1), edit=scout)
    write_all(sagittal.datasets(), folder, start=90)
    volume = read(folder)
    np.testing.assert_array_equal(volume.array, clean.array)
    np.testing.assert_allclose(volume.affine, clean.affine, atol=1e-6)
    assert [path.name for path, _ in volume.ignored] == ["090.dcm", "091.dcm"]
    assert all("localiser" in reason for _, reason in volume.ignored)


def test_d06_two_series_are_listed_and_one_can_be_chosen(tmp_path: Path) -> None:
    made = Made()
    made.write(tmp_path / "a")
    lung = Made(hu=phantom(6), series_uid="1.2.3.77", description="lung")
    lung.write(tmp_path / "b")
    message = refusal(tmp_path)
    assert "2 series that could be the volume" in message
    assert f"{made.series_uid} (8 slices, CT, SeriesDescription 'chest')" in message
    assert "1.2.3.77 (6 slices, CT, SeriesDescription 'lung')" in message
    for choose in ({"SeriesDescription": "lung"}, {"SeriesInstanceUID": "1.2.3.77"}):
        volume = read(tmp_path, choose=choose)
        np.testing.assert_array_equal(volume.array[0], lung.hu.T[::-1, ::-1])
        assert len(volume.used) + len(volume.ignored) == 14
    assert "'chest' (8 images), 'lung' (6 images)" in refusal(
        tmp_path, choose={"SeriesDescription": "brain"}
    )
    assert "SeriesDescription" in refusal(tmp_path, choose={"SeriesDescripton": "lung"})


def test_d07_two_patients_are_never_merged(tmp_path: Path) -> None:
    Made(hu=phantom(5)).write(tmp_path / "a")
    Made(hu=phantom(3), patient_id="P2").write(tmp_path / "b")
    message = refusal(tmp_path)
    assert "images of 2 patients: PatientID 'P1' (5 images), 'P2' (3 images)" in message


@pytest.mark.parametrize("kind", ["opposite", "shuffled", "missing"])
def test_d08_numbers_of_instances_do_not_matter(tmp_path: Path, kind: str) -> None:
    def renumber(ds: FileDataset, k: int) -> None:
        if kind == "missing":
            del ds.InstanceNumber
        else:
            ds.InstanceNumber = 20 - k if kind == "opposite" else (k * 5) % 8

    made = Made(edit=renumber)
    datasets = made.datasets()
    write_all([datasets[k] for k in (3, 1, 7, 0, 6, 2, 5, 4)], tmp_path)
    np.testing.assert_array_equal(read(tmp_path).array[0], made.hu.T[::-1, ::-1])


@pytest.mark.parametrize(
    "orientation",
    [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1), OBLIQUE, (-1, 0, 0, 0, -1, 0)],
    ids=["axial", "sagittal", "coronal", "oblique", "prone"],
)
def test_d09_d18_every_orientation_equals_simpleitk(tmp_path: Path, orientation: Any) -> None:
    made = Made(orientation=orientation)
    volume = read(made.write(tmp_path))
    assert sorted(volume.spacing_mm) == pytest.approx([0.7, 0.8, 3.0])
    assert (np.abs(volume.affine[:3, :3]).argmax(axis=0) == [0, 1, 2]).all()
    assert (np.diag(volume.affine[:3, :3]) > 0).all()
    assert_same_place(volume, *itk(tmp_path))


def test_d18_left_stays_left_feet_first_and_prone(tmp_path: Path) -> None:
    """The same patient scanned in another position: the same anatomy at the same place."""
    made = Made()
    head_first = read(made.write(tmp_path / "hfs"))
    # Rows and columns run the other way, and so do the values: prone, feet first.
    last = np.add(made.origin, [31 * 0.7, 39 * 0.8, 0])
    turned = Made(
        hu=made.hu[:, ::-1, ::-1].copy(),
        orientation=(-1, 0, 0, 0, -1, 0),
        origin=last.tolist(),
        edit=lambda ds, k: setattr(ds, "PatientPosition", "FFP"),
    )
    prone = read(turned.write(tmp_path / "ffp"))
    np.testing.assert_array_equal(prone.array, head_first.array)
    np.testing.assert_allclose(prone.affine, head_first.affine, atol=1e-5)


def test_d10_tilted_gantry_is_refused_with_its_angle(tmp_path: Path) -> None:
    def tilt(ds: FileDataset, k: int) -> None:
        ds.ImagePositionPatient[1] = -15 + k * 3 * np.tan(np.radians(12))
        ds.GantryDetectorTilt = 12

    message = refusal(Made(edit=tilt).write(tmp_path))
    assert "sheared by 12.0 degrees (GantryDetectorTilt 12.0)" in message


@pytest.mark.parametrize("spacing", [1.0, 3.0])
def test_d11_rounded_positions_are_accepted(tmp_path: Path, spacing: float) -> None:
    def jitter(ds: FileDataset, k: int) -> None:
        ds.ImagePositionPatient[2] = 100 + k * spacing + 0.01 * (k in (2, 5))

    volume = read(Made(spacing_mm=(0.8, 0.7, spacing), edit=jitter).write(tmp_path))
    assert volume.spacing_mm[2] == pytest.approx(spacing, abs=1e-6)


def test_d11_tolerance_is_one_percent_and_a_tenth_of_a_millimetre_at_most() -> None:
    assert tolerance_mm(3.0) == pytest.approx(0.03)
    assert tolerance_mm(20.0) == pytest.approx(0.1)
    assert tolerance_mm(0.5) == pytest.approx(0.01)


def shift_z(places: list[float]) -> Callable[[FileDataset, int], None]:
    def edit(ds: FileDataset, k: int) -> None:
        ds.ImagePositionPatient[2] = places[k]

    return edit


def test_d12_variable_spacing_is_refused_with_a_table(tmp_path: Path) -> None:
    places = [0, 2.5, 5, 7.5, 10, 17.5, 25, 32.5]
    message = refusal(Made(edit=shift_z(places)).write(tmp_path / "a"), allow_missing_slices=True)
    assert "4 of 2.5 mm, 3 of 7.5 mm" in message
    assert "between 005.dcm and 006.dcm" in message
    drifting = [3 * k + 0.009 * k * k for k in range(8)]
    assert "vary" in refusal(Made(edit=shift_z(drifting)).write(tmp_path / "b"))


def test_slice_aside_of_the_stack_is_named(tmp_path: Path) -> None:
    def aside(ds: FileDataset, k: int) -> None:
        if k == 4:
            ds.ImagePositionPatient[0] = -17

    assert "005.dcm lies 3.00 mm aside" in refusal(Made(edit=aside).write(tmp_path))


def test_d13_one_slice_is_no_volume(tmp_path: Path) -> None:
    assert "1 slice; a volume needs at least 2" in refusal(Made(hu=phantom(1)).write(tmp_path))


def test_d14_size_of_pixels_at_the_detector_is_not_used(tmp_path: Path) -> None:
    def detector(ds: FileDataset, k: int) -> None:
        ds.ImagerPixelSpacing = ds.PixelSpacing
        del ds.PixelSpacing

    assert "no PixelSpacing, only ImagerPixelSpacing" in refusal(
        Made(edit=detector).write(tmp_path)
    )


@pytest.mark.parametrize("lost", ["all", "one"])
def test_d15_slices_without_position_are_refused(tmp_path: Path, lost: str) -> None:
    def lose(ds: FileDataset, k: int) -> None:
        if lost == "all" or k == 3:
            del ds.ImagePositionPatient

    message = refusal(Made(edit=lose).write(tmp_path))
    assert "without ImagePositionPatient" in message
    assert lost == "all" or "1 of 8 slices" in message
    assert lost == "all" or "004.dcm" in message


def test_d16_thickness_is_not_the_spacing(tmp_path: Path) -> None:
    def thick(ds: FileDataset, k: int) -> None:
        ds.SliceThickness, ds.SpacingBetweenSlices = 5, 4

    volume = read(Made(edit=thick).write(tmp_path))
    assert volume.spacing_mm[2] == pytest.approx(3)
    assert volume.facts["slice_thickness_mm"] == "5.0"


def test_d17_sizes_are_counted(tmp_path: Path) -> None:
    made = Made()
    made.write(tmp_path)
    other = Made(hu=phantom(4, 48, 32), origin=(-20, -15, 124))
    write_all(other.datasets(), tmp_path, start=50)
    message = refusal(tmp_path)
    assert "2 sizes: 8 slices of 40 x 32 (rows x columns), 4 slices of 48 x 32" in message


def test_two_orientations_of_many_slices_are_refused(tmp_path: Path) -> None:
    made = Made()
    made.write(tmp_path)
    write_all(replace(made, orientation=(0, 1, 0, 0, 0, -1)).datasets(), tmp_path, start=50)
    assert "2 orientations: 8 slices along [1, 0, 0, 0, 1, 0]" in refusal(tmp_path)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_d19_enhanced_multi_frame_equals_its_classic_copy(tmp_path: Path, modality: str) -> None:
    made = Made(modality=modality, slope=2.0 if modality == "PT" else 1.0)
    if modality != "CT":
        made = replace(made, hu=made.hu.astype(int) + 2048, intercept=0.0)
    classic = read(made.write(tmp_path / "classic"))
    folder = write_all([enhanced(made)], tmp_path / "enhanced")
    volume = read(folder)
    np.testing.assert_array_equal(volume.array, classic.array)
    np.testing.assert_allclose(volume.affine, classic.affine, atol=1e-6)
    assert volume.used == (folder / "001.dcm",)


def test_d19_groups_that_are_too_few_are_refused(tmp_path: Path) -> None:
    ds = enhanced(Made())
    ds.PerFrameFunctionalGroupsSequence = ds.PerFrameFunctionalGroupsSequence[:5]
    assert "8 frames but 5 groups" in refusal(write_all([ds], tmp_path))


def test_d20_huge_series_is_refused_by_its_header(tmp_path: Path) -> None:
    def huge(ds: FileDataset, k: int) -> None:
        ds.Rows = ds.Columns = 60000

    message = refusal(Made(edit=huge).write(tmp_path))
    assert "8 slices of 60000 x 60000 are 28,800,000,000 voxels (107 GiB)" in message


def test_d20_slide_is_no_volume(tmp_path: Path) -> None:
    ds = Made().dataset(0)
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"
    assert "microscopy slide" in refusal(write_all([ds], tmp_path))


@pytest.mark.parametrize(
    ("tag", "word"),
    [("TemporalPositionIdentifier", "time"), ("TriggerTime", "time"), ("EchoTime", "echo")],
)
def test_d21_several_volumes_over_time_are_refused(tmp_path: Path, tag: str, word: str) -> None:
    made = Made(modality="MR", intercept=0.0, hu=phantom().astype(int) + 1000)
    for t in range(3):
        one = replace(made, hu=made.hu + t, edit=lambda ds, k, t=t: setattr(ds, tag, str(t + 1)))
        write_all(one.datasets(), tmp_path, start=1 + 10 * t)
    message = refusal(tmp_path)
    assert f"{word} dimension n = 3" in message
    assert f"told apart by {tag}" in message
    volume = read(tmp_path, choose={tag: "2"})
    np.testing.assert_array_equal(volume.array[0], (made.hu + 1).T[::-1, ::-1])


def test_d21_cine_without_positions_and_images_at_one_place_are_refused(tmp_path: Path) -> None:
    ds = Made().dataset(0)
    del ds.ImagePositionPatient
    set_pixels(ds, np.zeros((12, 8, 8), np.uint16))
    ds.NumberOfFrames = 12
    message = refusal(write_all([ds], tmp_path / "cine"))
    assert "a time dimension of n = 12 frames" in message

    def same_place(ds: FileDataset, k: int) -> None:
        ds.ImagePositionPatient = [0, 0, 0]
        ds.AcquisitionTime = f"10100{k}"

    message = refusal(Made(edit=same_place).write(tmp_path / "bolus"))
    assert "its 8 images lie at one place, told apart by AcquisitionTime" in message


def test_d22_d33_d47_other_objects_and_files_are_ignored_with_reasons(tmp_path: Path) -> None:
    made = Made()
    made.write(tmp_path)
    others = {
        "DICOMDIR": ("1.2.840.10008.1.3.10", "", "DICOMDIR"),
        "sr.dcm": ("1.2.840.10008.5.1.4.1.1.88.33", "SR", "without PixelData"),
        "rtstruct.dcm": ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", "RT Structure Set"),
        "dose.dcm": ("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE", "RTDOSE"),
        "pr.dcm": ("1.2.840.10008.5.1.4.1.1.11.1", "PR", "without PixelData"),
        "ko.dcm": ("1.2.840.10008.5.1.4.1.1.88.59", "KO", "without PixelData"),
        "seg.dcm": ("1.2.840.10008.5.1.4.1.1.66.4", "SEG", "segmentation (SEG)"),
        "empty.dcm": ("1.2.840.10008.5.1.4.1.1.2", "CT", "CT object (CT Image Storage) without"),
    }
    for name, (sop_class, modality, _) in others.items():
        ds = new_dataset(sop_class, "1.2.3.4")
        ds.Modality, ds.PatientID = modality, "P1"
        if name in ("dose.dcm", "seg.dcm", "empty.dcm"):
            set_pixels(ds, np.zeros((8, 8), np.uint16))
        if name == "empty.dcm":
            del ds.PixelData
        ds.save_as(tmp_path / name)
    (tmp_path / "program.dcm").write_bytes(b"MZ" + bytes(200))
    (tmp_path / "page.dcm").write_bytes(b"<html>" + bytes(200))
    page = made.dataset(0)
    page.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    del page.ImagePositionPatient
    page.save_as(tmp_path / "page_of_doses.dcm")
    volume = read(tmp_path)
    np.testing.assert_array_equal(volume.array[0], made.hu.T[::-1, ::-1])
    reasons = {path.name: reason for path, reason in volume.ignored}
    assert len(volume.used) + len(reasons) == len(list(tmp_path.iterdir()))
    for name, (_, _, words) in others.items():
        assert words in reasons[name]
    assert reasons["program.dcm"] == "not DICOM but a Windows program"
    assert reasons["page.dcm"] == "not DICOM but an HTML or XML file"
    assert "secondary capture without a position" in reasons["page_of_doses.dcm"]


@pytest.mark.parametrize("kept", [400, 600, 690])
def test_d32_a_file_cut_in_its_header_is_refused(tmp_path: Path, kept: int) -> None:
    """Were it left out, the volume would be a slice shorter and nobody would know."""
    path = Made().write(tmp_path) / "008.dcm"
    path.write_bytes(path.read_bytes()[:kept])
    assert f"008.dcm: cut off in its header, after {kept} bytes" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", bytes(3000)])
def test_d32_a_file_without_content_is_a_lost_slice(tmp_path: Path, content: bytes) -> None:
    Made().write(tmp_path)
    (tmp_path / "008.dcm").write_bytes(content)
    message = refusal(tmp_path)
    assert "1 file among the images without content, as a copy that broke off" in message
    assert "008.dcm" in message
    (tmp_path / "008.dcm").rename(tmp_path / "notes.txt")
    assert read(tmp_path).ignored == ((tmp_path / "notes.txt", "empty"),)


def test_d48_modality_that_contradicts_the_storage_class_is_refused(tmp_path: Path) -> None:
    made = Made(edit=lambda ds, k: setattr(ds, "Modality", "MR"))
    assert "Modality is 'MR' but the file is stored as CT" in refusal(made.write(tmp_path))


def test_zip_of_a_series_equals_its_folder_with_names_that_repeat(tmp_path: Path) -> None:
    folder = Made().write(tmp_path / "series")
    whole = read(folder)
    with zipfile.ZipFile(tmp_path / "series.zip", "w") as archive:
        archive.writestr("notes.txt", "none")
        for path in folder.iterdir():
            if len(archive.namelist()) > 1:
                with pytest.warns(UserWarning, match="Duplicate name"):
                    archive.write(path, "same.dcm")
            else:
                archive.write(path, "same.dcm")
    volume = read(tmp_path / "series.zip")
    np.testing.assert_array_equal(volume.array, whole.array)
    assert volume.used == (tmp_path / "series.zip",)
    assert volume.ignored == ((tmp_path / "series.zip", "notes.txt: not DICOM"),)


def test_empty_folder_and_absent_path(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert "no DICOM image among 1 file. a.txt: not DICOM" in refusal(tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        dicom_files(tmp_path / "absent")


def data(*parts: str) -> Path:
    path = Path(os.environ.get("TUMORBOARD_DATA", "none")).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"TUMORBOARD_DATA does not hold {'/'.join(parts)}")
    return path


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name", ["compressed", "compressed_j2k", "compressed_jpeg", "compressed_jpegls"]
)
def test_real_series_equal_simpleitk(name: str) -> None:
    volume = read(data("dicom-zoo", name, "001"))
    assert volume.spacing_mm == pytest.approx((1, 1, 1))
    assert_same_place(volume, *itk(data("dicom-zoo", name, "001")))


@pytest.mark.realdata
def test_real_images_at_one_place_are_no_volume() -> None:
    message = refusal(data("dicom-zoo", "failing", "notavolume"))
    assert re.search(r"series 1\.2\..*: no volume: its 4 images lie at one place", message)


@pytest.mark.realdata
def test_real_mixed_objects_are_refused() -> None:
    message = refusal(data("dicom-zoo", "seg"))
    assert "images of 2 patients: PatientID '1CT1' (1 image), '123456' (1 image)" in message
    single = refusal(data("dicom-zoo", "seg", "ct_image.dcm"))
    assert "1 slice; a volume needs at least 2" in single


@pytest.mark.realdata
def test_real_chest_ct_of_every_fourth_slice_equals_simpleitk(tmp_path: Path) -> None:
    path = data("nsclc-radiogenomics", "AMC-002_chest_ct_every_4th_slice.zip")
    volume = read(path)
    assert volume.spacing_mm == pytest.approx((0.548828125, 0.548828125, 4.0))
    with zipfile.ZipFile(path) as archive:
        for k, name in enumerate(archive.namelist()):
            (tmp_path / f"{k}.dcm").write_bytes(archive.read(name))
    voxels, affine = itk(tmp_path)
    np.testing.assert_array_equal(volume.array[0], voxels[::-1, ::-1])
    corner = affine @ [511, 511, 0, 1]
    np.testing.assert_allclose(volume.affine[:3, 3], corner[:3], atol=1e-5)
    np.testing.assert_allclose(volume.affine[:3, :3], affine[:3, :3] * [-1, -1, 1], atol=1e-9)
