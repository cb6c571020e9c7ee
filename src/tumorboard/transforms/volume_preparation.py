"""What is done to a volume before it is kept: read, crop, resample, denoise, scale to 0..1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.histogram_equalisation import Equalise, equalised
from tumorboard.formats.image_fingerprints import digest_of
from tumorboard.formats.messages import listed
from tumorboard.formats.prepared_volumes import VolumeFacts, VolumeFiles, called
from tumorboard.formats.volume import Volume
from tumorboard.formats.volume_masks import read_mask_volume
from tumorboard.formats.volumes import read_volume_files
from tumorboard.records import Bools, Floats
from tumorboard.transforms.denoising import Denoiser, denoiser
from tumorboard.transforms.histogram_matching import landmarks_of
from tumorboard.transforms.image_quality import measure_quality
from tumorboard.transforms.volume_cropping import (
    box_around,
    centre_of_body,
    centre_of_lungs,
    centre_of_mask,
    check_inside,
    middle_of,
)
from tumorboard.transforms.volume_planes import to_channels
from tumorboard.transforms.volume_resampling import Grid, Interpolation, resample, respaced
from tumorboard.transforms.volume_units import check_units, in_suv

Spacing = Literal["keep", "unknown"] | tuple[float, float, float]
Box = Literal["none", "body", "lung", "around", "mask"]

_AIR_HU = -1000.0
#: Percentiles that become 0 and 1 with normalise = "percentile".
_ENDS = (0.5, 99.5)


@dataclass(frozen=True)
class VolumePreparation:
    """How every volume of a modality is prepared: part of its key in the cache.

    Args:
        spacing: Voxel size in mm; "keep" the file's, or "unknown" where files do not tell.
        size: Voxels along X, Y and Z; empty keeps the whole volume.
        window_hu: Hounsfield units that become 0 and 1; empty for none.
        crop: What the box is centred on.
        denoise: Filter, after resampling.
        denoise_weights: Its weight file, or "none".
        interpolation: How values between voxels are found.
        allow_missing_slices: Let DICOM series with gaps through.
        choose: DICOM attribute -> value, where there are several candidate volumes.
        segment: Name or number of one segment of the masks, or "all".
        window_suv: Uptake values that become 0 and 1, of PET; empty for none.
        shrink: Voxels of the file along each axis that become one, where their size is unknown.
        equalise: How the greys are spread after the scaling to 0..1.
    """

    spacing: Spacing
    size: tuple[int, int, int] | tuple[()]
    window_hu: tuple[float, ...]
    crop: Box
    denoise: Denoiser
    denoise_weights: str
    interpolation: Interpolation
    allow_missing_slices: bool
    choose: Mapping[str, str]
    segment: str = "all"
    window_suv: tuple[float, ...] = ()
    shrink: tuple[float, float, float] = (1.0, 1.0, 1.0)
    equalise: Equalise = "none"

    def settings(self, weights_sha256: str) -> dict[str, object]:
        """What the cache's key depends on, beside the content of the files."""
        plain: dict[str, object] = dict(vars(self))
        plain["denoise_weights"] = weights_sha256
        if self.shrink == (1.0, 1.0, 1.0):  # what was prepared before there was this setting stays
            del plain["shrink"]
        if self.equalise == "none":
            del plain["equalise"]
        return plain | {"choose": dict(self.choose)}

    def reader(self) -> Callable[[VolumeFiles], tuple[NDArray[np.float16], VolumeFacts]]:
        """Prepares volumes one by one; a network for denoising is loaded once.

        Raises:
            InputError: The weight file is absent.
            RunError: The package that reads it is absent.
        """
        clean = denoiser(self.denoise, self.denoise_weights)
        return lambda files: self._prepare(files, clean)

    def read(self, files: Sequence[Path]) -> Volume:
        """One channel as it is in its files; without geometry only where that is declared.

        Raises:
            InputError: It cannot be read, or says no voxel size although one is needed.
        """
        where = called(files)
        volume = read_volume_files(
            files,
            where=where,
            allow_missing_slices=self.allow_missing_slices,
            choose=self.choose,
        )
        if self.spacing != "unknown" and volume.facts.get("geometry") == "unknown":
            raise InputError(
                f"{where}: pictures say no voxel size, but spacing_mm is {_shown(self.spacing)}. "
                'Use the original series, or set spacing_mm = "unknown": distances are in voxels.'
            )
        if self.spacing == "unknown":
            volume = replace(volume, affine=_unit_voxels(volume.affine))
        check_units(volume, where, has_window=bool(self.window_hu))
        return in_suv(volume, where) if self.window_suv else volume

    def box(self, volume: Volume, files: VolumeFiles) -> tuple[Grid, tuple[str, ...]]:
        """The grid of what the encoder sees of a volume, and sentences about it.

        Raises:
            InputError: The centre is outside, the mask empty, or there is no body or lung.
        """
        source, what = grid_of(volume), str(files.where)
        spacing = np.asarray(
            source.spacing_mm if isinstance(self.spacing, str) else self.spacing, dtype=np.float64
        ) * np.asarray(self.shrink)
        is_kept = isinstance(self.spacing, str) and self.shrink == (1.0, 1.0, 1.0)
        if not self.size:
            return source if is_kept else respaced(source, spacing), ()
        notes: tuple[str, ...] = ()
        array = volume.array[0]
        if self.crop == "around":
            centre = np.asarray(files.centre_mm, dtype=np.float64)
            check_inside(source, centre, what=f"{what}: the centre to crop around")
        elif self.crop == "mask":
            mask, notes = self.mask(files.mask, volume)
            centre = centre_of_mask(mask, source, what=str(called(files.mask)))
        elif self.crop == "body":
            centre = centre_of_body(array, source, is_ct=self._is_ct(volume), what=what)
        elif self.crop == "lung" and not self._is_ct(volume):
            raise InputError(f'{what}: crop = "lung" needs a CT; set window_hu if it is one.')
        elif self.crop == "lung":
            centre = centre_of_lungs(array, source, what=what, outside=volume.outside)
        else:
            centre = middle_of(source if is_kept else respaced(source, spacing))
        return box_around(source, centre, self.size, spacing), notes

    def mask(self, files: Sequence[Path], volume: Volume) -> tuple[Bools, tuple[str, ...]]:
        """A mask (X, Y, Z) on the volume's own grid, and sentences about it.

        Raises:
            InputError: It cannot be read, or a folder of slices is of another size.
        """
        where = called(files)
        found = read_mask_volume(files, volume, segment=self.segment)
        inside = found.array.max(axis=0) > 0
        own = grid_of(volume)
        if self.spacing == "unknown" or found.facts.get("geometry") == "unknown":
            if inside.shape != own.shape:
                raise InputError(
                    f"{where}: a mask of {_by(inside.shape)} voxels, but its volume has "
                    f"{_by(own.shape)}; without geometry they must agree."
                )
            return inside, ()
        there = grid_of(found)
        if there.shape == own.shape and own.offset_in(there) == (0, 0, 0):
            return inside, ()
        moved = resample(inside, there, own, interpolation="nearest")
        if inside.any() and not moved.any():
            raise InputError(f"{where}: no voxel of the mask lies in its volume.")
        return moved, (f"{where}: the mask is on another grid and was resampled (nearest)",)

    def _prepare(
        self, files: VolumeFiles, clean: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> tuple[NDArray[np.float16], VolumeFacts]:
        volumes = [self.read(paths) for paths in files.channels]
        grid, notes = self.box(volumes[0], files)
        channels: list[NDArray[np.float32]] = []
        inside: list[Bools] = []
        for volume in volumes:
            if self.spacing == "unknown" and volume.array.shape[1:] != volumes[0].array.shape[1:]:
                raise InputError(
                    f"{files.where}: channels of {_by(volumes[0].array.shape[1:])} and "
                    f"{_by(volume.array.shape[1:])} voxels; without geometry they must agree."
                )
            own_inside = self._inside(volume, grid)
            if not own_inside.any():
                raise InputError(
                    f"{files.where}: a channel has nothing where the first one is looked at."
                )
            for channel in volume.array:
                values = clean(self._sampled(channel, volume, grid))
                unit = self._unit(values, own_inside)
                channels.append(equalised(unit, self.equalise, inside=own_inside))
                inside.append(own_inside)
        array = np.stack(channels)
        every = tuple(notes) + tuple(note for volume in volumes for note in volume.notes)
        return array.astype(np.float16), self._facts(
            array, np.stack(inside), volumes, grid, files, every
        )

    def _sampled(self, channel: NDArray[Any], volume: Volume, grid: Grid) -> NDArray[Any]:
        """One channel on the grid; what the scanner did not record is as dark as the darkest."""
        recorded = channel if volume.outside is None else channel[~volume.outside]
        if recorded.size == 0:
            raise InputError(f"{called(volume.used)}: every voxel is padding.")
        fill = _AIR_HU if self._is_ct(volume) else float(recorded.min())
        if volume.outside is not None:  # padding such as -2000 must not bleed into its neighbours
            channel = np.where(volume.outside, channel.dtype.type(fill), channel)
        return resample(
            channel, grid_of(volume), grid, interpolation=self.interpolation, fill=fill
        ).astype(np.float32)

    def _inside(self, volume: Volume, grid: Grid) -> Bools:
        recorded = (
            np.ones(volume.array.shape[1:], dtype=np.bool_)
            if volume.outside is None
            else ~volume.outside
        )
        return resample(recorded, grid_of(volume), grid, interpolation="nearest")

    def _unit(self, values: NDArray[Any], inside: Bools) -> NDArray[np.float32]:
        """Intensities in 0..1: of the window, or between two percentiles of what was recorded."""
        low, high = (
            self.window_hu or self.window_suv or np.percentile(values[inside], _ENDS).tolist()
        )
        reach = high - low if high > low else 1.0
        return np.clip((values - low) / reach, 0.0, 1.0).astype(np.float32)

    def _facts(
        self, array: NDArray[np.float32], inside: Bools, volumes: Sequence[Volume], grid: Grid,
        files: VolumeFiles, notes: tuple[str, ...],
    ) -> VolumeFacts:  # fmt: skip
        each = [
            channel[here].astype(np.float64) for channel, here in zip(array, inside, strict=True)
        ]
        is_ct = any(self._is_ct(volume) for volume in volumes)
        marks = [
            landmarks_of(channel, here, above_mean=not is_ct)
            for channel, here in zip(array, inside, strict=True)
        ]
        plane = array[:, :, :, array.shape[3] // 2].mean(axis=0)
        number = {path: i for i, path in enumerate(files.files)}
        left = [pair for volume in volumes for pair in volume.ignored]
        members = [f"{path.name}: {reason}" for path, reason in left if path not in number]
        digests = [digest_of(volume.array) for volume in volumes]
        return VolumeFacts(
            affine=grid.affine,
            mean=np.asarray([values.mean() for values in each]),
            sd=np.asarray([values.std() for values in each]),
            landmarks=np.stack(marks),
            quality=measure_quality(plane[np.newaxis].astype(np.float32))[0],
            digest=b"".join(digests).hex(),
            ignored=tuple((number[path], why) for path, why in left if path in number),
            notes=(*dict.fromkeys(notes), *([f"ignored: {listed(members)}"] if members else [])),
        )

    def _is_ct(self, volume: Volume) -> bool:
        return volume.kind == "CT" or bool(self.window_hu)


def grid_of(volume: Volume) -> Grid:
    """Where the voxels of a volume are."""
    x, y, z = volume.array.shape[1:]
    return Grid((x, y, z), volume.affine)


def zscored(volumes: NDArray[Any], facts: Sequence[VolumeFacts]) -> NDArray[np.float32]:
    """Each channel (n, C, X, Y, Z) by its volume's mean and standard deviation; a flat one is 0."""
    n_channels = volumes.shape[1]
    mean = np.stack([to_channels(each.mean, n_channels) for each in facts])
    sd = np.stack([to_channels(each.sd, n_channels) for each in facts])
    shape = (len(volumes), n_channels, 1, 1, 1)
    spread = np.where(sd > 0, sd, 1).reshape(shape).astype(np.float32)
    return (volumes - mean.reshape(shape).astype(np.float32)) / spread


def _unit_voxels(affine: Floats) -> Floats:
    """The affine of voxels of unknown size: its directions, with lengths of 1 voxel."""
    unit = np.eye(4)
    unit[:3, :3] = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return unit


def _shown(spacing: Spacing) -> str:
    return f'"{spacing}"' if isinstance(spacing, str) else str(list(spacing))


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
