"""NRRD volumes (3D Slicer) in RAS+ order and millimetres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.orientation import check_affine, to_ras
from tumorboard.formats.volume import Volume

#: The text header ends at an empty line; no real one is longer.
_HEADER_BYTES = 1 << 16
#: World of SimpleITK (x to the left, y to the back) -> RAS+.
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def is_nrrd(path: Path) -> bool:
    """Whether the content is NRRD."""
    try:
        with path.open("rb") as handle:
            return handle.read(4) == b"NRRD"
    except OSError:  # said by whoever reads the file next
        return False


def read_nrrd(path: Path) -> Volume:
    """Read an NRRD file: int16 where it stores small integers, else float32.

    Raises:
        InputError: Damaged, not of three axes, several values per voxel, or without a space.
    """
    import SimpleITK as sitk  # noqa: N813  # pyright: ignore[reportMissingTypeStubs]

    fields = _fields(path)
    if fields.get("dimension") != "3":
        raise InputError(
            f"{path}: {fields.get('dimension', '?')} axes, expected 3. Export one volume, "
            "one value per voxel."
        )
    if not {"space", "space dimension"} & set(fields) or "space directions" not in fields:
        raise InputError(
            f"{path}: says neither its space nor the directions of its axes, so that left and "
            "right are unknown. Export it again with its geometry."
        )
    try:
        image: Any = sitk.ReadImage(str(path), imageIO="NrrdImageIO")
        values = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    except RuntimeError as error:
        line = str(error).strip().splitlines()[-1][:160]
        raise InputError(f"{path}: damaged or unreadable NRRD ({line}). Copy it again.") from error
    if min(values.shape) < 2:
        size = " x ".join(map(str, values.shape))
        raise InputError(f"{path}: {size} voxels; expected at least 2 slices.")
    affine = np.eye(4)
    directions = np.asarray(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = directions * np.asarray(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    affine = check_affine(path, _LPS_TO_RAS @ affine)
    is_small = values.dtype in (np.dtype("i2"), np.dtype("u1"), np.dtype("i1"))
    turned, affine = to_ras(values.astype(np.int16 if is_small else np.float32), affine)
    return Volume(np.ascontiguousarray(turned)[np.newaxis], affine, used=(path,))


def _fields(path: Path) -> dict[str, str]:
    with path.open("rb") as handle:
        head = handle.read(_HEADER_BYTES).replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    lines = head.decode("ascii", errors="replace").splitlines()
    pairs = [line.split(":", 1) for line in lines if ":" in line and not line.startswith("#")]
    return {key.strip().lower(): value.strip() for key, value in pairs}
