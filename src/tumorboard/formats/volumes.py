"""Volumes of every format, identified by content: DICOM, NIfTI, NRRD, a folder of slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.file_patterns import natural_key
from tumorboard.formats.images import identify, n_pages, read_pixels
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.nifti import is_nifti, read_nifti
from tumorboard.formats.nrrd import is_nrrd, read_nrrd
from tumorboard.formats.volume import Volume
from tumorboard.formats.zip_members import looks_like_zip

if TYPE_CHECKING:
    from tumorboard.formats.images import Kind

_NO_RULES: Mapping[str, str] = {}
#: How slices without any geometry are placed, said of every volume made of them.
ASSUMED = (
    "a folder of pictures says neither voxel size nor orientation: distances are in voxels, and "
    "slices are taken to be shown as axial slices usually are (the patient's right on the left, "
    "the front on top), the first one lowest"
)


def read_volume(
    path: Path, *, allow_missing_slices: bool = False, choose: Mapping[str, str] = _NO_RULES
) -> Volume:
    """Read one volume, whatever its format; what it is, its content says.

    Args:
        path: A folder or ZIP of DICOM files, one NIfTI or NRRD file, a TIFF with pages, or a folder
            of slices (PNG, JPEG, TIFF) in the natural order of their names.
        allow_missing_slices: Let a DICOM series with gaps through; see `read_dicom_series`.
        choose: DICOM attribute -> value, where a folder holds more than one candidate volume.

    Raises:
        InputError: No volume, several, or one whose geometry is not one consistent grid.
    """
    if path.is_dir():
        files = [p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")]
        files.sort(key=lambda p: natural_key(p.relative_to(path).as_posix()))
    else:
        files = [path]
    return read_volume_files(
        files, where=path, allow_missing_slices=allow_missing_slices, choose=choose
    )


def read_volume_files(
    files: Sequence[Path],
    *,
    where: Path,
    allow_missing_slices: bool = False,
    choose: Mapping[str, str] = _NO_RULES,
) -> Volume:
    """`read_volume` of files that were found already, in natural order.

    Args:
        files: The files that a row names.
        where: What they are called together in messages.
        allow_missing_slices: As of `read_volume`.
        choose: As of `read_volume`.
    """
    if not files:
        raise InputError(f"{where}: an empty folder; expected a volume or its slices.")
    if len(files) == 1 and _is_zip(files[0]):
        return _dicom(files[0], where, allow_missing_slices, choose)
    whole = [path for path in files if is_nifti(path) or is_nrrd(path)]
    if len(whole) > 1:
        raise InputError(
            f"{where}: {counted(len(whole), 'volume')} ({listed([p.name for p in whole])}), "
            "expected one. Name the file in the pattern."
        )
    if whole:
        volume = read_nifti(whole[0]) if is_nifti(whole[0]) else read_nrrd(whole[0])
        rest = tuple((p, f"beside the volume {whole[0].name}") for p in files if p != whole[0])
        return _with_ignored(volume, rest)
    kinds = {path: _kind(path) for path in files}
    if "DICOM" in kinds.values():
        return _dicom(list(files), where, allow_missing_slices, choose)
    pictures = [path for path, kind in kinds.items() if kind]
    if not pictures:
        raise InputError(
            f"{where}: no volume among {counted(len(files), 'file')} "
            f"({listed([p.name for p in files])}). Expected DICOM, NIfTI, NRRD or slices as PNG or "
            "TIFF."
        )
    rest = tuple((path, "no picture") for path, kind in kinds.items() if not kind)
    return _with_ignored(_stack(pictures, where), rest)


def _dicom(
    files: Path | list[Path], where: Path, allow_missing_slices: bool, choose: Mapping[str, str]
) -> Volume:
    from tumorboard.formats.dicom_series import read_dicom_series

    return read_dicom_series(
        files, where=where, allow_missing_slices=allow_missing_slices, choose=choose
    )


def _is_zip(path: Path) -> bool:
    """Whether a file is, or says it is, a ZIP: one that is cut off keeps its first bytes."""
    try:
        with path.open("rb") as stream:
            return looks_like_zip(stream.read(4)) or path.suffix.lower() == ".zip"
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None


def _kind(path: Path) -> Kind | None:
    try:
        return identify(path)
    except InputError:
        return None


def _stack(pictures: Sequence[Path], where: Path) -> Volume:
    """Slices as one volume: columns run to the patient's left, rows to the back."""
    slices: list[NDArray[Any]] = []
    for path in pictures:
        pages = n_pages(path) if len(pictures) == 1 else 1
        slices += [read_pixels(path, page=page).values for page in range(pages)]
    if len(slices) < 2:
        raise InputError(
            f"{where}: 1 slice, expected the slices of a volume. Name their folder, or use "
            'kind = "image".'
        )
    shapes = [values.shape for values in slices]
    if len(set(shapes)) > 1:
        sizes = [f"{shapes.count(s)} of {s[2]} x {s[1]}" for s in dict.fromkeys(shapes)]
        raise InputError(
            f"{where}: slices of {len(sizes)} sizes in pixels ({listed(sizes)}, colours counted "
            "apart); expected one size."
        )
    stacked = np.stack(slices, axis=-1)  # (C, rows, columns, Z)
    if len(stacked) == 3 and (stacked == stacked[:1]).all():
        stacked = stacked[:1]
    array = stacked.transpose(0, 2, 1, 3)[:, ::-1, ::-1]
    dtype = np.int16 if array.dtype == np.uint8 else np.float32
    return Volume(
        np.ascontiguousarray(array, dtype=dtype),
        np.eye(4),
        used=tuple(pictures),
        facts={"geometry": "unknown"},
        notes=(ASSUMED,),
    )


def _with_ignored(volume: Volume, ignored: tuple[tuple[Path, str], ...]) -> Volume:
    from dataclasses import replace

    return replace(volume, ignored=(*volume.ignored, *ignored))
