"""One predicted mask against its reference: overlap, surfaces, volume, lesions, empty cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.lesion_detection import Connectivity, detect
from tumorboard.evaluation.surface_distances import hausdorff, nsd, surfaces
from tumorboard.records import Bools
from tumorboard.transforms.mask_components import bounding_box

#: `missed`: a reference, and nothing predicted; `false_positive`: the reverse.
Status = Literal["ok", "both_empty", "missed", "false_positive"]
#: From mm^3 to ml.
ML = 0.001
_NAN = float("nan")


@dataclass(frozen=True)
class MaskMeasures:
    """What a prediction is worth; NaN where a measure does not apply.

    A reference that was missed has Dice, IoU, NSD, precision and lesion measures 0 and the image's
    diagonal as HD95; so has a prediction without a reference, where sensitivities do not apply.
    With both empty only specificity, accuracy and volumes apply.

    Args:
        status: Which of both masks are empty.
        dice: Twice the intersection over the sum of both.
        iou: Intersection over union.
        nsd: Share of both surfaces within the tolerance of the other.
        hd95: Larger of both directed 95th percentiles of surface distance, weighted by area.
        sensitivity: Share of the reference's voxels that were predicted (recall).
        specificity: Share of the voxels outside the reference that were not predicted.
        precision: Share of the predicted voxels that lie in the reference.
        pixel_accuracy: Share of all voxels on which both agree.
        volume_error: Predicted minus reference volume.
        volume: Predicted volume.
        reference_volume: Volume of the reference.
        lesion_sensitivity: Share of the reference's lesions that were found.
        lesion_precision: Share of the predicted lesions that are true.
        lesion_f1: Harmonic mean of the two.
        false_lesions: Number of predicted lesions that are not.
        n_lesions: Number of lesions of the reference.
    """

    status: Status
    dice: float
    iou: float
    nsd: float
    hd95: float
    sensitivity: float
    specificity: float
    precision: float
    pixel_accuracy: float
    volume_error: float
    volume: float
    reference_volume: float
    lesion_sensitivity: float
    lesion_precision: float
    lesion_f1: float
    false_lesions: int
    n_lesions: int


def measure_mask(
    reference: Bools,
    prediction: Bools,
    *,
    spacing: Sequence[float],
    tolerance: float,
    volume_scale: float = ML,
    connectivity: Connectivity = "full",
) -> MaskMeasures:
    """Compare two masks on one grid, in two or three dimensions.

    Args:
        reference: (X, Y) or (X, Y, Z).
        prediction: The same shape.
        spacing: Size of a voxel along each axis in mm; 1 for each where it is unknown.
        tolerance: Of NSD, in the unit of `spacing`.
        volume_scale: From the product of `spacing` to the unit of volumes: 0.001 from mm^3 to ml, 1
            for voxels.
        connectivity: What makes voxels one lesion.

    Raises:
        InputError: Shapes or spacing that cannot be compared.

    Source:
        Empty cases: Reinke et al., Nat Methods 2024; 21: 182; the diagonal as penalty is that of
        the BraTS challenges (373.1 mm for 240 x 240 x 155 mm).
    """
    _check(reference, prediction, spacing, tolerance)
    box = bounding_box(reference | prediction)
    inner = reference[box], prediction[box]
    counts = _Counts.of(*inner, n_voxels=reference.size)
    pair = surfaces(*inner, spacing) if counts.status == "ok" else None
    worst = _NAN if counts.status == "both_empty" else diagonal(reference.shape, spacing)
    lesions = detect(*inner, connectivity=connectivity)
    voxel = math.prod(spacing) * volume_scale
    return MaskMeasures(
        status=counts.status,
        **counts.shares(),
        nsd=nsd(pair, tolerance) if pair else _NAN if math.isnan(worst) else 0.0,
        hd95=hausdorff(pair) if pair else worst,
        volume_error=(counts.n_predicted - counts.n_reference) * voxel,
        volume=counts.n_predicted * voxel,
        reference_volume=counts.n_reference * voxel,
        lesion_sensitivity=lesions.sensitivity,
        lesion_precision=lesions.precision,
        lesion_f1=lesions.f1,
        false_lesions=lesions.n_false,
        n_lesions=lesions.n_lesions,
    )


@dataclass(frozen=True)
class _Counts:
    """Voxels inside each mask, inside both, and of the whole image."""

    n_reference: int
    n_predicted: int
    n_both: int
    n_voxels: int

    @classmethod
    def of(cls, reference: Bools, prediction: Bools, *, n_voxels: int) -> _Counts:
        n_both = np.count_nonzero(reference & prediction)
        n_reference, n_predicted = np.count_nonzero(reference), np.count_nonzero(prediction)
        return cls(int(n_reference), int(n_predicted), int(n_both), n_voxels)

    @property
    def status(self) -> Status:
        if self.n_reference:
            return "ok" if self.n_predicted else "missed"
        return "false_positive" if self.n_predicted else "both_empty"

    def shares(self) -> dict[str, float]:
        """Measures of overlap by name."""
        n_false = self.n_predicted - self.n_both
        n_either = self.n_reference + n_false
        n_negative = self.n_voxels - self.n_reference
        is_missed = self.status == "missed"
        return {
            "dice": _share(2 * self.n_both, self.n_reference + self.n_predicted),
            "iou": _share(self.n_both, n_either),
            "sensitivity": _share(self.n_both, self.n_reference),
            "specificity": _share(n_negative - n_false, n_negative),
            "precision": 0.0 if is_missed else _share(self.n_both, self.n_predicted),
            "pixel_accuracy": 1 - (n_either - self.n_both) / self.n_voxels,
        }


def diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Length of an image's diagonal: the worst distance, given where a surface is missing."""
    return math.hypot(*(n * size for n, size in zip(shape, spacing, strict=True)))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else _NAN


def _check(reference: Bools, prediction: Bools, spacing: Sequence[float], tolerance: float) -> None:
    if reference.shape != prediction.shape:
        raise InputError(
            f"masks of {_size(reference)} and {_size(prediction)} voxels; expected one grid. "
            "Resample the prediction onto the reference."
        )
    if reference.ndim not in (2, 3) or reference.ndim != len(spacing) or not reference.size:
        raise InputError(
            f"a mask of {_size(reference)} voxels with a spacing of {len(spacing)} numbers; "
            "expected two or three axes, and a spacing for each."
        )
    if not all(size > 0 and math.isfinite(size) for size in spacing):
        raise InputError(f"spacing {tuple(spacing)}: expected sizes above 0.")
    if not tolerance >= 0:
        raise InputError(f"tolerance {tolerance}: expected 0 or more.")


def _size(mask: Bools) -> str:
    return " x ".join(map(str, mask.shape))
