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
