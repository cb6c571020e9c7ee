"""Write a volume or a mask as compressed NIfTI-1, the same bytes for the same voxels."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tumorboard.cache import write_atomic
from tumorboard.records import Floats


def write_nifti(path: Path, array: NDArray[Any], affine: Floats) -> None:
    """Write a `.nii.gz` file, complete or not at all.

    Args:
        path: File to write; its folder is created.
        array: (X, Y, Z) of a type that NIfTI knows, such as int16, uint8 or float32.
        affine: (4, 4) voxel index -> mm, RAS+.
    """
    import nibabel as nib  # pyright: ignore[reportMissingTypeStubs]

    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, code="scanner")
    image.set_sform(affine, code="scanner")
    # no time of writing: the same voxels give the same bytes
    packed = gzip.compress(image.to_bytes(), compresslevel=3, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, lambda part: part.write_bytes(packed))


def write_nifti_like(path: Path, array: NDArray[Any], affine: Floats, like: Path) -> None:
    """Write voxels in the order of axes, and with the affine, of the file that they belong to.

    Programs that ignore affines then still lay the two over each other.

    Args:
        path: File to write.
        array: (X, Y, Z), axes towards right, front and head, of the voxels of `like`.
        affine: (4, 4) its voxel index -> world; only its directions count.
        like: NIfTI file.
    """
    import nibabel as nib  # pyright: ignore[reportMissingTypeStubs]
    from nibabel.orientations import (  # pyright: ignore[reportMissingTypeStubs]
        apply_orientation,
        io_orientation,
        ornt_transform,
    )

    image: Any = nib.load(like)
    turn: Any = ornt_transform(io_orientation(affine), io_orientation(image.affine))
    turned: NDArray[Any] = apply_orientation(array, turn)
    if turned.shape != image.shape[:3]:
        raise ValueError(f"{turned.shape} voxels, but {like} has {image.shape[:3]}")
    write_nifti(path, turned, image.affine)
