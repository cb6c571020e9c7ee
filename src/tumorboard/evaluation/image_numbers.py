"""Brightness and contrast of each patient's images, for what errors share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tumorboard.modalities import Measured, MeasuredPictures
from tumorboard.records import Cohort, Floats


def image_numbers(
    measured: Mapping[str, Measured], patient_id: Sequence[str]
) -> dict[str, dict[str, float]]:
    """`<modality> brightness` and `<modality> contrast` -> patient -> mean over the images.

    Brightness is the mean and contrast the standard deviation of grey levels in 0..1 of what the
    encoder is shown, of the middle slice where there are several. Modalities other than pictures
    are left out; patients without a picture have NaN.

    Args:
        measured: Modality -> its measurements of the cohort's rows.
        patient_id: Patient of each row.
    """
    found: dict[str, dict[str, float]] = {}
    for name, each in measured.items():
        if not isinstance(each, MeasuredPictures):
            continue
        mean, spread = each.grey_levels()
        found[f"{name} brightness"] = _by_patient(mean, patient_id)
        found[f"{name} contrast"] = _by_patient(spread, patient_id)
    return found


def _by_patient(of_row: Floats, patient_id: Sequence[str]) -> dict[str, float]:
    values: dict[str, list[float]] = {patient: [] for patient in patient_id}
    for patient, value in zip(patient_id, of_row.tolist(), strict=True):
        if not np.isnan(value):
            values[patient].append(value)
    return {p: float(np.mean(v)) if v else float("nan") for p, v in values.items()}


def first_images(cohort: Cohort, modality: str) -> dict[str, Path]:
    """Unit -> its first image file; units without one are left out."""
    found: dict[str, Path] = {}
    for unit, paths in zip(cohort.unit_id, cohort.files.get(modality, ()), strict=False):
        if paths:
            found.setdefault(unit, paths[0])
    return found
