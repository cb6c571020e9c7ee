"""Whether the numbers of a volume are what its kind says: Hounsfield units of CT, SUV of PET."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.dicom_suv import to_suv
from tumorboard.formats.volume import Volume

#: A CT has air or at least fat in it; where nothing is below this, values are no Hounsfield units.
_LEAST_HU = -200.0
#: Air of a CT, and the share of a volume from which on nothing else is like it: the signed values
#: of a phase image, the only MR that reaches so low, are spread over thousands of numbers.
_CT_AIR_HU = (-1050.0, -950.0)
_CT_AIR_SHARE = 0.1


def check_units(volume: Volume, where: Path, *, has_window: bool) -> None:
    """Refuse a CT that is not in Hounsfield units, and one that calls itself MR.

    Args:
        volume: As it was read.
        where: What it is called in messages.
        has_window: Whether the study has a window in Hounsfield units.

    Raises:
        InputError: The numbers are not what the file or the study says.
    """
    if volume.kind == "MR":
        _refuse_ct_values(volume, where)
    if has_window and volume.kind not in ("", "CT"):
        raise InputError(
            f"{where}: the file says modality {volume.kind}, but window_hu is a window of CT. "
            'Leave window_hu out and use normalise = "percentile".'
        )
    if has_window or volume.kind == "CT":
        _refuse_without_air(volume, where, has_window=has_window)


def _refuse_without_air(volume: Volume, where: Path, *, has_window: bool) -> None:
    recorded = volume.array if volume.outside is None else volume.array[:, ~volume.outside]
    if recorded.size == 0:
        raise InputError(f"{where}: every voxel is padding.")
    low, high = float(recorded.min()), float(recorded.max())
    if low <= _LEAST_HU:
        return
    because, remedy = "the file says CT", "export a map that was derived from CT as NIfTI."
    if has_window:
        because = "window_hu is set"
        remedy = 'leave window_hu out and use normalise = "percentile".'
    raise InputError(
        f"{where}: values from {low:g} to {high:g} are no Hounsfield units (air is near -1000), "
        f"but {because}. Is it an MR, or was the rescale of the CT lost? Otherwise {remedy}"
    )


def _refuse_ct_values(volume: Volume, where: Path) -> None:
    """Refuse an MR with as much air at -1000 as only a CT has."""
    some = volume.array[:, ::2, ::2, ::2]
    share = float(((some > _CT_AIR_HU[0]) & (some < _CT_AIR_HU[1])).mean())
    if share > _CT_AIR_SHARE:
        raise InputError(
            f"{where}: the file says modality MR, but {100 * share:.0f} % of its voxels lie near "
            "-1000, as air does in CT. Modality is wrong; mend the header before the values are "
            "used."
        )


def in_suv(volume: Volume, where: Path) -> Volume:
    """PET in standardised uptake values; formats that do not say the unit are taken to hold them.

    Raises:
        InputError: Another kind of volume, or tags that the conversion needs are absent.
    """
    if volume.kind:
        return to_suv(volume, where)
    note = f"{where}: the file does not say its unit; values are taken for SUV (window_suv)"
    return replace(volume, notes=(*volume.notes, note))
