"""NIfTI read back by nibabel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Image  # pyright: ignore[reportMissingTypeStubs]

from tumorboard.formats.nifti_writing import write_nifti


def test_voxels_place_and_type_survive_and_bytes_do_not_vary(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(-1024, 3071, size=(5, 6, 7), dtype=np.int16)
    affine = np.diag([2.0, 2.5, 5.0, 1.0])
    affine[:3, 3] = (-10.5, 20.25, 300)
    for name in ("a/x.nii.gz", "b/x.nii.gz"):
        write_nifti(tmp_path / name, array, affine)
    assert (tmp_path / "a/x.nii.gz").read_bytes() == (tmp_path / "b/x.nii.gz").read_bytes()
    found: Any = Nifti1Image.from_filename(str(tmp_path / "a/x.nii.gz"))
    assert np.array_equal(np.asanyarray(found.dataobj), array)
    assert found.get_data_dtype() == np.int16
    assert np.allclose(found.affine, affine)
    assert found.header.get_xyzt_units()[0] == "mm"
