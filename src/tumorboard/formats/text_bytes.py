"""Texts as one array of UTF-8 bytes, the form in which notes travel in a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError

if TYPE_CHECKING:
    import torch


def to_bytes(texts: Sequence[str]) -> NDArray[np.uint8]:
    """UTF-8 bytes of each text, zero-padded to the longest, (B, L); L is at least 1.

    Raises:
        InputError: A text holds the character NUL, which marks the padding.
    """
    if any("\0" in text for text in texts):
        raise InputError(
            "A text holds the character NUL, which no note has. Read it as a note file, which "
            "refuses such bytes."
        )
    encoded = [text.encode("utf-8") for text in texts]
    length = max((len(one) for one in encoded), default=0) or 1
    padded = b"".join(one.ljust(length, b"\0") for one in encoded)
    return np.frombuffer(padded, dtype=np.uint8).reshape(len(encoded), length).copy()


def to_texts(array: NDArray[Any] | torch.Tensor) -> list[str]:
    """The texts of a (B, L) array or tensor of bytes, as `to_bytes` wrote them.

    A tensor may lie on any device and have become floating point on its way.
    """
    if not isinstance(array, np.ndarray):
        array = array.detach().cpu().numpy()
    values = np.ascontiguousarray(array).astype(np.uint8)
    return [row.tobytes().rstrip(b"\0").decode("utf-8") for row in values]
