"""Pictures as cases of a segmentation: masks between their own size and the prepared one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.images import read_pixels
from tumorboard.transforms.cases import Cases, Numbers, OwnGrid, as_grey, checked_numbers


class ImageCases(Cases):
    """Rows of an image modality, one picture each; how large a pixel is they do not say.

    Args:
        files: Row -> its picture.
        preparation: How they were prepared.
    """

    is_picture = True

    def __init__(self, files: Mapping[int, Path], preparation: Preparation) -> None:
        self._files, self._preparation = files, preparation
        self._grids: dict[int, OwnGrid] = {}

    def files(self, row: int) -> tuple[Path, ...]:
        """The picture; none where the row has none."""
        return (self._files[row],) if row in self._files else ()

    def settings(self, row: int) -> dict[str, object]:
        """What the prepared pictures depend on."""
        return self._preparation.settings(0)

    def own_grid(self, row: int) -> OwnGrid:
        """Rows and columns of the picture."""
        if row not in self._grids:
            height, width = read_pixels(self._files[row]).values.shape[1:]
            self._grids[row] = OwnGrid((height, width), (1.0, 1.0), np.eye(4), False)
        return self._grids[row]

    def remember(self, row: int, grid: OwnGrid) -> None:
        """Take up a size that was read earlier."""
        self._grids[row] = grid

    def own_image(self, row: int) -> NDArray[np.float32]:
        """The mean of the picture's colours."""
        return as_grey(read_pixels(self._files[row]).values.mean(axis=0, dtype=np.float32))

    def read_mask(self, row: int, files: Sequence[Path], numbers: Numbers) -> NDArray[np.uint8]:
        """The mask; several files of a row are joined, later ones over earlier ones."""
        shape = self.own_grid(row).shape
        joined = np.zeros(shape, dtype=np.uint8)
        for path in files:
            values = read_pixels(path).values.max(axis=0)
            if values.shape != shape:
                raise InputError(
                    f"{path}: {values.shape[0]} x {values.shape[1]} pixels, but its image has "
                    f"{shape[0]} x {shape[1]}."
                )
            mask = checked_numbers(values, numbers, path)
            joined[mask > 0] = mask[mask > 0]
        return joined

    def to_network(self, row: int, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The mask resized as its picture; each number where it covers more than half a pixel."""
        found = np.zeros(self._preparation.size, dtype=np.uint8)
        for number in np.unique(mask[mask > 0]).tolist():
            inside = (mask == number).astype(np.uint8) * np.uint8(255)
            found[self._preparation.resize(inside) > 127] = number
        return found

    def to_own(self, row: int, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values resized (bilinear) to the picture; what was padding is cut off."""
        from PIL import Image

        height, width = self.own_grid(row).shape
        rows, columns = self._preparation.inside((height, width))
        resized = [
            Image.fromarray(np.ascontiguousarray(each[rows, columns]), mode="F").resize(
                (width, height), Image.Resampling.BILINEAR
            )
            for each in values
        ]
        return np.stack([np.asarray(each, dtype=np.float32) for each in resized])
