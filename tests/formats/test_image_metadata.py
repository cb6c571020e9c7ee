from pathlib import Path

import pytest
from PIL import Image

from tumorboard.formats.image_metadata import ImageMetadata, read_metadata


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("tif", "TIFF")])
def test_header_without_pixels(suffix: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    image = Image.new("L", (7, 5))
    exif = image.getexif()
    exif[271], exif[272], exif[305] = "Acme", "D7", "export 2"
    image.save(path, exif=exif)
    assert read_metadata(path) == ImageMetadata(kind, 7, 5, "L", "Acme D7", "", "export 2")


def test_dicom_names_hospital_and_device(tmp_path: Path) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    header = FileDataset("a.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    header.Rows, header.Columns, header.BitsStored = 5, 7, 12
    header.Manufacturer, header.ManufacturerModelName = "Acme", "CT9"
    header.InstitutionName = "North"
    path = tmp_path / "a.dcm"
    header.save_as(path, enforce_file_format=True)
    assert read_metadata(path) == ImageMetadata("DICOM", 7, 5, "12", "Acme CT9", "North", "")


def test_what_is_no_image_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"<html>")
    for name in ("a.png", "absent.png", "."):
        assert read_metadata(tmp_path / name) is None
