"""Images of a cohort as they were prepared, before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.formats.image_fingerprints import Fingerprints, fingerprints
from tumorboard.formats.prepared_images import PreparedImages
from tumorboard.modalities import MeasuredPictures
from tumorboard.records import Floats


@dataclass(frozen=True)
class MeasuredImages(MeasuredPictures):
    """Prepared images of a cohort; `index` is (rows, slices).

    Args:
        images: Every distinct slice of the cohort.
    """

    images: PreparedImages | None = None

    @property
    def prepared(self) -> PreparedImages:
        """Every distinct slice of the cohort."""
        if self.images is None:
            raise TypeError("images that were not read from a cohort")
        return self.images

    @property
    def sources(self) -> tuple[Path, ...]:
        """The file of each slice."""
        return tuple(source.path for source in self.prepared.sources.values())

    def fingerprints(self) -> Fingerprints:
        """Fingerprints of the slices; see `MeasuredPictures.fingerprints`."""
        return fingerprints(self.prepared, name=self.name)

    def grey_levels(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation (rows,) of the middle slice, without decoding any image."""
        images, index = self.prepared, self.index
        middle = index[:, index.shape[1] // 2]
        if not len(images.sources):
            return np.full(len(middle), np.nan), np.full(len(middle), np.nan)
        mean, square = (moment[:, 0] for moment in images.moments(1))
        spread = np.sqrt(np.maximum(square - mean**2, 0.0))
        has = middle >= 0
        return np.where(has, mean[middle], np.nan), np.where(has, spread[middle], np.nan)
