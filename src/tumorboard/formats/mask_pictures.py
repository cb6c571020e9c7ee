"""Write the mask of a picture as PNG: the numbers themselves, one byte a pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import write_atomic


def write_mask_picture(path: Path, numbers: NDArray[np.uint8]) -> None:
    """Write a grey PNG (rows, columns), complete or not at all."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(numbers))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, lambda part: picture.save(part, format="PNG", optimize=False))
