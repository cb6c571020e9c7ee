"""Volumes of a cohort as they were prepared, before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.formats.image_fingerprints import Fingerprints
from tumorboard.formats.prepared_volumes import PreparedVolumes, VolumeFacts
from tumorboard.modalities import MeasuredPictures, changed
from tumorboard.records import Floats, Ints
from tumorboard.transforms.image_quality import measure_quality
from tumorboard.transforms.volume_planes import slice_by_slice, three_planes, to_channels


@dataclass(frozen=True)
class MeasuredVolumes(MeasuredPictures):
    """Prepared volumes of a cohort; `index` is (rows, 1).

    Args:
        volumes: Every distinct volume of the cohort.
    """

    volumes: PreparedVolumes | None = None
    shows_parts = True

    @property
    def prepared(self) -> PreparedVolumes:
        """Every distinct volume of the cohort."""
        if self.volumes is None:
            raise TypeError("volumes that were not read from a cohort")
        return self.volumes

    @property
    def sources(self) -> tuple[Path, ...]:
        """The file, or the folder of the files, of each volume."""
        return tuple(source.where for source in self.prepared.sources)

    def fingerprints(self) -> Fingerprints:
        """Fingerprints of the volumes as they were read; see `MeasuredPictures.fingerprints`."""
        return self.prepared.fingerprints()

    def grey_levels(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation (rows,) of what the scanner recorded, over all channels."""
        mean, spread = np.full((2, len(self.index)), np.nan)
        for row in np.flatnonzero(self.present):
            facts = self.prepared.facts[int(self.index[row, 0])]
            mean[row], spread[row] = facts.mean.mean(), facts.sd.mean()
        return mean, spread

    def affines(self, rows: Ints) -> Floats:
        """(n, 4, 4) voxel index of what the encoder sees -> world mm, RAS+; the rows are present.

        Where the voxel size is unknown, a voxel counts as 1.
        """
        return self.prepared.affines(self.index[rows, 0])

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """Axial, coronal and sagittal plane through the middle, side by side, (H, W, 3).

        As they are read: the patient's right on the left, the front or the head on top.
        """
        if not self.present[row]:
            return None
        volume = self.prepared.stored(int(self.index[row, 0]))
        return three_planes(np.asarray(volume, dtype=np.float32))

    def facts(self, rows: Ints) -> list[VolumeFacts]:
        """What is remembered of the volume of each row; the rows are present."""
        return [self.prepared.facts[i] for i in self.index[rows, 0].tolist()]

    def stored(self, rows: Ints, n_channels: int) -> NDArray[Any]:
        """(n, C, X, Y, Z) in 0..1 of rows that are present; with `change`, made worse."""
        numbers = self.index[rows, 0].tolist()
        arrays: NDArray[Any] = np.stack(
            [to_channels(self.prepared.stored(i), n_channels) for i in numbers]
        )
        return self._changed(arrays, rows)

    def patch(
        self, row: int, n_channels: int, start: tuple[int, ...], size: tuple[int, ...]
    ) -> NDArray[Any]:
        """(1, C, *size) box from voxel `start` on of a row that is present, in 0..1."""
        number = int(self.index[row, 0])
        x, y, z = start
        box = self.prepared.patch(number, (x, y, z), (size[0], size[1], size[2]))
        array = to_channels(box, n_channels)[np.newaxis]
        return self._changed(array, np.asarray([row], dtype=np.int64))

    def shape(self, row: int) -> tuple[int, ...]:
        """(X, Y, Z) of the prepared volume of a row that is present."""
        return tuple(self.prepared.stored(int(self.index[row, 0])).shape[1:])

    def quality(self, rows: Ints) -> Floats:
        """(n, measures) of the middle axial planes of rows that are present."""
        if self.change is None:
            return np.stack([each.quality for each in self.facts(rows)])
        volumes = [self.prepared.stored(i) for i in self.index[rows, 0].tolist()]
        middle = volumes[0].shape[3] // 2
        planes = np.stack([np.asarray(each[..., middle : middle + 1]) for each in volumes])
        worse = self._changed(planes, rows)
        return measure_quality(worse[..., 0].mean(axis=1, dtype=np.float32))

    def _changed(self, volumes: NDArray[Any], rows: Ints) -> NDArray[Any]:
        if self.change is None:
            return volumes
        return slice_by_slice(volumes, rows, partial(changed, change=self.change))
