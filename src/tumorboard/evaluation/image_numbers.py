"""Brightness and contrast of each patient's images, for what errors share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
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


#: A picture as a file, or what makes the pixels (H, W, 3) of a part of one.
Picture = Path | Callable[[], NDArray[np.uint8]]


def first_pictures(cohort: Cohort, modality: str, measured: Measured) -> dict[str, Picture]:
    """Unit -> its first picture; units without one are left out.

    Args:
        cohort: The rows.
        modality: Name of the modality.
        measured: Its measurements; where they know what a row shows of its file, that is the
            picture, and else the file is.
    """
    found: dict[str, Picture] = {}
    files = cohort.files.get(modality, ())
    for row, (unit, paths) in enumerate(zip(cohort.unit_id, files, strict=False)):
        if not paths or unit in found:
            continue
        if not isinstance(measured, MeasuredPictures) or not measured.shows_parts:
            found[unit] = paths[0]
        elif measured.present[row]:
            found[unit] = partial(_pixels, measured, row)
    return found


def _pixels(measured: Measured, row: int) -> NDArray[np.uint8]:
    shown = measured.picture(row) if isinstance(measured, MeasuredPictures) else None
    if shown is None:
        raise InputError(f"row {row}: no picture to show.")
    return shown
