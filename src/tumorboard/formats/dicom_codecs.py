"""Compressed grey frames, decoded by libraries that a damaged frame cannot bring down."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
#: JPEG 2000 and its high-throughput kind, which OpenJPEG reads as well.
_JPEG_2000 = (
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",
)  # fmt: skip
#: JPEG of 8 bits and of 12.
_JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
_SYNTAXES = (*_JPEG_LOSSLESS, *_JPEG_LS, *_JPEG_2000, *_JPEG)


def decodes(syntax_uid: str) -> bool:
    """True for a transfer syntax that `decode_grey` reads; others are left to pydicom."""
    return syntax_uid in _SYNTAXES


def decode_grey(frame: bytes, syntax_uid: str, *, rows: int, columns: int) -> NDArray[Any]:
    """(rows, columns) of one compressed frame.

    GDCM, which pydicom would take for some of these, ends the whole process on a damaged JPEG 2000
    frame; one patient's file must not stop a run.

    Raises:
        ValueError: A damaged frame, or one of another size than the header says.
    """
    import imagecodecs

    if syntax_uid in _JPEG_LOSSLESS:
        decode = imagecodecs.jpegsof3_decode
    elif syntax_uid in _JPEG_LS:
        _check_jpeg_ls(frame, rows, columns)
        decode = imagecodecs.jpegls_decode
    elif syntax_uid in _JPEG_2000:
        decode = imagecodecs.jpeg2k_decode
    else:
        decode = imagecodecs.jpeg8_decode
    try:
        found: NDArray[Any] = decode(frame)
    except Exception as error:  # each codec has an error of its own
        raise ValueError(str(error) or type(error).__name__) from error
    if found.shape != (rows, columns):
        raise ValueError(f"decoded to {found.shape}, expected {rows} x {columns}")
    return np.ascontiguousarray(found)


def _check_jpeg_ls(frame: bytes, rows: int, columns: int) -> None:
    """Size and end of a frame: CharLS never comes back from one that is cut off."""
    start = frame.find(b"\xff\xf7")
    size = frame[start + 5 : start + 9]
    if start < 0 or size != rows.to_bytes(2, "big") + columns.to_bytes(2, "big"):
        raise ValueError(f"no JPEG-LS frame of {rows} x {columns}")
    if not frame.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise ValueError("the JPEG-LS frame has no end")
