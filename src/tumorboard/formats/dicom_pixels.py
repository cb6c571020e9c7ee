"""Stored pixels of one slice, native or decoded, before any rescale."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.dicom_codecs import decode_grey, decodes
from tumorboard.formats.dicom_image import decode_problem
from tumorboard.formats.dicom_slices import Slice


def stored_pixels(image: Slice) -> NDArray[Any]:
    """(rows, columns) as they are stored, before any rescale.

    Raises:
        InputError: Damaged or truncated pixels, or a compression without decoder.
    """
    if image.pixels.is_native:
        return _native(image)
    return _decoded(image)


def _native(image: Slice) -> NDArray[Any]:
    pixels, file = image.pixels, image.file
    order = ">" if pixels.syntax == "1.2.840.10008.1.2.2" else "<"
    dtype = np.dtype(f"{order}{'i' if pixels.signed else 'u'}{pixels.bits_allocated // 8}")
    count = pixels.rows * pixels.columns
    start = pixels.offset + image.frame * pixels.frame_bytes
    if file.content is None:
        with file.path.open("rb", buffering=0) as stream:
            stream.seek(start)
            found = np.fromfile(stream, dtype, count)
    else:
        there = min(count, max(len(file.content) - start, 0) // dtype.itemsize)
        found = np.frombuffer(file.content, dtype, there, start) if there else np.empty(0, dtype)
    declared = pixels.frame_bytes * pixels.n_frames
    if found.size < count or pixels.length < declared:
        there = min(pixels.length, max(file.n_bytes - pixels.offset, 0))
        raise InputError(
            f"{file}: truncated pixel data, {there:,} bytes where {declared:,} were expected. Copy "
            "or export the file again."
        )
    native = found.reshape(pixels.rows, pixels.columns)
    return native if order == "<" else native.astype(dtype.newbyteorder("="))


def _decoded(image: Slice) -> NDArray[Any]:
    from pydicom.pixels.utils import pixel_array

    pixels, file = image.pixels, image.file
    try:
        with file.open() as stream:
            if decodes(pixels.syntax) and not pixels.is_native:
                stream.seek(pixels.offset)
                found = _frame(image, stream)
            else:
                found = pixel_array(stream, index=image.frame, raw=True)
    except Exception as error:  # decoders raise many kinds of error on damaged data
        where = f"{file} frame {image.frame + 1}" if pixels.n_frames > 1 else str(file)
        raise InputError(f"{where}: {decode_problem(pixels.syntax, error)}") from error
    if found.shape != (pixels.rows, pixels.columns):
        raise InputError(
            f"{file}: decoded to {found.shape}, expected {pixels.rows} x {pixels.columns}. Export "
            "the file again."
        )
    return found


def _frame(image: Slice, encapsulated: BinaryIO) -> NDArray[Any]:
    from pydicom.encaps import get_frame

    pixels = image.pixels
    frame = get_frame(encapsulated, image.frame, number_of_frames=pixels.n_frames)
    found = decode_grey(frame, pixels.syntax, rows=pixels.rows, columns=pixels.columns)
    if not pixels.signed:
        return found
    return found.view(np.dtype(f"i{found.dtype.itemsize}"))


def in_range(image: Slice, raw: NDArray[Any]) -> NDArray[Any]:
    """Only the bits that are pixels: old files keep overlays in the others."""
    pixels = image.pixels
    unused = pixels.high_bit + 1 - pixels.bits_stored
    if unused == 0 and pixels.bits_stored == pixels.bits_allocated:
        return raw
    lowest, highest = stored_limits(image)
    if unused == 0 and int(raw.max()) <= highest and int(raw.min()) >= lowest:
        return raw
    if image.pixels.padding is not None and unused == 0 and pixels.signed:
        return raw  # padding below the stored bits, such as -2000 in 11 bits
    wide = (raw.astype(np.int64) >> unused) & ((1 << pixels.bits_stored) - 1)
    if pixels.signed:
        wide -= (wide >> (pixels.bits_stored - 1)) << pixels.bits_stored
    return wide.astype(raw.dtype)


def stored_limits(image: Slice) -> tuple[int, int]:
    """Lowest and highest value that the stored bits can hold."""
    bits = image.pixels.bits_stored
    return (
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if image.pixels.signed else (0, (1 << bits) - 1)
    )
