"""Voxels of a stack: decoded, rescaled slice by slice without loss, padding set apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.dicom_geometry import Grid
from tumorboard.formats.dicom_pixels import in_range, stored_limits, stored_pixels
from tumorboard.formats.dicom_slices import Slice
from tumorboard.records import Bools

#: Largest volume that is read, in voxels: 16 GiB as float32.
MAX_VOXELS = 1 << 32
#: What CT without a rescale must have to be taken for Hounsfield units: signed pixels, of which
#: one in a hundred is air (below -900 HU), none below what scanners write.
_AIR_HU, _LOWEST_HU, _AIR_SHARE = -900, -4096, 0.01
#: Nothing in a CT is thinner than air, even in noise and beside metal: values below were written
#: outside the field of view by scanners that declare no PixelPaddingValue (-2000, -3024, -32768).
_PADDING_HU = -1500
#: Largest whole number up to which float32 holds each one.
_EXACT = 1 << 24
_GREY = ("MONOCHROME1", "MONOCHROME2")
#: Their values have a unit: MONOCHROME1 says how they are shown, not that they are inverted.
_PHYSICAL = ("CT", "PT")


@dataclass
class Voxels:
    """Slices as one array, and where the scanner recorded nothing.

    Args:
        array: (X, Y, Z) as column, row, place, flipped as asked.
        outside: The same shape; None for nowhere.
        notes: Sentences for the report.
    """

    array: NDArray[Any]
    outside: Bools | None
    notes: list[str]


def check_pixels(slices: tuple[Slice, ...], n_places: int, name: str) -> None:
    """Refuse by the headers what cannot be read as one grey volume, before memory is taken.

    Raises:
        InputError: Too many voxels, colours, a depth that no scanner writes, or a slope of 0.
    """
    first = slices[0].pixels
    n_voxels = first.rows * first.columns * n_places
    if n_voxels > MAX_VOXELS:
        raise InputError(
            f"{name}: {n_places} slices of {first.rows} x {first.columns} are {n_voxels:,} voxels "
            f"({n_voxels * 4 / 2**30:.0f} GiB), more than the limit of {MAX_VOXELS:,}. Crop or "
            "downsample the series first."
        )
    for image in slices:
        pixels = image.pixels
        if pixels.samples != 1 or pixels.photometric not in _GREY:
            raise InputError(
                f"{image.file}: pixels are {pixels.photometric} of {pixels.samples} samples; "
                "expected grey slices (MONOCHROME1 or MONOCHROME2)."
            )
        if pixels.bits_allocated not in (8, 16, 32) or pixels.bits_stored > pixels.bits_allocated:
            raise InputError(
                f"{image.file}: {pixels.bits_stored} of {pixels.bits_allocated} bits for each "
                "pixel; expected 8, 16 or 32."
            )
        if image.slope == 0:
            raise InputError(
                f"{image.file}: RescaleSlope is 0, so that every voxel has one value. "
                "Export the file again."
            )


def read_voxels(grid: Grid, flips: tuple[bool, bool, bool], name: str) -> Voxels:
    """Read every slice of a grid; slices that are missing are interpolated between neighbours.

    Args:
        grid: The slices and their places.
        flips: Whether the order of columns, rows and places is reversed.
        name: Series, for messages.

    Raises:
        InputError: Damaged or truncated pixels, a compression without decoder, CT that is not in
            Hounsfield units, too many voxels.
    Source:
        DICOM PS3.3 C.7.6.3 (pixels), C.11.1 (rescale), C.7.5.1.1.2 (padding).
    """
    check_pixels(grid.slices, grid.n, name)
    filling = _Filling(grid, flips)
    for image, at in zip(grid.slices, grid.at, strict=True):
        filling.put(image, at)
    filling.fill_missing()
    filling.check_units(name)
    filling.set_padding_apart(name)
    array, outside = filling.finished()
    return Voxels(array, outside, filling.notes)


class _Filling:
    """The array while it is filled: int16 as long as that holds every value, else float32."""

    def __init__(self, grid: Grid, flips: tuple[bool, bool, bool]) -> None:
        first = grid.slices[0].pixels
        self.grid, self.flips = grid, flips
        self.shape = (grid.n, first.rows, first.columns)
        whole = all(_is_whole(image) for image in grid.slices)
        self.stack: NDArray[Any] = np.empty(self.shape, np.int16 if whole else np.float32)
        self.outside: Bools | None = None
        self.low, self.high = np.inf, -np.inf  # of the real voxels, rescaled
        self.notes: list[str] = []

    def put(self, image: Slice, at: int) -> None:
        raw = in_range(image, stored_pixels(image))
        padding = _padding(image, raw)
        if image.pixels.photometric == "MONOCHROME1" and image.tags["Modality"] not in _PHYSICAL:
            raw = _mirrored(image, raw)
        slope = 1.0 if image.slope is None else image.slope
        intercept = 0.0 if image.intercept is None else image.intercept
        real = raw if padding is None else raw[~padding]
        if real.size:
            limits = sorted(float(v) * slope + intercept for v in (real.min(), real.max()))
            self.low, self.high = min(self.low, limits[0]), max(self.high, limits[1])
            self._make_room(image, limits, raw)
        target = self._target(self.stack, at)
        if padding is not None:
            raw = np.where(padding, real.min() if real.size else 0, raw)
            self._set_outside(padding, at)
        if self.stack.dtype == np.int16:
            # Sums of 16-bit numbers are right modulo 2^16, and the result was seen to fit.
            np.add(raw.astype(np.int16, copy=False), np.int16(int(intercept)), out=target)
        elif slope == 1 and intercept == 0:
            target[...] = raw
        else:
            target[...] = raw * np.float64(slope) + intercept

    def _make_room(self, image: Slice, limits: list[float], raw: NDArray[Any]) -> None:
        if raw.dtype.itemsize == 4 and max(abs(int(raw.min())), abs(int(raw.max()))) > _EXACT:
            raise InputError(
                f"{image.file}: stored values up to {int(raw.max()):,}, which 32-bit numbers with "
                "a fraction cannot hold exactly. Export the series with 16 bits."
            )
        if self.stack.dtype == np.int16 and not (-32768 <= limits[0] <= limits[1] <= 32767):
            self.stack = self.stack.astype(np.float32)

    def _target(self, stack: NDArray[Any], at: int) -> NDArray[Any]:
        columns, rows, places = self.flips
        plane = stack[self.grid.n - 1 - at if places else at]
        return plane[:: -1 if rows else 1, :: -1 if columns else 1]

    def _set_outside(self, padding: Bools, at: int) -> None:
        if self.outside is None:
            self.outside = np.zeros(self.shape, dtype=np.bool_)
        self._target(self.outside, at)[...] = padding

    def fill_missing(self) -> None:
        """Linear between the slices on both sides; outside where either of them is."""
        at = self.grid.at
        if len(at) == self.grid.n:
            return
        if self.stack.dtype == np.int16:
            self.stack = self.stack.astype(np.float32)
        for before, after in pairwise(at):
            low, high = self._target(self.stack, before), self._target(self.stack, after)
            for place in range(before + 1, after):
                share = np.float32((place - before) / (after - before))
                self._target(self.stack, place)[...] = low * (1 - share) + high * share
                if self.outside is not None:
                    both = self._target(self.outside, before) | self._target(self.outside, after)
                    self._target(self.outside, place)[...] = both

    def check_units(self, name: str) -> None:
        """Refuse CT whose values are not Hounsfield units."""
        first = self.grid.slices[0]
        kind = first.tags["Modality"]
        without = [s for s in self.grid.slices if s.slope is None or s.intercept is None]
        if without and kind == "PT":
            raise InputError(
                f"{name}: {without[0].label} has no RescaleSlope and RescaleIntercept, so that its "
                "activity is unknown. Export the series again."
            )
        if kind != "CT":
            return
        if without and not self._looks_like_hu():
            raise InputError(
                f"{name}: {without[0].label} has no RescaleSlope and RescaleIntercept, and its "
                f"values ({self.low:g} to {self.high:g}) are not Hounsfield units. Export the "
                "series again."
            )
        if without:
            self.notes.append(
                f"{name}: no RescaleSlope and RescaleIntercept; values are taken as Hounsfield "
                "units, since they are signed and have air at -1000"
            )
        if not first.pixels.signed and self.high > np.iinfo(np.int16).max:
            raise InputError(
                f"{name}: CT of up to {self.high:g} HU from unsigned pixels; they look signed. "
                "Mend PixelRepresentation, or export the series again."
            )

    def set_padding_apart(self, name: str) -> None:
        """Take what no CT measures for padding that the header does not declare."""
        if self.grid.slices[0].tags["Modality"] != "CT" or self.low >= _PADDING_HU:
            return
        padding = self.stack < _PADDING_HU
        if self.outside is not None:
            padding &= ~self.outside
        lowest = self.low
        self.outside = padding if self.outside is None else self.outside | padding
        real = self.stack[~self.outside]
        if real.size == 0:
            raise InputError(
                f"{name}: no value above {_PADDING_HU} HU (lowest {lowest:g}), so that nothing was "
                "recorded or the rescale is wrong. Export the series again."
            )
        self.low = float(real.min())
        self.notes.append(
            f"{name}: {100 * padding.mean():.2g} % of the voxels are below {_PADDING_HU} HU (down "
            f"to {lowest:g}), which nothing measures; taken for padding"
        )

    def _looks_like_hu(self) -> bool:
        """Whether values without a rescale are Hounsfield units already; see `_AIR_HU`."""
        signed = all(image.pixels.signed for image in self.grid.slices)
        if not signed or self.low < _LOWEST_HU or self.low > _AIR_HU:
            return False
        return float((self.stack <= _AIR_HU).mean()) >= _AIR_SHARE

    def finished(self) -> tuple[NDArray[Any], Bools | None]:
        """Voxels as (X, Y, Z); those outside take the lowest real value."""
        if self.outside is None:
            return self.stack.T, None
        if np.isfinite(self.low):
            np.copyto(self.stack, self.stack.dtype.type(self.low), where=self.outside)
        return self.stack.T, self.outside.T


def _is_whole(image: Slice) -> bool:
    slope = 1.0 if image.slope is None else image.slope
    intercept = 0.0 if image.intercept is None else image.intercept
    return slope == 1 and intercept.is_integer() and image.pixels.bits_allocated <= 16


def _padding(image: Slice, raw: NDArray[Any]) -> Bools | None:
    if image.pixels.padding is None:
        return None
    low, high = image.pixels.padding
    found = (raw == low) if low == high else (raw >= low) & (raw <= high)
    return found if found.any() else None


def _mirrored(image: Slice, raw: NDArray[Any]) -> NDArray[Any]:
    return (sum(stored_limits(image)) - raw.astype(np.int64)).astype(raw.dtype)
