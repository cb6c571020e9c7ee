"""Single DICOM frames made with pydicom: grey scales, windows, padding, damage."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from tumorboard.errors import InputError
from tumorboard.formats.dicom_image import read_dicom_image
from tumorboard.formats.images import identify, read_image, read_pixels
from tumorboard.formats.pixels import to_unit

STORED = np.array([[0, 1000, 2000], [3000, 4000, 4095]], dtype=np.uint16)


def make(path: Path, stored: np.ndarray, **tags: object) -> Path:
    """A secondary capture whose BitsStored is 12 for 16-bit pixels unless a tag says otherwise."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3.4"
    dataset.Modality = "OT"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 3 if stored.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if stored.ndim == 3 else "MONOCHROME2"
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * stored.dtype.itemsize
    dataset.BitsStored = 12 if stored.dtype.itemsize == 2 else 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    dataset["PixelData"].VR = "OW"
    for name, value in tags.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_stored_bits_are_the_range(tmp_path: Path) -> None:
    path = make(tmp_path / "a.dcm", STORED)
    assert identify(path) == "DICOM"
    image = read_image(path)
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image[0], STORED)
    np.testing.assert_allclose(to_unit(read_pixels(path))[0], STORED / 4095, rtol=1e-6)


def test_monochrome1_equals_its_monochrome2_twin(tmp_path: Path) -> None:
    one = make(
        tmp_path / "1.dcm", STORED,
        PhotometricInterpretation="MONOCHROME1", WindowCenter=1000, WindowWidth=1001,
    )  # fmt: skip
    two = make(tmp_path / "2.dcm", 4095 - STORED, WindowCenter=3096, WindowWidth=1001)
    np.testing.assert_array_equal(read_image(one), read_image(two))
    np.testing.assert_array_equal(read_image(one)[0], 4095 - STORED)
    np.testing.assert_allclose(to_unit(read_pixels(one)), to_unit(read_pixels(two)), atol=1e-6)


def test_rescale_gives_the_modality_values(tmp_path: Path) -> None:
    signed = np.array([[-1000, 0, 1000]], dtype=np.int16)
    path = make(tmp_path / "a.dcm", signed, BitsStored=16, HighBit=15,
                RescaleSlope=2, RescaleIntercept=-24)  # fmt: skip
    pixels = read_pixels(path)
    np.testing.assert_array_equal(pixels.values[0], signed * 2.0 - 24)
    assert pixels.stored == (-65560, 65510)


def test_window_is_the_linear_one_of_the_standard(tmp_path: Path) -> None:
    # PS3.3 C.11.2.1.2.1, its own example: c = 2048, w = 4096 maps 0..4095 onto the whole output.
    path = make(tmp_path / "a.dcm", STORED, WindowCenter=[2048, 1], WindowWidth=[4096, 1])
    pixels = read_pixels(path)
    assert pixels.window == (0.0, 4095.0)
    narrow = read_pixels(make(tmp_path / "b.dcm", STORED, WindowCenter=2000, WindowWidth=2001))
    expected = [[0, 0.00025, 0.50025], [1, 1, 1]]
    np.testing.assert_allclose(to_unit(narrow)[0], expected, atol=1e-6)
    np.testing.assert_allclose(to_unit(narrow, window="stored")[0], STORED / 4095, rtol=1e-6)


def test_a_window_that_is_not_linear_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a.dcm", STORED, WindowCenter=9, WindowWidth=9, VOILUTFunction="SIGMOID")
    with pytest.raises(InputError, match=r'type SIGMOID.*window = "stored"'):
        to_unit(read_pixels(path))
    assert to_unit(read_pixels(path), window="stored").max() == 1


def test_padding_takes_the_darkest_real_value(tmp_path: Path) -> None:
    signed = np.array([[-2000, 5, 900]], dtype=np.int16)
    path = make(tmp_path / "a.dcm", signed, BitsStored=16, HighBit=15, PixelPaddingValue=-2000)
    np.testing.assert_array_equal(read_image(path)[0], [[5, 5, 900]])
    inverted = make(tmp_path / "b.dcm", STORED, PhotometricInterpretation="MONOCHROME1",
                    PixelPaddingValue=0)  # fmt: skip
    assert read_image(inverted)[0, 0, 0] == 0


def test_rgb(tmp_path: Path) -> None:
    colour = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    pixels = read_pixels(make(tmp_path / "a.dcm", colour))
    np.testing.assert_array_equal(pixels.values, np.moveaxis(colour, -1, 0))
    assert pixels.is_eight_bit


def test_a_file_without_preamble_is_read(tmp_path: Path) -> None:
    path = make(tmp_path / "a.dcm", STORED)
    import pydicom

    dataset = pydicom.dcmread(path)
    del dataset.file_meta.TransferSyntaxUID
    bare = FileDataset("bare", dataset)
    bare.save_as(path, implicit_vr=True, little_endian=True)
    assert path.read_bytes()[128:132] != b"DICM"
    np.testing.assert_array_equal(read_image(path)[0], STORED)


def test_pixel_flood_is_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "a.dcm", STORED, Rows=60000, Columns=60000)
    monkeypatch.setattr(FileDataset, "pixel_array", property(lambda _: pytest.fail("decoded")))
    with pytest.raises(InputError, match="60000 x 60000 pixels, more than the limit"):
        read_image(path)


def test_truncated_pixel_data_says_how_much(tmp_path: Path) -> None:
    path = make(tmp_path / "a.dcm", STORED, PixelData=STORED.tobytes()[:8])
    with pytest.raises(InputError, match=r"a\.dcm: truncated pixel data, 8 bytes where 12"):
        read_image(path)


def test_no_pixel_data_and_several_frames(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="modality OT without PixelData"):
        read_image(make(tmp_path / "a.dcm", STORED, PixelData=None))
    path = make(tmp_path / "b.dcm", STORED, NumberOfFrames=3, PixelData=STORED.tobytes() * 3)
    with pytest.raises(InputError, match="3 frames; expected a single frame"):
        read_image(path)


def test_no_rows_and_slope_zero(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without Rows"):
        read_image(make(tmp_path / "a.dcm", STORED, Rows=None))
    with pytest.raises(InputError, match="RescaleSlope is 0"):
        read_image(make(tmp_path / "b.dcm", STORED, RescaleSlope=0, RescaleIntercept=0))


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom warns of what it then also refuses
def test_a_cut_file_never_gives_another_picture(tmp_path: Path) -> None:
    path = make(tmp_path / "a.dcm", STORED)
    content = path.read_bytes()
    for end in range(140, len(content), 7):
        path.write_bytes(content[:end])
        with pytest.raises(InputError, match=r"a\.dcm: "):
            read_image(path)


def zoo() -> Path:
    folder = Path(os.environ.get("TUMORBOARD_DATA", "none")) / "dicom-zoo"
    if not folder.is_dir():
        pytest.skip("TUMORBOARD_DATA does not hold dicom-zoo")
    return folder


@pytest.mark.realdata
def test_real_compressed_copies_are_the_same_image() -> None:
    name = "001/IM-0001-0001-0001.dcm"
    one = read_image(zoo() / "compressed" / name)
    assert one.shape == (1, 256, 256)
    assert one.max() > 100
    for copy in ("compressed_j2k", "compressed_jpegls", "compressed_jpeg"):
        np.testing.assert_array_equal(read_image(zoo() / copy / name), one)


@pytest.mark.realdata
def test_real_xray_is_inverted_and_other_objects_refused() -> None:
    import pydicom

    path = zoo() / "seg" / "dx_image.dcm"
    stored = pydicom.dcmread(path).pixel_array
    np.testing.assert_array_equal(read_dicom_image(path).values[0], 255 - stored)
    with pytest.raises(InputError, match="modality SR without PixelData"):
        read_image(zoo() / "seg" / "sr_document.dcm")
