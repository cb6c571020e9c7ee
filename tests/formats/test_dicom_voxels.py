"""Pixels of made series: every encoding gives the same values, damage is named, padding apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from made_dicom import Made, enhanced, phantom, write_all
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    MPEG2MPML,
    UID,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tumorboard.errors import InputError
from tumorboard.formats.dicom_files import DicomFile
from tumorboard.formats.dicom_headers import read_header
from tumorboard.formats.dicom_series import read_dicom_series
from tumorboard.formats.volume import Volume

Edit = Callable[[FileDataset, int], None]


def read(path: Path, **options: Any) -> Volume:
    return read_dicom_series(path, where=path, **options)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def ras(values: np.ndarray) -> np.ndarray:
    """(slices, rows, columns) of an axial series as (X, Y, Z)."""
    return values.T[::-1, ::-1]


def compress(ds: FileDataset, syntax: UID) -> None:
    stored = np.frombuffer(ds.PixelData, np.uint16).reshape(-1, ds.Rows, ds.Columns)
    if syntax == RLELossless:
        ds.compress(RLELossless)
        return
    encode: dict[UID, Any] = {
        JPEGLosslessSV1: lambda a: imagecodecs.ljpeg_encode(a, bitspersample=16),
        JPEGLSLossless: imagecodecs.jpegls_encode,
        JPEG2000Lossless: lambda a: imagecodecs.jpeg2k_encode(
            a, level=0, codecformat="j2k", reversible=True
        ),
        HTJ2K: lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    }
    ds.PixelData = encapsulate([encode[syntax](frame) for frame in stored])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = syntax


def with_syntax(syntax: UID) -> Edit:
    return lambda ds, k: compress(ds, syntax)


@pytest.mark.parametrize(
    "syntax",
    [JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2K, RLELossless],
    ids=["jpeg_lossless", "jpeg_ls", "jpeg_2000", "htj2k", "rle"],
)
def test_d30_lossless_compression_gives_the_same_values(tmp_path: Path, syntax: UID) -> None:
    made = Made(hu=phantom(3))
    volume = read(replace(made, edit=with_syntax(syntax)).write(tmp_path))
    np.testing.assert_array_equal(volume.array[0], ras(made.hu))


def test_d30_film_is_refused_by_the_name_of_its_transfer_syntax(tmp_path: Path) -> None:
    def film(ds: FileDataset, k: int) -> None:
        ds.PixelData = encapsulate([b"\0" * 10])
        ds.file_meta.TransferSyntaxUID = MPEG2MPML

    assert "MPEG2 Main Profile / Main Level" in refusal(Made(edit=film).write(tmp_path))


def test_d31_one_corrupt_frame_is_named(tmp_path: Path) -> None:
    made = replace(Made(hu=phantom(6)), edit=with_syntax(JPEG2000Lossless))
    folder = made.write(tmp_path / "files")
    path = folder / "004.dcm"
    content = path.read_bytes()
    start = content.index(b"\xff\x4f\xff\x51")
    path.write_bytes(content[: start + 8] + b"\xff" * 60 + content[start + 68 :])
    assert "004.dcm: damaged pixel data (JPEG 2000" in refusal(folder)


def test_d31_corrupt_frame_of_a_multi_frame_object_is_numbered(tmp_path: Path) -> None:
    ds = enhanced(Made(hu=phantom(5)))
    compress(ds, JPEG2000Lossless)
    content: Any = bytearray(ds.PixelData)
    starts = [k for k in range(len(content)) if bytes(content[k : k + 4]) == b"\xff\x4f\xff\x51"]
    content[starts[3] + 4 : starts[3] + 60] = b"\xff" * 56
    ds.PixelData = bytes(content)
    assert "001.dcm frame 4: damaged pixel data" in refusal(write_all([ds], tmp_path))


def test_d32_cut_file_says_how_many_bytes(tmp_path: Path) -> None:
    folder = Made().write(tmp_path)
    path = folder / "005.dcm"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    pixels = content.index(b"\xe0\x7f\x10\x00") + 12
    there = len(content) * 6 // 10 - pixels
    assert f"005.dcm: truncated pixel data, {there:,} bytes where 2,560 were" in refusal(folder)


def without_rescale(ds: FileDataset, k: int) -> None:
    del ds.RescaleSlope
    del ds.RescaleIntercept


def test_d34_ct_without_rescale_is_refused_unless_it_is_in_hu_already(tmp_path: Path) -> None:
    raw = Made(edit=without_rescale)
    message = refusal(raw.write(tmp_path / "raw"))
    assert "001.dcm has no RescaleSlope and RescaleIntercept" in message
    assert "(24 to 1731) are not Hounsfield units" in message
    hu = Made(edit=without_rescale, intercept=0.0, dtype="int16")
    volume = read(hu.write(tmp_path / "hu"))
    np.testing.assert_array_equal(volume.array[0], ras(hu.hu))
    assert "taken as Hounsfield units" in volume.notes[0]


def test_d35_each_slice_of_pet_has_its_own_slope(tmp_path: Path) -> None:
    slopes = [0.5, 1.0, 0.001234, 7.25]
    stored = np.random.default_rng(1).integers(0, 30000, (4, 40, 32))
    stored[0] = 0  # the first slice says nothing of the others

    def rescale(ds: FileDataset, k: int) -> None:
        ds.RescaleSlope, ds.Units = slopes[k], "BQML"

    made = Made(hu=stored, modality="PT", intercept=0.0, edit=rescale)
    volume = read(made.write(tmp_path))
    assert volume.array.dtype == np.float32
    expected = stored * np.array(slopes)[:, None, None]
    np.testing.assert_allclose(volume.array[0], ras(expected), rtol=1e-6)
    assert "PET values are in BQML, not SUV" in volume.notes[0]


def test_pet_without_slope_and_a_slope_of_zero_are_refused(tmp_path: Path) -> None:
    pet = Made(modality="PT", edit=without_rescale)
    assert "no RescaleSlope and RescaleIntercept" in refusal(pet.write(tmp_path / "pet"))
    zero = Made(edit=lambda ds, k: setattr(ds, "RescaleSlope", 0))
    assert "RescaleSlope is 0" in refusal(zero.write(tmp_path / "zero"))


def inverted(ds: FileDataset, k: int) -> None:
    stored = np.frombuffer(ds.PixelData, np.uint16)
    ds.PhotometricInterpretation = "MONOCHROME1"
    ds.PixelData = (65535 - stored).astype(np.uint16).tobytes()


def test_d37_monochrome1_is_inverted_once(tmp_path: Path) -> None:
    made = Made(modality="MR", intercept=0.0, hu=phantom().astype(int) + 1000)
    volume = read(replace(made, edit=inverted).write(tmp_path))
    np.testing.assert_array_equal(volume.array[0], ras(made.hu))


def test_d37_hounsfield_units_do_not_depend_on_how_they_are_shown(tmp_path: Path) -> None:
    made = Made(edit=lambda ds, k: setattr(ds, "PhotometricInterpretation", "MONOCHROME1"))
    np.testing.assert_array_equal(read(made.write(tmp_path)).array[0], ras(made.hu))


def test_d38_d39_colour_is_no_volume(tmp_path: Path) -> None:
    made = Made(edit=lambda ds, k: setattr(ds, "PhotometricInterpretation", "PALETTE COLOR"))
    assert "pixels are PALETTE COLOR of 1 samples" in refusal(made.write(tmp_path))


def test_d39_overlay_bits_above_the_stored_bits_are_removed(tmp_path: Path) -> None:
    def overlay(ds: FileDataset, k: int) -> None:
        stored = np.frombuffer(ds.PixelData, np.uint16).copy()
        stored[::3] |= 0x8000
        ds.BitsStored, ds.HighBit, ds.PixelData = 12, 11, stored.tobytes()

    made = Made(edit=overlay)
    np.testing.assert_array_equal(read(made.write(tmp_path)).array[0], ras(made.hu))


def test_d39_twelve_signed_bits_are_extended(tmp_path: Path) -> None:
    def twelve(ds: FileDataset, k: int) -> None:
        stored = np.frombuffer(ds.PixelData, np.int16) & 0x0FFF
        ds.BitsStored, ds.HighBit, ds.PixelData = 12, 11, stored.tobytes()

    made = Made(intercept=0.0, dtype="int16", edit=twelve)
    np.testing.assert_array_equal(read(made.write(tmp_path)).array[0], ras(made.hu))


def test_d39_signed_values_called_unsigned_are_refused(tmp_path: Path) -> None:
    made = Made(
        intercept=0.0, dtype="int16", edit=lambda ds, k: setattr(ds, "PixelRepresentation", 0)
    )
    assert "CT of up to 64543 HU from unsigned pixels" in refusal(made.write(tmp_path))


def test_values_beyond_sixteen_bits_are_kept(tmp_path: Path) -> None:
    hu = phantom().astype(np.int64)
    hu[6, 3, 3] = -33000
    made = Made(hu=hu, dtype="int16", modality="MR")
    volume = read(made.write(tmp_path))
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array[0], ras(hu))


@pytest.mark.parametrize("value", [-2000, -32768])
def test_d40_padding_is_apart_and_not_a_value(tmp_path: Path, value: int) -> None:
    def pad(ds: FileDataset, k: int) -> None:
        stored = np.frombuffer(ds.PixelData, np.int16).reshape(40, 32).copy()
        stored[:2] = value
        ds.PixelData = stored.tobytes()
        ds.add_new("PixelPaddingValue", "SS", value)

    made = Made(dtype="int16", edit=pad)
    volume = read(made.write(tmp_path))
    outside = np.zeros(made.hu.shape, bool)
    outside[:, :2] = True
    assert volume.outside is not None
    np.testing.assert_array_equal(volume.outside, ras(outside))
    assert volume.array.min() == -1000
    inside = ~volume.outside
    np.testing.assert_array_equal(volume.array[0][inside], ras(made.hu)[inside])


@pytest.mark.parametrize("value", [-2000, -3024, -32768])
def test_d40_padding_that_the_header_does_not_declare_is_apart_in_ct(
    tmp_path: Path, value: int
) -> None:
    def pad(ds: FileDataset, k: int) -> None:
        stored = np.frombuffer(ds.PixelData, np.int16).reshape(40, 32).copy()
        stored[:2] = value
        ds.PixelData = stored.tobytes()

    made = Made(dtype="int16", intercept=0.0, edit=pad)
    volume = read(made.write(tmp_path / "ct"))
    outside = np.zeros(made.hu.shape, bool)
    outside[:, :2] = True
    assert volume.outside is not None
    np.testing.assert_array_equal(volume.outside, ras(outside))
    assert volume.array.min() == -1000
    assert f"5 % of the voxels are below -1500 HU (down to {value})" in volume.notes[0]
    magnetic = replace(made, modality="MR")
    assert read(magnetic.write(tmp_path / "mr")).outside is None


def test_d41_unknown_character_set_is_a_note_and_keeps_the_id(tmp_path: Path) -> None:
    def strange(ds: FileDataset, k: int) -> None:
        ds.SpecificCharacterSet = "ISO_IR 100"

    folder = Made(edit=strange, patient_id="PXQQ").write(tmp_path)
    for path in folder.iterdir():
        content = path.read_bytes().replace(b"PXQQ", b"P\xfc\xe9 ")
        path.write_bytes(content.replace(b"ISO_IR 100", b"ISO_IR 999"))
    volume = read(folder)
    assert "PatientID is not in the character set 'ISO_IR 999' (8 files)" in volume.notes[0]
    assert patient_id(folder / "001.dcm") == "Püé"


def patient_id(path: Path) -> str:
    image = read_header(DicomFile(path)).image
    assert image is not None
    return image.tags["PatientID"]


@pytest.mark.parametrize("name", ["007", " 7", "A^B", "a b", "x" * 80, "P1\0"])
@pytest.mark.filterwarnings("ignore:The value length")
def test_d42_patient_ids_are_kept_as_they_are(tmp_path: Path, name: str) -> None:
    made = Made(hu=phantom(1), patient_id="QQ")
    ds = made.dataset(0)
    Dataset.__setattr__(ds, "PatientID", name)
    write_all([ds], tmp_path)
    assert patient_id(tmp_path / "001.dcm") == name.rstrip("\0")


def test_d43_files_without_preamble_and_meta_group_are_read_with_a_note(tmp_path: Path) -> None:
    made = Made()
    for k, ds in enumerate(made.datasets()):
        del ds.file_meta
        Dataset(ds).save_as(tmp_path / f"{k}.dcm", implicit_vr=True, little_endian=True)
    volume = read(tmp_path)
    np.testing.assert_array_equal(volume.array[0], ras(made.hu))
    assert "no preamble or file meta group (8 files)" in volume.notes[0]


def test_d45_burnt_in_text_is_a_note(tmp_path: Path) -> None:
    made = Made(edit=lambda ds, k: setattr(ds, "BurnedInAnnotation", "YES"))
    assert "BurnedInAnnotation is YES" in read(made.write(tmp_path)).notes[0]


def test_damaged_numbers_name_the_tag(tmp_path: Path) -> None:
    folder = Made().write(tmp_path)
    path = folder / "003.dcm"
    path.write_bytes(path.read_bytes().replace(b"-1024.0", b"-10x4.0"))
    assert "003.dcm: RescaleIntercept is '-10x4.0'; expected 1 numbers" in refusal(folder)


@pytest.mark.realdata
def test_real_compressed_copies_have_the_same_voxels() -> None:
    folder = Path(os.environ.get("TUMORBOARD_DATA", "none")) / "dicom-zoo"
    if not folder.is_dir():
        pytest.skip("TUMORBOARD_DATA does not hold dicom-zoo")
    names = ("compressed", "compressed_j2k", "compressed_jpeg", "compressed_jpegls")
    volumes = [read(folder / name).array for name in names]
    for volume in volumes[1:]:
        np.testing.assert_array_equal(volume, volumes[0])
