"""Predicted masks beside the NIfTI as DICOM, for images that came as DICOM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from tumorboard.errors import InputError
from tumorboard.formats.volume_masks import is_dicom
from tumorboard.records import Bools, Floats
from tumorboard.transforms.cases import Cases

#: NIfTI alone, or beside it a DICOM segmentation or contours of radiotherapy.
MaskFormat = Literal["nifti", "seg", "rtstruct"]


def check_format(word: str) -> MaskFormat:
    """The word as a `MaskFormat`.

    Raises:
        InputError: Another word.
    """
    for known in get_args(MaskFormat):
        if word == known:
            return known
    raise InputError(f"--as {word}: expected {', '.join(get_args(MaskFormat))}.")


def refuse_other_sources(cases: Cases, rows: Sequence[int], kind: MaskFormat) -> None:
    """Refuse DICOM masks of images that are no DICOM, before anything is predicted.

    Raises:
        InputError: Pictures, or a file that is no DICOM image.
    """
    if kind == "nifti":
        return
    if cases.is_picture:
        raise InputError(f"--as {kind}: the images are pictures; DICOM masks need DICOM volumes.")
    for row in rows:
        files = cases.files(row)
        if not files or not is_dicom(files[0]):
            name = files[0] if files else f"row {row}"
            raise InputError(
                f"{name}: no DICOM image; --as {kind} writes on the slices of a DICOM series. "
                "Leave --as out for NIfTI."
            )


def write_dicom_masks(
    path: Path, kind: MaskFormat, files: Sequence[Path], masks: Mapping[str, Bools], affine: Floats
) -> str:
    """Write `<path>` without its ending + `.seg.dcm` or `.rtstruct.dcm`.

    Args:
        path: Of the NIfTI mask.
        kind: `seg` or `rtstruct`.
        files: Of the DICOM series.
        masks: Label -> (X, Y, Z) on the image's own grid.
        affine: (4, 4) of that grid.

    Returns:
        Why there is none: a segmentation without a voxel is no DICOM segmentation; else "".

    Raises:
        InputError: The series cannot carry masks.
    """
    if kind == "nifti":
        return ""
    if kind == "seg" and not any(mask.any() for mask in masks.values()):
        return "nothing was segmented: no DICOM segmentation"
    target = path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.nii')}.{kind}.dcm")
    if kind == "seg":
        from tumorboard.formats.segmentation_writing import write_predicted_segmentation

        write_predicted_segmentation(target, files, masks, affine)
    else:
        from tumorboard.formats.contour_writing import write_contours

        write_contours(target, files, masks, affine)
    return ""
