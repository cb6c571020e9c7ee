"""Probabilities behind a mask, and where the model is undecided, as files that viewers open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.training.segmenting import uncertainty_map
from tumorboard.transforms.cases import Cases

#: Folder of the maps, below that of the masks: programs that compare masks by name do not see it.
MAPS = "maps"


def write_maps(
    folder: Path, cases: Cases, row: int, probabilities: NDArray[Any], *, name: str,
    labels: Sequence[str],
) -> tuple[Path, ...]:  # fmt: skip
    """Write `<name>_<label>_probability` of each label and one `<name>_uncertainty`.

    A volume's are NIfTI (float32, in steps of half precision), with the order of axes of the
    patient's own file; a picture's are grey PNG, where 255 is 1. The uncertainty of a voxel is the
    entropy in bits of the label that is least sure there: 0 sure, 1 undecided.

    Args:
        folder: Where the masks lie.
        cases: Images and their geometry.
        row: Row of the case.
        probabilities: (L, *shape) on the image's own grid.
        name: What the mask of the case is called, without a suffix.
        labels: Names of the labels.
    """
    named = {
        f"{name}_{label.replace('/', '_')}_probability": own
        for label, own in zip(labels, probabilities, strict=True)
    }
    named[f"{name}_uncertainty"] = uncertainty_map(probabilities).max(axis=0)
    return tuple(_write(folder / MAPS, cases, row, stem, own) for stem, own in named.items())


def _write(folder: Path, cases: Cases, row: int, stem: str, values: NDArray[Any]) -> Path:
    if cases.is_picture:
        from tumorboard.formats.mask_pictures import write_mask_picture

        path = folder / f"{stem}.png"
        write_mask_picture(path, np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8))
        return path
    from tumorboard.formats.nifti_writing import write_nifti, write_nifti_like

    path = folder / f"{stem}.nii.gz"
    # half precision is enough to read a probability by, and half as large when it is packed
    rounded = values.astype(np.float16).astype(np.float32)
    grid, like = cases.own_grid(row), cases.like(row)
    if like is None:
        write_nifti(path, rounded, grid.affine)
    else:
        write_nifti_like(path, rounded, grid.affine, like)
    return path
