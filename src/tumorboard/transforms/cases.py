"""Cases of a segmentation: masks between the files they lie in and what a segmenter sees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.messages import listed
from tumorboard.records import Floats

#: Numbers in the masks of one label, or of several.
Numbers = Sequence[int]
#: What pictures of black and white hold inside.
_WHITE = 255
#: What is beside it at edges that were smoothed or compressed.
_NEARLY_WHITE = frozenset({253, 254, 255})


@dataclass(frozen=True)
class OwnGrid:
    """Where the pixels or voxels of a case lie, as in its file.

    Args:
        shape: (X, Y, Z) of a volume; (rows, columns) of a picture.
        spacing: Distance of two neighbours along each axis, in mm, or 1 where it is not known.
        affine: (4, 4) voxel index -> mm, RAS+; the identity for a picture.
        is_known: Whether the file says how large a pixel or voxel is.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    affine: Floats
    is_known: bool

    def encoded(self) -> Floats:
        """As an array that the cache can keep."""
        head = [float(len(self.shape)), float(self.is_known), *self.shape, *self.spacing]
        return np.concatenate([np.asarray(head), self.affine.ravel()])

    @classmethod
    def decoded(cls, array: Floats) -> OwnGrid:
        """What `encoded` gave."""
        n = int(array[0])
        return cls(
            tuple(int(v) for v in array[2 : 2 + n]), tuple(array[2 + n : 2 + 2 * n].tolist()),
            array[2 + 2 * n :].reshape(4, 4), bool(array[1]),
        )  # fmt: skip


class Cases(ABC):
    """The rows of a cohort that can be segmented, and their geometry."""

    #: Whether a case is written as a picture instead of a volume.
    is_picture: bool

    @abstractmethod
    def files(self, row: int) -> tuple[Path, ...]:
        """Files that the row's image was prepared from; none where it has no image."""

    @abstractmethod
    def settings(self, row: int) -> dict[str, object]:
        """What the geometry of a row depends on, beside the content of the files."""

    @abstractmethod
    def own_grid(self, row: int) -> OwnGrid:
        """Where the row's image lies as in its file.

        Raises:
            InputError: The image cannot be read.
        """

    @abstractmethod
    def remember(self, row: int, grid: OwnGrid) -> None:
        """Take up a grid that was read earlier, so that no image is read for it again."""

    def like(self, row: int) -> Path | None:
        """A NIfTI file whose order of axes a written mask should have; None where there is none."""
        return None

    @abstractmethod
    def own_image(self, row: int) -> NDArray[np.float32]:
        """The image on its own grid in grey, 0..1 between its 0.5 and 99.5 %, to be looked at."""

    @abstractmethod
    def read_mask(self, row: int, files: Sequence[Path], numbers: Numbers) -> NDArray[np.uint8]:
        """What mask files hold, on the image's own grid.

        Raises:
            InputError: They cannot be read, or lie elsewhere.
        """

    def was_moved(self, row: int) -> bool:
        """Whether the mask of a row that was read lay on another grid than its image."""
        return False

    @abstractmethod
    def to_network(self, row: int, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A mask on the image's own grid, as the segmenter sees it."""

    @abstractmethod
    def to_own(self, row: int, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values (L, *space) of what the segmenter sees, on the image's own grid (L, *shape)."""


def as_grey(values: NDArray[Any]) -> NDArray[np.float32]:
    """Intensities as they are shown: 0..1 between their 0.5 and 99.5 %."""
    low, high = np.percentile(values, (0.5, 99.5)).tolist()
    reach = high - low if high > low else 1.0
    return np.clip((values.astype(np.float32) - low) / reach, 0.0, 1.0).astype(np.float32)


def checked_numbers(values: NDArray[Any], numbers: Numbers, where: Path) -> NDArray[np.uint8]:
    """The whole numbers of a mask.

    Pictures hold 255 for what tables of labels call 1: where a mask holds 255 alone and the study
    has one number, it is that one. Any other number that the study does not name is kept: the
    label may be absent from this patient. Whether a cohort has the study's numbers at all is seen
    when all masks are read.

    Raises:
        InputError: Values that are no whole numbers from 0 to 255, 255 where the study has several
            numbers and does not name it, or the greys of a smoothed picture.
    """
    found = np.unique(values)
    if not np.isfinite(found).all() or (found != np.rint(found)).any():
        few = listed([f"{float(v):g}" for v in found.tolist()[:5]])
        raise InputError(f"{where}: a mask holds whole numbers, found {few}.")
    if found.min() < 0 or found.max() > 255:
        raise InputError(
            f"{where}: numbers of a mask are 0 to 255, found {found.min():g} to {found.max():g}."
        )
    inside = [int(v) for v in found.tolist() if v > 0]
    if set(inside) >= _NEARLY_WHITE and not _NEARLY_WHITE & set(numbers):
        raise InputError(
            f"{where}: the mask holds {len(inside)} greys, as a JPEG or a smoothed picture does, "
            "whose edges are no labels. Save it as PNG with one number for each label."
        )
    if inside == [_WHITE] and _WHITE not in numbers:
        if len(set(numbers)) > 1:
            raise InputError(
                f"{where}: the mask holds {_WHITE} alone, which says nothing of which of "
                f"{listed([str(n) for n in numbers])} (task.labels) is meant."
            )
        return np.where(values > 0, np.uint8(numbers[0]), np.uint8(0))
    return values.astype(np.uint8)
