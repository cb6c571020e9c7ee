"""PET activity as standardised uptake values (SUV, body weight), where the header allows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.dicom_files import DicomFile
from tumorboard.formats.volume import Volume

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: What the conversion needs beside Units: of the image, and of the radiopharmaceutical.
_OF_IMAGE = ("PatientWeight", "SeriesDate", "SeriesTime", "DecayCorrection")
_OF_DOSE = (
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
)
_FACTOR, _MISSING = "suv_per_unit", "suv_missing"


def suv_facts(file: DicomFile) -> dict[str, str]:
    """`suv_per_unit`, or `suv_missing` with the tags that are absent, from one PET file.

    Source:
        Quantitative Imaging Biomarkers Alliance, "SUV vendor-neutral pseudo-code" (happy path):
        activity x weight in g / dose decayed from injection to the start of the series.
    """
    from pydicom import dcmread

    with file.open() as stream:
        dataset = dcmread(stream, stop_before_pixels=True, force=True)
    units = str(dataset.get("Units", ""))
    if units == "GML":  # SUV by body weight already
        return {_FACTOR: "1"}
    items = dataset.get("RadiopharmaceuticalInformationSequence") or ()
    missing = [] if units == "BQML" else [f"Units of BQML (found {units or 'none'})"]
    missing += [name for name in _OF_IMAGE if not dataset.get(name)]
    dose: Dataset | None = items[0] if items else None
    missing += [name for name in _OF_DOSE if dose is None or not dose.get(name)]
    if dose is None or missing:
        return {_MISSING: ", ".join(missing)}
    return _factor(dataset, dose)


def _factor(dataset: Dataset, dose: Dataset) -> dict[str, str]:
    corrected_to = str(dataset.DecayCorrection)
    if corrected_to not in ("START", "ADMIN"):
        return {_MISSING: f"DecayCorrection of START or ADMIN (found {corrected_to})"}
    activity = float(dose.RadionuclideTotalDose)
    if corrected_to == "START":
        date = str(dataset.SeriesDate)
        try:
            start = _moment(date, str(dataset.SeriesTime))
            injected = _moment(date, str(dose.RadiopharmaceuticalStartTime))
        except ValueError:
            return {_MISSING: "SeriesTime and RadiopharmaceuticalStartTime as times of day"}
        # Injected before midnight, scanned after it: the header has no date of the injection.
        seconds = (start - injected).total_seconds() % 86_400
        activity *= 2 ** (-seconds / float(dose.RadionuclideHalfLife))
    return {_FACTOR: repr(float(dataset.PatientWeight) * 1000 / activity)}


def _moment(date: str, time: str) -> datetime:
    return datetime.strptime(date[:8] + time[:6], "%Y%m%d%H%M%S")


def to_suv(volume: Volume, where: Path) -> Volume:
    """The same PET volume in SUV by body weight, g/ml.

    Raises:
        InputError: Not PET, or tags that the conversion needs are absent.
    """
    if volume.kind != "PT":
        raise InputError(f"{where}: SUV of modality {volume.kind or 'unknown'}; expected PET (PT).")
    if _FACTOR not in volume.facts:
        missing = volume.facts.get(_MISSING, "the DICOM header")
        raise InputError(
            f"{where}: SUV cannot be computed without {missing}. Export the series with these "
            "tags; de-identification often removes the times."
        )
    array = volume.array * np.float32(volume.facts[_FACTOR])
    notes = tuple(note for note in volume.notes if "not SUV unless converted" not in note)
    return replace(
        volume,
        array=array.astype(np.float32),
        facts={**volume.facts, "units": "SUVbw g/ml", _FACTOR: "1"},
        notes=(*notes, f"{where}: activity converted to SUV by body weight"),
    )
