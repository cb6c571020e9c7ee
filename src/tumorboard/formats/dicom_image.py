"""One DICOM image of a single frame: X-ray, ultrasound, photograph, or one slice of a series."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.dicom_codecs import decode_grey, decodes
from tumorboard.formats.pixels import Pixels, check_pixel_count

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

_GREY = ("MONOCHROME1", "MONOCHROME2")
#: Every tag that is used here, beside the pixels.
_HEADER = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PhotometricInterpretation", "SamplesPerPixel", "PlanarConfiguration", "NumberOfFrames",
    "Modality", "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth",
    "VOILUTFunction", "PixelPaddingValue", "PixelPaddingRangeLimit",
)  # fmt: skip
#: Transfer syntaxes that pydicom decodes only with another package -> the line that installs it.
_DECODERS = {
    "1.2.840.10008.1.2.4.57": "pip install python-gdcm",
    "1.2.840.10008.1.2.4.70": "pip install python-gdcm",
    "1.2.840.10008.1.2.4.80": "pip install pyjpegls",
    "1.2.840.10008.1.2.4.81": "pip install pyjpegls",
    "1.2.840.10008.1.2.4.201": "pip install pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.202": "pip install pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "pip install pylibjpeg pylibjpeg-openjpeg",
}


def looks_like_dicom(head: bytes) -> bool:
    """True for a file that starts like DICOM, with the preamble of Part 10 or without it."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 8:
        return False
    # Without a preamble the first element is in group 0002 or 0008 and its element number is small.
    group, element = struct.unpack("<HH", head[:4])
    return group in (0x0002, 0x0008) and element <= 0x0060


def read_dicom_image(path: Path) -> Pixels:
    """Read one frame: grey after rescale (MONOCHROME1 inverted once), or RGB.

    Padding pixels take the darkest real value, so that they enter no statistics as an outlier.

    Raises:
        InputError: Not DICOM, no or truncated pixel data, several frames, too many pixels, a
            compression without a decoder here.
    Source:
        DICOM PS3.3 C.7.6.3 (pixels), C.11.1 (rescale), C.11.2.1.2 (window), C.7.5.1.1.2 (padding).
    """
    dataset = _read_header(path)
    _check_shape(path, dataset)
    stored = _decode(path, dataset)
    if stored.ndim == 3:
        return Pixels(path, np.moveaxis(stored, -1, 0), stored=_bits_of(stored.dtype))
    return _grey(path, dataset, stored)


def _read_header(path: Path) -> FileDataset:
    import pydicom

    try:
        dataset = pydicom.dcmread(path, force=True)
        for name in _HEADER:  # the first access parses what was read lazily
            dataset.get(name)
    except OSError:
        raise
    except Exception as error:  # pydicom raises many kinds of error on damaged headers
        raise InputError(
            f"{path}: damaged DICOM file ({_line(error)}). Export it again."
        ) from error
    return dataset


def _check_shape(path: Path, dataset: FileDataset) -> None:
    missing = [
        name
        for name in ("Rows", "Columns", "BitsAllocated", "BitsStored", "PhotometricInterpretation")
        if dataset.get(name) is None
    ]
    if "PixelData" not in dataset:
        kind = dataset.get("Modality") or "unknown"
        raise InputError(
            f"{path}: DICOM object of modality {kind} without PixelData; expected an image."
        )
    if missing:
        raise InputError(f"{path}: DICOM image without {', '.join(missing)}. Export it again.")
    check_pixel_count(path, int(dataset.Rows), int(dataset.Columns))
    n_frames = int(dataset.get("NumberOfFrames") or 1)
    if n_frames != 1:
        raise InputError(
            f"{path}: {n_frames} frames; expected a single frame. Export its frames one by one."
        )
    if dataset.BitsAllocated not in (1, 8, 16, 32):
        raise InputError(
            f"{path}: {dataset.BitsAllocated} bits per pixel; expected 1, 8, 16 or 32."
        )
    _check_length(path, dataset)


def _check_length(path: Path, dataset: FileDataset) -> None:
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if syntax is None or syntax.is_compressed:
        return
    samples = int(dataset.get("SamplesPerPixel") or 1)
    n_bits = int(dataset.Rows) * int(dataset.Columns) * samples * int(dataset.BitsAllocated)
    if dataset.PhotometricInterpretation == "YBR_FULL_422":  # two pixels share their colour
        n_bits = n_bits * 2 // 3
    expected, found = (n_bits + 7) // 8, len(dataset.PixelData)
    if found < expected:
        raise InputError(
            f"{path}: truncated pixel data, {found} bytes where {expected} were expected. "
            "Copy or export the file again."
        )


def _decode(path: Path, dataset: FileDataset) -> NDArray[Any]:
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.uid import ImplicitVRLittleEndian

    interpretation = str(dataset.PhotometricInterpretation)
    if interpretation not in (*_GREY, "PALETTE COLOR", "RGB") and not interpretation.startswith(
        "YBR_"
    ):
        raise InputError(f"{path}: pixels are {interpretation}; expected grey or RGB.")
    if "TransferSyntaxUID" not in dataset.file_meta:
        # A file without group 0002 is implicit little endian by definition (PS3.5 section 10).
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        _check_length(path, dataset)
    try:
        pixels = _pixels(dataset)
        if interpretation == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, dataset)
    except Exception as error:  # decoders raise many kinds of error on damaged data
        syntax = str(dataset.file_meta.TransferSyntaxUID)
        raise InputError(f"{path}: {decode_problem(syntax, error)}") from error
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] != 3):
        raise InputError(f"{path}: pixels of shape {pixels.shape}; expected one grey or RGB frame.")
    return pixels


def _pixels(dataset: FileDataset) -> NDArray[Any]:
    from pydicom.encaps import get_frame

    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if not decodes(syntax) or dataset.PhotometricInterpretation not in _GREY:
        return dataset.pixel_array
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    found = decode_grey(frame, syntax, rows=int(dataset.Rows), columns=int(dataset.Columns))
    return found.view(f"i{found.dtype.itemsize}") if dataset.get("PixelRepresentation") else found


def decode_problem(syntax_uid: str, error: Exception) -> str:
    """What to say of pixels that no decoder could read: name the compression, and the remedy."""
    from pydicom.uid import UID

    syntax = UID(syntax_uid).name
    install = _DECODERS.get(syntax_uid)
    if install is not None and "missing dependencies" in str(error):
        return f"compressed as {syntax}, which needs another package here. Run `{install}`."
    if "not supported" in str(error) or "No pixel data decoders" in str(error):
        return f"compressed as {syntax}, which cannot be read. Export it without compression."
    return f"damaged pixel data ({syntax}: {_line(error)}). Copy or export the file again."


def _grey(path: Path, dataset: FileDataset, stored: NDArray[Any]) -> Pixels:
    bits, signed = int(dataset.BitsStored), bool(dataset.get("PixelRepresentation"))
    limits = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    stored = _without_padding(dataset, stored, darkest=np.max if inverted else np.min)
    slope, intercept = (
        _number(dataset, "RescaleSlope", 1.0),
        _number(dataset, "RescaleIntercept", 0.0),
    )
    if slope == 0:
        raise InputError(
            f"{path}: RescaleSlope is 0, so every pixel has one value. Export it again."
        )
    values = stored
    if (slope, intercept) != (1.0, 0.0):
        values = (stored * slope + intercept).astype(np.float32)
    low, high = sorted(limit * slope + intercept for limit in limits)
    window, problem = _window(dataset)
    if inverted:
        values = _mirror(values, low, high)
        window = None if window is None else (low + high - window[1], low + high - window[0])
    if bits == 1:  # a mask of zeros and ones is black and white
        values, low, high = (values * 255).astype(np.uint8), 0, 255
    return Pixels(path, values[np.newaxis], (low, high), window=window, problem=problem)


def _mirror(values: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    total = low + high
    if values.dtype.kind == "f":
        return np.asarray(total - values, dtype=values.dtype)
    return (int(total) - values.astype(np.int64)).astype(values.dtype)


def _without_padding(dataset: FileDataset, stored: NDArray[Any], *, darkest: Any) -> NDArray[Any]:
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return stored
    limit = dataset.get("PixelPaddingRangeLimit", value)
    is_padding = (stored >= min(value, limit)) & (stored <= max(value, limit))
    if is_padding.all():
        return stored
    return np.where(is_padding, darkest(stored[~is_padding]), stored).astype(stored.dtype)


def _window(dataset: FileDataset) -> tuple[tuple[float, float] | None, str]:
    """Black and white of the first display window, and why it cannot be used."""
    if dataset.get("WindowCenter") is None or dataset.get("WindowWidth") is None:
        return None, ""
    center, width = _number(dataset, "WindowCenter", 0.0), _number(dataset, "WindowWidth", 0.0)
    function = dataset.get("VOILUTFunction") or "LINEAR"
    if function == "LINEAR" and width >= 1:
        half = (width - 1) / 2
        return (center - 0.5 - half, center - 0.5 + half), ""
    if function == "LINEAR_EXACT" and width > 0:
        return (center - width / 2, center + width / 2), ""
    return None, f"display window of type {function} and width {width:g} cannot be used"


def _number(dataset: FileDataset, name: str, default: float) -> float:
    """First value of a number that may have several; `default` where the tag is absent."""
    value = dataset.get(name)
    if value is None or value == "":
        return default
    return float(value[0] if hasattr(value, "__getitem__") else value)


def _bits_of(dtype: np.dtype[Any]) -> tuple[float, float]:
    return (0, 2 ** (8 * dtype.itemsize) - 1)


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
