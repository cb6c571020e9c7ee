"""One DICOM series as a volume: every file used, ignored with its reason, or the series refused."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.dicom_files import EMPTY, DicomFile, dicom_files
from tumorboard.formats.dicom_geometry import Grid, regular_grid
from tumorboard.formats.dicom_grouping import (
    Sorting,
    check_one_patient,
    chosen,
    one_series,
    placed_slices,
    series_name,
)
from tumorboard.formats.dicom_headers import read_header
from tumorboard.formats.dicom_multiframe import frames_of
from tumorboard.formats.dicom_pixels import stored_pixels
from tumorboard.formats.dicom_places import one_at_each_place
from tumorboard.formats.dicom_slices import Slice
from tumorboard.formats.dicom_suv import suv_facts
from tumorboard.formats.dicom_voxels import read_voxels
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.volume import Volume

_NO_RULES: Mapping[str, str] = {}
#: Facts of the acquisition that harmonisation and manifests may ask for.
_FACTS = {
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "kernel": "ConvolutionKernel",
    "slice_thickness_mm": "SliceThickness",
    "kvp": "KVP",
    "field_strength_t": "MagneticFieldStrength",
    "series_description": "SeriesDescription",
    "series_instance_uid": "SeriesInstanceUID",
    "frame_of_reference_uid": "FrameOfReferenceUID",
    "units": "Units",
}


def read_dicom_series(
    files: Path | Sequence[Path] | Sequence[DicomFile],
    *,
    where: Path,
    allow_missing_slices: bool = False,
    choose: Mapping[str, str] = _NO_RULES,
) -> Volume:
    """Read the one volume among some files.

    Args:
        files: A folder, a ZIP, one file, or the files themselves.
        where: What they are called together in messages.
        allow_missing_slices: Interpolate slices that are missing between others.
        choose: DICOM attribute -> value (`*` for any text), where there are several volumes.

    Returns:
        Volume of shape (1, X, Y, Z), RAS+; int16 where that holds every value, else float32. CT in
        Hounsfield units, PET in the units of the file.

    Raises:
        InputError: No volume, several, or one whose slices are not one consistent grid.
    Source:
        DICOM PS3.3 C.7.6.2 (geometry), C.7.6.3 (pixels), C.11.1 (rescale).
    """
    sorting = Sorting()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's remarks on values; faults are found below
        slices = _images(_as_files(files), where, sorting)
        check_one_patient(slices, where)
        slices = chosen(slices, choose, where, sorting)
        slices = one_series(slices, where, sorting)
        name = series_name(where, slices[0])
        slices = placed_slices(slices, name, sorting)
        slices = one_at_each_place(slices, name, sorting, _same_pixels)
        if len(slices) < 2:
            raise InputError(f"{name}: 1 slice; a volume needs at least 2.")
        grid = regular_grid(slices, name, allow_missing_slices=allow_missing_slices)
        return _volume(grid, name, sorting)


def _as_files(files: Path | Sequence[Path] | Sequence[DicomFile]) -> list[DicomFile]:
    if isinstance(files, Path):
        return dicom_files(files)
    return [DicomFile(file) if isinstance(file, Path) else file for file in files]


def _images(files: Sequence[DicomFile], where: Path, sorting: Sorting) -> list[Slice]:
    slices: list[Slice] = []
    empty: list[DicomFile] = []
    for file in files:
        reason = file.why_not_dicom()
        if reason == EMPTY:
            empty.append(file)
        header = None if reason else read_header(file)
        if header is None or header.image is None:
            reason = reason if header is None else header.reason
            sorting.ignored.append(file.ignored(reason))
        elif header.is_multi_frame:
            slices += frames_of(header.image)
        else:
            slices.append(header.image)
    if not slices:
        reasons = [f"{path.name}: {reason}" for path, reason in sorting.ignored]
        raise InputError(
            f"{where}: no DICOM image among {counted(len(files), 'file')}. {listed(reasons)}."
        )
    _refuse_empty(empty, slices, where)
    return slices


def _refuse_empty(empty: Sequence[DicomFile], slices: Sequence[Slice], where: Path) -> None:
    """Refuse files without content that are called as the images are: slices that were lost."""
    endings = {PurePath(image.file.name).suffix for image in slices}
    lost = [file.name for file in empty if PurePath(file.name).suffix in endings]
    if lost:
        raise InputError(
            f"{where}: {counted(len(lost), 'file')} among the images without content, as a copy "
            f"that broke off leaves: {listed(lost)}. Copy or export the series again."
        )


def _same_pixels(first: Slice, second: Slice) -> bool:
    scale = (first.slope, first.intercept) == (second.slope, second.intercept)
    return scale and np.array_equal(stored_pixels(first), stored_pixels(second))


def _volume(grid: Grid, name: str, sorting: Sorting) -> Volume:
    from nibabel.orientations import inv_ornt_aff, io_orientation

    shape = (grid.slices[0].pixels.columns, grid.slices[0].pixels.rows, grid.n)
    turn = np.asarray(io_orientation(grid.affine))
    flips = tuple(bool(direction < 0) for direction in turn[:, 1])
    voxels = read_voxels(grid, (flips[0], flips[1], flips[2]), name)
    axes = np.argsort(turn[:, 0])
    outside = None if voxels.outside is None else voxels.outside.transpose(axes)
    first = grid.slices[0]
    facts = {fact: first.tags[tag] for fact, tag in _FACTS.items() if first.tags[tag]}
    if first.tags["Modality"] == "PT":
        facts |= suv_facts(first.file)
    return Volume(
        voxels.array.transpose(axes)[np.newaxis],
        grid.affine @ np.asarray(inv_ornt_aff(turn, shape), dtype=np.float64),
        kind=first.tags["Modality"],
        outside=outside,
        used=tuple(dict.fromkeys(image.file.path for image in grid.slices)),
        ignored=tuple(sorting.ignored),
        facts=facts,
        notes=(*sorting.notes, *grid.notes, *voxels.notes, *_notes(grid, name)),
    )


def _notes(grid: Grid, name: str) -> list[str]:
    """What was unusual about the files, each said once for the series."""
    notes: list[str] = []
    unusual = dict.fromkeys(note for image in grid.slices for note in image.notes)
    for note in unusual:
        n = sum(note in image.notes for image in grid.slices)
        notes.append(f"{name}: {note} ({counted(n, 'file')})")
    first = grid.slices[0].tags
    if first["Modality"] == "PT":
        units = first["Units"] or "an unknown unit"
        notes.append(f"{name}: PET values are in {units}, not SUV unless converted")
    for tag in ("ImagesInAcquisition", "NumberOfSlices"):
        said = first.get(tag, "")
        if said.isdigit() and int(said) > len(grid.slices):
            notes.append(
                f"{name}: {tag} says {said} slices, {len(grid.slices)} were found; some may be "
                "missing at the ends"
            )
    if any(image.tags["BurnedInAnnotation"] == "YES" for image in grid.slices):
        notes.append(f"{name}: BurnedInAnnotation is YES; text may be part of the pictures")
    return notes
