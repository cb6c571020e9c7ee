"""Volumes as cases of a segmentation: masks between their own grid and the prepared one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.prepared_volumes import PreparedVolumes, VolumeFiles, called
from tumorboard.formats.volume import Volume
from tumorboard.formats.volume_masks import is_dicom, read_mask_volume
from tumorboard.records import Ints
from tumorboard.transforms.cases import Cases, Numbers, OwnGrid, as_grey, checked_numbers
from tumorboard.transforms.volume_preparation import VolumePreparation, grid_of
from tumorboard.transforms.volume_resampling import Grid, resample


class VolumeCases(Cases):
    """Rows of a volume modality.

    Args:
        files: Row -> what its volume was prepared from.
        volumes: The prepared volumes.
        index: (rows,) number of each row's volume, -1 for none.
        preparation: How they were prepared.
    """

    is_picture = False

    def __init__(
        self, files: Mapping[int, VolumeFiles], volumes: PreparedVolumes, index: Ints,
        preparation: VolumePreparation,
    ) -> None:  # fmt: skip
        self._files, self._volumes, self._index = files, volumes, index
        self._preparation = preparation
        self._grids: dict[int, OwnGrid] = {}
        self._latest: tuple[int, Volume] | None = None
        self._moved: set[int] = set()

    def files(self, row: int) -> tuple[Path, ...]:
        """Files of all channels, in order; none where the row has no volume."""
        has = row in self._files and self._index[row] >= 0
        return self._files[row].files if has else ()

    def settings(self, row: int) -> dict[str, object]:
        """What the prepared volumes depend on, and where this row's box lies.

        Rows of one file may be cropped around points or masks of their own.
        """
        grid = self._network(row)
        box = {"shape": list(grid.shape), "affine": grid.affine.round(6).tolist()}
        return {**self._preparation.settings("none"), "box": box, "to_network": "equal volume"}

    def own_grid(self, row: int) -> OwnGrid:
        """Grid of the first channel as it is read: axes towards the right, the front, the head."""
        if row not in self._grids:
            volume = self._volume(row)
            grid = grid_of(volume)
            is_known = self._preparation.spacing != "unknown"
            spacing = tuple(grid.spacing_mm.tolist()) if is_known else (1.0, 1.0, 1.0)
            self._grids[row] = OwnGrid(grid.shape, spacing, grid.affine, is_known)
        return self._grids[row]

    def remember(self, row: int, grid: OwnGrid) -> None:
        """Take up a grid that was read earlier, so that the volume is not read for it again."""
        self._grids[row] = grid

    def like(self, row: int) -> Path | None:
        """The first channel's file, where it is one of NIfTI."""
        files = self._files[row].channels[0]
        is_nifti = len(files) == 1 and files[0].name.lower().endswith((".nii", ".nii.gz"))
        return files[0] if is_nifti else None

    def own_image(self, row: int) -> NDArray[np.float32]:
        """The last channel, on the grid of the first."""
        volume = self._preparation.read(self._files[row].channels[-1])
        own = self.own_grid(row)
        values = np.asarray(volume.array[-1], dtype=np.float32)
        if values.shape != own.shape:
            target = Grid((own.shape[0], own.shape[1], own.shape[2]), own.affine)
            values = resample(values, grid_of(volume), target, fill=float(values.min()))
        return as_grey(values)

    def read_mask(self, row: int, files: Sequence[Path], numbers: Numbers) -> NDArray[np.uint8]:
        """The mask on the volume's own grid; on another grid it is resampled (nearest)."""
        volume = self._volume(row)
        if len(files) != 1 or not is_dicom(files[0]):
            found = read_mask_volume(files, volume)
            plane = checked_numbers(found.array.max(axis=0), numbers, called(files))
            if _is_elsewhere(grid_of(found), grid_of(volume)):
                self._moved.add(row)
            return self._placed(plane, found, volume, called(files))
        mask = np.zeros(volume.array.shape[1:], dtype=np.uint8)
        for number in numbers:
            found = read_mask_volume(files, volume, segment=str(number))
            inside = self._placed(found.array.max(axis=0) > 0, found, volume, files[0])
            mask[inside > 0] = number
        return mask

    def was_moved(self, row: int) -> bool:
        """Whether the row's mask, as it was read, lay on another grid; segments of DICOM may."""
        return row in self._moved

    def to_network(self, row: int, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The mask on the prepared volume's grid: the voxels it covers most, as many as it fills.

        Not the nearest voxel: where voxels become twice as large two are equally near, and taking
        always the same one moves the mask by half a voxel against its image. Not those covered by
        more than half: small lesions would shrink.
        """
        own = self.own_grid(row)
        source = Grid((own.shape[0], own.shape[1], own.shape[2]), own.affine)
        target = self._network(row)
        if target.offset_in(source) is not None:  # voxels are copied
            return resample(mask, source, target, interpolation="nearest")
        found = np.zeros(target.shape, dtype=np.uint8)
        total, most = (np.zeros(target.shape, dtype=np.float32) for _ in range(2))
        for number in np.unique(mask[mask > 0]).tolist():
            share = resample((mask == number).astype(np.float32), source, target)
            total += share
            found = np.where(share > most, np.uint8(number), found)
            most = np.maximum(share, most)
        n_inside = round(float(total.sum(dtype=np.float64)))
        if not n_inside:
            return np.zeros(target.shape, dtype=np.uint8)
        least = np.partition(total.ravel(), -n_inside)[-n_inside]
        return np.where(total >= least, found, np.uint8(0)).astype(np.uint8)

    def to_own(self, row: int, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values on the volume's own grid (linear), 0 beyond what the segmenter saw."""
        own = self.own_grid(row)
        target = Grid((own.shape[0], own.shape[1], own.shape[2]), own.affine)
        source = self._network(row)
        return np.stack([resample(each, source, target).astype(np.float32) for each in values])

    def _network(self, row: int) -> Grid:
        number = int(self._index[row])
        x, y, z = self._volumes.stored(number).shape[1:]
        return Grid((x, y, z), self._volumes.facts[number].affine)

    def _volume(self, row: int) -> Volume:
        """The first channel; the last one read is kept, since mask and image are asked together."""
        if self._latest is None or self._latest[0] != row:
            self._latest = (row, self._preparation.read(self._files[row].channels[0]))
        return self._latest[1]

    def _placed(
        self, mask: NDArray[np.uint8] | NDArray[np.bool_], found: Volume, volume: Volume,
        where: Path,
    ) -> NDArray[np.uint8]:  # fmt: skip
        own, there = grid_of(volume), grid_of(found)
        if self._preparation.spacing == "unknown" or found.facts.get("geometry") == "unknown":
            if mask.shape != own.shape:
                raise InputError(
                    f"{where}: a mask of {_by(mask.shape)} voxels, but its volume has "
                    f"{_by(own.shape)}; without geometry they must agree."
                )
            return mask.astype(np.uint8)
        moved = resample(mask.astype(np.uint8), there, own, interpolation="nearest")
        if mask.any() and not moved.any():
            raise InputError(f"{where}: no voxel of the mask lies in its volume.")
        return moved.astype(np.uint8)


def _is_elsewhere(mask: Grid, image: Grid) -> bool:
    return mask.shape != image.shape or mask.offset_in(image) != (0, 0, 0)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
