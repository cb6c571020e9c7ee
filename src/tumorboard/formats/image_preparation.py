"""What is done to an image before it is kept: decoded, cut, resized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.formats.histogram_equalisation import Equalise, equalised_picture
from tumorboard.formats.images import read_pixels
from tumorboard.formats.pixels import Window, to_unit
from tumorboard.formats.slices import Slice, middle_page


@dataclass(frozen=True)
class Preparation:
    """What is done to an image before it is kept: part of its key in the cache.

    Args:
        size: Height and width in pixels.
        aspect: `stretch` to the size, or scale to fit and `pad` with black.
        window: Which intensities become black and white.
        equalise: How the greys are spread, before it is resized.
    """

    size: tuple[int, int]
    aspect: Literal["stretch", "pad"]
    window: Window
    equalise: Equalise = "none"

    def apply(self, item: Slice) -> NDArray[Any]:
        """Decode and resize one image: (C, H, W), uint8 for an 8-bit source, else float32 in 0..1.

        Of a slice with a box that box alone, in the intensities that the whole image has. An
        image whose red, green and blue agree everywhere becomes one grey channel.
        """
        pixels = read_pixels(item.path, page=middle_page(item.path, item.offset))
        is_bytes = pixels.is_eight_bit and self.window != "percentile"
        values = pixels.values if is_bytes else to_unit(pixels, window=self.window)
        if len(values) == 3 and (values == values[:1]).all():
            values = values[:1]
        values = item.cut(equalised_picture(values, self.equalise))
        return np.stack([self.resize(channel) for channel in values])

    def settings(self, offset: int) -> dict[str, object]:
        """What the cache's key depends on, beside the content of the file."""
        settings: dict[str, object] = {
            "kind": "image", "size": list(self.size), "aspect": self.aspect,
            "window": self.window, "page_from_middle": offset,
        }  # fmt: skip
        # what was prepared before there was this setting stays
        return settings if self.equalise == "none" else settings | {"equalise": self.equalise}

    def inside(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of (H, W) that an image of `shape` (rows, columns) covers."""
        (height, width), (rows, columns) = self.size, shape
        if self.aspect == "pad":
            scale = min(height / rows, width / columns)
            height, width = max(1, round(rows * scale)), max(1, round(columns * scale))
        top, left = (self.size[0] - height) // 2, (self.size[1] - width) // 2
        return slice(top, top + height), slice(left, left + width)

    def resize(self, channel: NDArray[Any]) -> NDArray[Any]:
        """One channel (rows, columns) of any size as (H, W)."""
        from PIL import Image

        rows, columns = self.inside((channel.shape[0], channel.shape[1]))
        height, width = rows.stop - rows.start, columns.stop - columns.start
        # Pillow widens its bilinear filter when it makes an image smaller, so nothing aliases.
        image = Image.fromarray(np.ascontiguousarray(channel))
        resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        if (height, width) == self.size:
            return resized
        canvas = np.zeros(self.size, dtype=channel.dtype)
        canvas[rows, columns] = resized
        return canvas
