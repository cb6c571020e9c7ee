"""Width and height of an image or slide from its header, without decoding a pixel."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from tumorboard.errors import InputError, RunError
from tumorboard.formats.images import identify

#: Names of files that may be images or slides.
IMAGE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".svs", ".ndpi", ".scn", ".bif", ".mrxs", ".dcm",
)  # fmt: skip
_ORIENTATION, _FIRST_ROTATED = 0x0112, 5  # EXIF: from 5 on, width and height change places


def read_image_size(path: Path) -> tuple[int, int]:
    """Width and height in px as the image is shown, at full resolution.

    Raises:
        InputError: Not an image, or its header is damaged.
        RunError: A MIRAX slide, and the extra that reads it is absent.
    """
    if path.suffix.lower() == ".mrxs":  # its own bytes are a JPEG thumbnail
        return _mirax(path)
    kind = identify(path)
    read = {"PNG": _png, "JPEG": _jpeg, "TIFF": _tiff, "DICOM": _dicom}[kind]
    try:
        width, height = read(path)
    except Exception as error:  # each library raises many kinds of error on damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(f"{path}: damaged {kind} header ({reason}). Export it again.") from error
    if width < 1 or height < 1:
        raise InputError(f"{path}: the image has no pixels ({height} x {width}). Export it again.")
    return width, height


def _png(path: Path) -> tuple[int, int]:
    """From the chunks IHDR and eXIf; Pillow would decode the image for the latter."""
    from PIL import Image

    width, height, orientation = 0, 0, 1
    with path.open("rb") as handle:
        handle.seek(8)
        while len(head := handle.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"IHDR":
                width, height = struct.unpack(">II", handle.read(8))
                length -= 8
            elif kind == b"eXIf":
                exif = Image.Exif()
                exif.load(handle.read(length))
                length, orientation = 0, exif.get(_ORIENTATION, 1)
            handle.seek(length + 4, 1)  # the rest, and its checksum
    return (height, width) if orientation >= _FIRST_ROTATED else (width, height)


def _jpeg(path: Path) -> tuple[int, int]:
    from PIL import Image

    with path.open("rb") as handle, Image.open(handle, formats=["JPEG"]) as image:
        width, height = image.size
        is_rotated = image.getexif().get(_ORIENTATION, 1) >= _FIRST_ROTATED
    return (height, width) if is_rotated else (width, height)


def _tiff(path: Path) -> tuple[int, int]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        width, height = int(page.imagewidth), int(page.imagelength)
        tag = page.tags.get(_ORIENTATION)
    is_rotated = tag is not None and int(tag.value) >= _FIRST_ROTATED
    return (height, width) if is_rotated else (width, height)


def _dicom(path: Path) -> tuple[int, int]:
    import pydicom

    header: Any = pydicom.dcmread(path, stop_before_pixels=True)
    width = header.get("TotalPixelMatrixColumns") or header.Columns
    return int(width), int(header.get("TotalPixelMatrixRows") or header.Rows)


def _mirax(path: Path) -> tuple[int, int]:
    try:
        import openslide
    except ImportError:
        raise RunError(
            f"{path}: MIRAX slides need OpenSlide: pip install 'tumorboard[slides]'."
        ) from None
    try:
        with openslide.OpenSlide(path) as slide:
            width, height = slide.dimensions
    except Exception as error:  # OpenSlide raises its own and ctypes' errors
        raise InputError(f"{path}: damaged MIRAX slide. Copy it with its folder.") from error
    return int(width), int(height)
