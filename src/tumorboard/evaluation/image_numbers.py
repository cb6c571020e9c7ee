"""Brightness and contrast of each patient's images, for what errors share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tumorboard.modalities import Measured
from tumorboard.records import Cohort, Floats


def image_numbers(
    measured: Mapping[str, Measured], patient_id: Sequence[str]
) -> dict[str, dict[str, float]]:
    """`<modality> brightness` and `<modality> contrast` -> patient -> mean over the images.

    Brightness is the mean and contrast the standard deviation of the prepared image's grey levels
    in 0..1, of the middle slice where there are several; no image is decoded for it. Modalities
    other than images are left out; patients without an image have NaN.

    Args:
        measured: Modality -> its measurements of the cohort's rows.
        patient_id: Patient of each row.
    """
    from tumorboard.modalities.image import MeasuredImages

    found: dict[str, dict[str, float]] = {}
    for name, each in measured.items():
        if not isinstance(each, MeasuredImages) or each.images is None:
            continue
        mean, square = (moment[:, 0] for moment in each.images.moments(1))
        middle = each.index[:, each.index.shape[1] // 2]
        spread = np.sqrt(np.maximum(square - mean**2, 0.0))
        found[f"{name} brightness"] = _by_patient(mean, middle, patient_id)
        found[f"{name} contrast"] = _by_patient(spread, middle, patient_id)
    return found


def _by_patient(of_image: Floats, image: np.ndarray, patient_id: Sequence[str]) -> dict[str, float]:
    values: dict[str, list[float]] = {patient: [] for patient in patient_id}
    for patient, number in zip(patient_id, image.tolist(), strict=True):
        if number >= 0 and not np.isnan(of_image[number]):
            values[patient].append(float(of_image[number]))
    return {p: float(np.mean(v)) if v else float("nan") for p, v in values.items()}


def first_images(cohort: Cohort, modality: str) -> dict[str, Path]:
    """Unit -> its first image file; units without one are left out."""
    found: dict[str, Path] = {}
    for unit, paths in zip(cohort.unit_id, cohort.files.get(modality, ()), strict=False):
        if paths:
            found.setdefault(unit, paths[0])
    return found
