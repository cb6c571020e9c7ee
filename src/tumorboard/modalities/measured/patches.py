"""Patches of a cohort where they lie on their slides, before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.formats.image_fingerprints import Fingerprints
from tumorboard.formats.prepared_images import grey_of
from tumorboard.modalities import MeasuredPictures, changed
from tumorboard.records import Floats, Ints
from tumorboard.transforms.found_patches import CHUNK, FEW, FoundPatches
from tumorboard.transforms.image_quality import measure_quality


@dataclass(frozen=True)
class MeasuredPatches(MeasuredPictures):
    """Where the patches of a cohort lie; `index` is (rows, slides) numbers of slides.

    Args:
        found: The patches and their slides.
    """

    found: FoundPatches | None = None
    shows_parts = True

    @property
    def patches(self) -> FoundPatches:
        """The patches and their slides."""
        if self.found is None:
            raise TypeError("patches that were not read from a cohort")
        return self.found

    @property
    def sources(self) -> tuple[Path, ...]:
        """The file of each slide."""
        return tuple(info.path for info in self.patches.slides.infos)

    def fingerprints(self) -> Fingerprints:
        """Fingerprints of the slides as wholes; see `MeasuredPictures.fingerprints`."""
        return self.patches.fingerprints()

    def grey_levels(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation (rows,) of each row's patch, or of a few of its bag."""
        return self.patches.grey_levels()

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """The patch of a row, or its first slide as a whole where it has a bag, (H, W, 3)."""
        return self.patches.picture(row)

    def cut(self, numbers: Ints, rows: Ints) -> NDArray[np.uint8]:
        """Patches (n, 3, h, w) by number, of these rows; with `change`, made worse."""
        cut = self.patches.cut(numbers)
        return cut if self.change is None else changed(cut, rows, self.change)

    def quality(self, rows: Ints) -> Floats:
        """(len(rows), measures): each row's patch, or the median of a few of its bag."""
        numbers, place = self.patches.at.of(rows, most=FEW)
        parts: list[Floats] = []
        for start in range(0, len(numbers), CHUNK):
            chosen = slice(start, start + CHUNK)
            cut = self.cut(numbers[chosen], rows[place[chosen]])
            parts.append(measure_quality(grey_of(cut)))
        every = np.concatenate(parts)
        if not self.patches.is_bag:
            return every
        first = np.searchsorted(place, np.arange(1, len(rows)))
        return np.stack([np.median(part, axis=0) for part in np.split(every, first)])
