"""A damaged frame is an error or other values; it never ends or stops the process."""

from __future__ import annotations

from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
from pydicom.uid import HTJ2K, UID, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless

from tumorboard.formats.dicom_codecs import decode_grey

RNG = np.random.default_rng(0)
PIXELS = np.sort(RNG.integers(0, 4096, (32, 48)).astype(np.uint16), axis=1)
FRAMES = {
    JPEGLosslessSV1: imagecodecs.ljpeg_encode(PIXELS, bitspersample=16),
    JPEGLSLossless: imagecodecs.jpegls_encode(PIXELS),
    JPEG2000Lossless: imagecodecs.jpeg2k_encode(
        PIXELS, level=0, codecformat="j2k", reversible=True
    ),
    HTJ2K: imagecodecs.htj2k_encode(PIXELS, reversible=True),
}


@pytest.mark.parametrize("syntax", list(FRAMES), ids=lambda syntax: syntax.name[:24])
def test_damage_is_survived(syntax: UID) -> None:
    whole = bytes(FRAMES[syntax])
    np.testing.assert_array_equal(decode_grey(whole, syntax, rows=32, columns=48), PIXELS)
    for trial in range(200):
        frame = bytearray(whole)
        if trial % 3 == 0:
            frame = frame[: RNG.integers(1, len(frame))]
        else:
            start = int(RNG.integers(0, len(frame) if trial % 3 == 1 else 100))
            frame[start : start + 12] = RNG.bytes(12)
        with suppress(ValueError):
            assert decode_grey(bytes(frame), syntax, rows=32, columns=48).shape == (32, 48)


def test_frame_of_another_size_is_refused() -> None:
    for syntax, frame in FRAMES.items():
        with pytest.raises(ValueError, match="30 x 48"):
            decode_grey(bytes(frame), syntax, rows=30, columns=48)
