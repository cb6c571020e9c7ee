"""NIfTI volumes in RAS+ order and millimetres, refused where they do not say where they are."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.orientation import check_affine, to_ras
from tumorboard.formats.volume import Volume
from tumorboard.records import Floats

#: Units of NIfTI's `xyzt_units` in mm; nothing said means mm, as in every reader.
_UNITS_MM = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}
#: Largest distance in mm between what sform and qform say of a corner of the volume.
_DISAGREEMENT_MM = 0.1


def is_nifti(path: Path) -> bool:
    """Whether the content is NIfTI-1 or NIfTI-2 in one file, compressed or not."""
    try:
        with path.open("rb") as handle:
            head = handle.read(348)
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path, "rb") as handle:
                head = handle.read(348)
    except (OSError, EOFError, zlib.error):  # said by whoever reads the file next
        return path.name.lower().endswith((".nii", ".nii.gz"))
    return head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"


def read_nifti(path: Path) -> Volume:
    """Read a NIfTI file: int16 where it stores integers without scale, else float32.

    Voxels that are not a number are `outside`.

    Raises:
        InputError: Damaged, with a time axis, colours, a sheared or absent affine, or an sform
            and a qform that disagree.
    """
    import nibabel as nib  # pyright: ignore[reportMissingTypeStubs]

    try:
        image: Any = nib.load(path)  # pyright: ignore[reportUnknownMemberType, reportPrivateImportUsage]
        shape, header = tuple(image.shape), image.header
        _check_shape(path, shape, image.get_data_dtype())
        affine = _affine(path, image)
        values = _voxels(image)
    except (InputError, MemoryError):
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except Exception as error:  # nibabel and gzip raise many kinds of error on damaged files
        line = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise InputError(f"{path}: damaged or unreadable NIfTI ({line}). Copy it again.") from error
    values, affine = to_ras(values.reshape(shape[:3]), affine)
    empty = ~np.isfinite(values)
    outside = empty if empty.any() else None
    if outside is not None:
        values = np.where(outside, np.float32(0), values)
    return Volume(
        np.ascontiguousarray(values)[np.newaxis],
        affine,
        outside=outside,
        used=(path,),
        facts={"sform_code": str(int(header["sform_code"]))},
    )


def _check_shape(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if dtype.fields is not None or dtype.kind not in "iuf":
        raise InputError(f"{path}: voxels are {dtype}; expected one number per voxel.")
    if len(shape) > 3 and max(shape[3:]) > 1:
        raise InputError(
            f"{path}: {' x '.join(map(str, shape))} voxels: a further axis of {max(shape[3:])} "
            "(time, echo or direction). Choose one and export it as its own file."
        )
    if len(shape) < 3 or min(shape) < 1 or shape[2] < 2:
        raise InputError(
            f"{path}: {' x '.join(map(str, shape))} voxels; expected at least 2 slices."
        )


def _affine(path: Path, image: Any) -> Floats:
    header = image.header
    scale = _UNITS_MM[header.get_xyzt_units()[0]]
    sform, sform_code = image.get_sform(coded=True)
    qform, qform_code = image.get_qform(coded=True)
    if not sform_code and not qform_code:
        raise InputError(
            f"{path}: neither sform nor qform is set (both codes 0), so that left and right are "
            "unknown. Write the file again with its affine."
        )
    affine = np.asarray(image.affine, dtype=np.float64)
    if sform_code and qform_code:
        corners = np.stack(np.meshgrid(*[(0, n - 1) for n in image.shape[:3]]), axis=-1)
        points = np.c_[corners.reshape(-1, 3), np.ones(8)]
        gap = scale * float(np.abs(points @ (sform - qform).T).max())
        # an sform into a template's space is meant to differ from the scanner's qform
        if gap > _DISAGREEMENT_MM and sform_code in (1, 2) and qform_code in (1, 2):
            raise InputError(
                f"{path}: sform and qform disagree by {gap:.1f} mm; which is right cannot be "
                "told. Write the file again with one affine."
            )
    affine[:3] *= scale
    return check_affine(path, affine)


def _voxels(image: Any) -> NDArray[Any]:
    proxy: Any = image.dataobj
    slope, intercept = float(proxy.slope), float(proxy.inter)
    stored: np.dtype[Any] = image.get_data_dtype()
    if slope == 1 and intercept == 0 and stored in (np.dtype("i2"), np.dtype("u1"), np.dtype("i1")):
        return np.asarray(proxy).astype(np.int16)
    return np.asarray(image.get_fdata(dtype=np.float32, caching="unchanged"))
