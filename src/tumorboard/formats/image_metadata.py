"""What a file says of an image beside its pixels: kind, size, depth, and which device made it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tumorboard.errors import InputError
from tumorboard.formats.images import identify

_MAKE, _MODEL, _SOFTWARE = 271, 272, 305  # EXIF and TIFF tags


@dataclass(frozen=True)
class ImageMetadata:
    """The header of one image; texts are "" where the file does not say.

    Args:
        kind: PNG, JPEG, TIFF or DICOM.
        width: In pixels.
        height: In pixels.
        depth: Colour mode, or bits stored of DICOM.
        device: Manufacturer and model.
        institution: Hospital, of DICOM only.
        software: Program that wrote the file.
    """

    kind: str
    width: int
    height: int
    depth: str
    device: str = ""
    institution: str = ""
    software: str = ""


def read_metadata(path: Path) -> ImageMetadata | None:
    """Header of an image file; None for a folder, or what is no readable image.

    A damaged image is rejected with its reason where its pixels are read; here it says nothing.
    """
    try:
        return _read(path, path.stat().st_mtime_ns) if path.is_file() else None
    except (InputError, OSError):
        return None


@lru_cache(maxsize=100_000)
def _read(path: Path, changed_ns: int) -> ImageMetadata:
    kind = identify(path)
    return _dicom(path) if kind == "DICOM" else _picture(path, kind)


def _picture(path: Path, kind: str) -> ImageMetadata:
    from PIL import Image

    try:
        with Image.open(path, formats=[kind]) as image:
            exif = image.getexif()
            width, height = image.size
            mode = image.mode
    except Exception as error:  # Pillow raises many kinds of error on damaged files
        raise InputError(f"{path}: damaged {kind} image. Export it again.") from error
    make, model = (str(exif.get(tag, "")).strip(" \0") for tag in (_MAKE, _MODEL))
    software = str(exif.get(_SOFTWARE, "")).strip(" \0")
    return ImageMetadata(kind, width, height, mode, f"{make} {model}".strip(), software=software)


def _dicom(path: Path) -> ImageMetadata:
    import pydicom

    tags = [
        "Rows", "Columns", "BitsStored", "Manufacturer", "ManufacturerModelName",
        "InstitutionName", "SoftwareVersions",
    ]  # fmt: skip
    try:
        header: Any = pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=list(tags), force=True
        )
        text = {tag: str(header.get(tag, "") or "") for tag in tags}
        width, height = int(text["Columns"] or 0), int(text["Rows"] or 0)
    except Exception as error:  # pydicom raises many kinds of error on damaged files
        raise InputError(f"{path}: damaged DICOM header. Export it again.") from error
    return ImageMetadata(
        kind="DICOM",
        width=width,
        height=height,
        depth=text["BitsStored"],
        device=f"{text['Manufacturer']} {text['ManufacturerModelName']}".strip(),
        institution=text["InstitutionName"],
        software=text["SoftwareVersions"],
    )
