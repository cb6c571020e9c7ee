"""Masks of any program: whole numbers on a grid, from NIfTI or PNG."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.images import identify, read_image
from tumorboard.formats.nifti import read_nifti
from tumorboard.records import Bools, Floats

#: Endings of the files that are read, the longest first.
ENDINGS = (".nii.gz", ".nii", ".png")
#: How far the corners of two grids may lie apart, as a share of the smallest side of a voxel:
#: rounding in a header, never a shift.
_CORNER_SHARE = 0.05
#: Largest label; above it a volume holds intensities.
_LARGEST = 65535


@dataclass(frozen=True)
class LabelMap:
    """One mask file.

    Args:
        path: Where it came from, for messages.
        values: (X, Y, Z) in RAS+ order of a NIfTI file, (H, W) of a PNG; 0 is background.
        spacing_mm: Size of a voxel along each axis.
        affine: (4, 4) voxel index -> mm; None for a PNG, which does not say where it lies.
    """

    path: Path
    values: NDArray[np.int32]
    spacing_mm: tuple[float, ...]
    affine: Floats | None

    def labels(self) -> tuple[int, ...]:
        """Labels that occur, without the background."""
        counts = np.bincount(self.values.ravel())
        return tuple(int(label) for label in np.flatnonzero(counts) if label)

    def mask(self, label: int) -> Bools:
        """Where one label is."""
        return self.values == label


def mask_files(folder: Path) -> tuple[dict[str, Path], tuple[Path, ...]]:
    """Case -> its file, where a case is a name without its ending; and files that are no masks.

    Raises:
        InputError: No folder, or two files of one case.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of masks.")
    found: dict[str, Path] = {}
    others: list[Path] = []
    twice: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        case = _case(path.name)
        if case is None:
            others.append(path)
        elif case in found:
            twice.append(
                f"{path}: {found[case].name} is the same case. Keep one file for each case."
            )
        else:
            found[case] = path
    if twice:
        raise InputError(twice)
    return found, tuple(others)


def read_label_map(path: Path, *, spacing_mm: tuple[float, ...] = ()) -> LabelMap:
    """Read a mask of labels.

    Args:
        path: NIfTI, or PNG in one grey channel.
        spacing_mm: Size of a pixel of a PNG; NIfTI says its own.

    Raises:
        InputError: Unreadable, several volumes or colours, values that are no labels, or a PNG
            without `spacing_mm`.
    """
    if path.name.lower().endswith(".png"):
        return LabelMap(path, _checked(path, _png(path, spacing_mm)), spacing_mm, None)
    volume = read_nifti(path)
    if volume.outside is not None:
        n_nan = int(np.count_nonzero(volume.outside))
        raise InputError(f"{path}: {n_nan} voxels are NaN or infinite; expected whole numbers.")
    return LabelMap(path, _checked(path, volume.array[0]), volume.spacing_mm, volume.affine)


def check_same_grid(reference: LabelMap, prediction: LabelMap) -> None:
    """Refuse masks that do not lie on one grid, whatever order of axes their files have.

    Raises:
        InputError: Other numbers of voxels, or corners at other places.
    """
    remedy = "Resample the prediction onto the grid of the reference."
    sizes = [" x ".join(map(str, each.values.shape)) for each in (reference, prediction)]
    if sizes[0] != sizes[1]:
        raise InputError(
            f"{prediction.path}: {sizes[1]} voxels, the reference has {sizes[0]}. {remedy}"
        )
    if reference.affine is None or prediction.affine is None:
        return
    last = [n - 1 for n in reference.values.shape]
    corners = np.stack(np.meshgrid(*[(0, n) for n in last], indexing="ij"), axis=-1).reshape(-1, 3)
    points = np.c_[corners, np.ones(8)]
    gap = np.linalg.norm((points @ (reference.affine - prediction.affine).T)[:, :3], axis=1).max()
    if gap > _CORNER_SHARE * min(reference.spacing_mm):
        raise InputError(
            f"{prediction.path}: another grid than the reference: corners lie up to {gap:.3g} mm "
            f"apart (voxels of {_mm(prediction)} against {_mm(reference)} mm). {remedy}"
        )


def _case(name: str) -> str | None:
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return None


def _png(path: Path, spacing_mm: tuple[float, ...]) -> NDArray[Any]:
    if len(spacing_mm) != 2:
        raise InputError(
            f"{path}: a PNG does not say how large its pixels are. Give --spacing-mm HEIGHT WIDTH, "
            "or 1 1 for distances in pixels."
        )
    kind = identify(path)
    if kind != "PNG":
        raise InputError(f"{path}: the content is {kind}; expected PNG, which loses no label.")
    values = read_image(path)
    if len(values) > 1 and (values != values[:1]).any():
        raise InputError(f"{path}: a colour image; expected one grey channel of labels.")
    # a picture of one bit a pixel is read as black and white, 0 and 255: as a mask it is 0 and 1
    return values[0] // 255 if _has_one_bit(path) else values[0]


def _has_one_bit(path: Path) -> bool:
    from PIL import Image

    with Image.open(path) as picture:
        return picture.mode == "1"


def _checked(path: Path, values: NDArray[Any]) -> NDArray[np.int32]:
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f":
        odd = values[values != np.round(values)]
        if odd.size:
            raise InputError(
                f"{path}: found {odd.flat[0]:g}; expected whole numbers. Probabilities must be "
                "made a mask first, with a threshold."
            )
    if low < 0 or high > _LARGEST:
        raise InputError(
            f"{path}: values from {low:g} to {high:g}; expected labels from 0 to {_LARGEST}."
        )
    return values.astype(np.int32)


def _mm(found: LabelMap) -> str:
    return " x ".join(f"{size:.3g}" for size in found.spacing_mm)
