"""Two-dimensional images, identified by their content: PNG, JPEG, TIFF and single DICOM frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.dicom_image import looks_like_dicom, read_dicom_image
from tumorboard.formats.pixels import Pixels, check_pixel_count

if TYPE_CHECKING:
    from PIL.Image import Image

#: File names that are looked for where a folder stands for a stack of slices.
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")

Kind = Literal["PNG", "JPEG", "TIFF", "DICOM"]

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
#: What is found instead, for the message.
_STRANGERS = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"RIFF", "a WebP image or another RIFF file"),
)
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
_GREY_MODES = ("L", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")


def read_image(path: Path, *, page: int = 0) -> NDArray[Any]:
    """Read one image as (C, H, W), C 1 or 3, in the type the file stores; see `read_pixels`."""
    return read_pixels(path, page=page).values


def read_pixels(path: Path, *, page: int = 0) -> Pixels:
    """Read one image with the range of its values.

    Palettes become RGB, 1-bit images 0 and 255, EXIF orientation is applied, an alpha channel that
    is opaque everywhere is dropped. DICOM is described at `read_dicom_image`.

    Args:
        path: PNG, JPEG, TIFF or DICOM, whatever its name says.
        page: Page of a TIFF, counted from 0; 0 for everything else.

    Raises:
        InputError: Something else than an image, damaged or truncated, transparent, CMYK, animated,
            16-bit colour PNG (it would lose half of its bits), too many pixels.
    """
    kind = identify(path)
    if kind == "DICOM":
        return read_dicom_image(path)
    from PIL import Image, ImageOps

    try:
        if kind == "PNG":
            with Image.open(path, formats=[kind]) as image:
                image.verify()  # checksums of all chunks, which decoding alone skips
        # From a name Pillow 13 maps uncompressed TIFFs, and garbles those with a rotation tag.
        with path.open("rb") as handle, Image.open(handle, formats=[kind]) as image:
            check_pixel_count(path, image.height, image.width)
            _check_kind(path, image, page)
            image.seek(page)
            check_pixel_count(path, image.height, image.width)
            bits, is_white_zero, is_signed = _tiff_tags(image)
            if bits > 8 and image.mode not in _GREY_MODES:
                return _deep_colour(path, page, is_rotated=image.getexif().get(0x0112, 1) != 1)
            image.load()
            image = ImageOps.exif_transpose(image)
            return _from_pillow(path, image, bits, is_white_zero, is_signed)
    except (InputError, FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:  # Pillow raises many kinds of error on damaged files
        raise InputError(
            f"{path}: damaged or unreadable {kind} image ({_line(error)}). Copy or export it again."
        ) from error


def n_pages(path: Path) -> int:
    """Number of slices in one file: the pages of a TIFF, else 1.

    Raises:
        InputError: Not an image, damaged, or a TIFF whose pages differ in size (a slide pyramid).
    """
    if identify(path) != "TIFF":
        return 1
    from PIL import Image

    sizes: set[tuple[int, int]] = set()
    try:
        with Image.open(path, formats=["TIFF"]) as image:
            n_frames: int = getattr(image, "n_frames", 1)
            for page in range(n_frames):
                image.seek(page)
                sizes.add(image.size)
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:  # Pillow raises many kinds of error on damaged files
        raise InputError(f"{path}: damaged TIFF ({_line(error)}). Export it again.") from error
    if len(sizes) > 1:
        raise InputError(
            f"{path}: its {n_frames} pages have {len(sizes)} different sizes, so they are not "
            "slices of one stack. Export one page per file."
        )
    return n_frames


def identify(path: Path) -> Kind:
    """Kind of image by the first bytes of the file.

    Raises:
        InputError: The content is not one of the known kinds, whatever the name says.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(132)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    if head[128:132] == b"DICM":
        return "DICOM"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if looks_like_dicom(head):
        return "DICOM"
    raise InputError(f"{path}: found {_stranger(head)}, expected a PNG, JPEG, TIFF or DICOM image.")


def _stranger(head: bytes) -> str:
    if not head:
        return "an empty file"
    for magic, name in _STRANGERS:
        if head.startswith(magic):
            return name
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    return f"unknown content (first bytes {head[:8].hex(' ')})"


def _check_kind(path: Path, image: Image, page: int) -> None:
    n_frames: int = getattr(image, "n_frames", 1)
    if image.format == "PNG" and n_frames > 1:
        raise InputError(f"{path}: an animation of {n_frames} frames; expected one image.")
    if image.format == "PNG" and _is_deep_colour_png(path):
        raise InputError(
            f"{path}: PNG with 16 bits per colour, which would lose half of them. "
            "Save it as TIFF with 16 bits, or as 8-bit PNG."
        )
    if not 0 <= page < n_frames:
        raise InputError(f"{path}: no page {page + 1}; the file has {n_frames}.")


def _is_deep_colour_png(path: Path) -> bool:
    """True for 16 bits per sample and a colour or alpha type, from the header chunk IHDR."""
    with path.open("rb") as handle:
        header = handle.read(26)
    return header[24] == 16 and header[25] in (2, 4, 6)


def _tiff_tags(image: Image) -> tuple[int, bool, bool]:
    """Bits per sample (0 where the format does not say), zero is white, values are signed."""
    if image.format != "TIFF":
        return 0, False, False
    tags: Any = getattr(image, "tag_v2", {})
    bits = max(tags.get(_BITS_PER_SAMPLE, (1,)))
    is_signed = 2 in tags.get(_SAMPLE_FORMAT, (1,))
    return bits, tags.get(_PHOTOMETRIC) == 0, is_signed


def _from_pillow(
    path: Path, image: Image, bits: int, is_white_zero: bool, is_signed: bool
) -> Pixels:
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in ("PA", "P", "LA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = _without_alpha(path, image)
    if image.mode == "YCbCr":
        image = image.convert("RGB")
    if image.mode == "RGB":
        return Pixels(path, np.moveaxis(np.asarray(image), -1, 0), (0, 255))
    if image.mode not in _GREY_MODES:
        raise InputError(
            f"{path}: pixels are {image.mode}; expected grey or RGB. Convert the image."
        )
    values = np.asarray(image)[np.newaxis]
    if image.mode == "L":
        return Pixels(path, values, (0, 255))
    if image.mode == "F" or bits > 16 or is_signed:
        if is_white_zero:
            raise InputError(f"{path}: {values.dtype} TIFF where zero is white. Save it inverted.")
        return Pixels(path, values, stored=None)
    values = values.astype(np.uint16)
    white = 2 ** (bits or 16) - 1
    if is_white_zero:  # Pillow inverts 8-bit images of this kind, deeper ones it leaves
        values = (white - values).astype(np.uint16)
    return Pixels(path, values, (0, white))


def _without_alpha(path: Path, image: Image) -> Image:
    is_grey = image.mode in ("L", "LA", "La")
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema() != (255, 255):
        raise InputError(
            f"{path}: has transparent pixels, whose colour is undefined. "
            "Flatten the image onto its background first."
        )
    return image.convert("RGB").getchannel(0) if is_grey else image.convert("RGB")


def _deep_colour(path: Path, page: int, *, is_rotated: bool) -> Pixels:
    """Colour TIFF with more than 8 bits per sample, which Pillow would cut to 8."""
    import tifffile

    if is_rotated:
        raise InputError(f"{path}: 16-bit colour TIFF with a rotation tag. Save it upright.")
    with tifffile.TiffFile(path) as file:
        tiff_page: Any = file.pages[page]
        values = np.asarray(tiff_page.asarray())
        is_planar = tiff_page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
        bits = int(tiff_page.bitspersample)
    values = values if is_planar else np.moveaxis(values, -1, 0)
    if values.shape[0] != 3 or values.dtype != np.uint16:
        raise InputError(
            f"{path}: {values.shape[0]} channels of {values.dtype}; expected RGB of 8 or 16 bits."
        )
    return Pixels(path, values, (0, 2**bits - 1))


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
