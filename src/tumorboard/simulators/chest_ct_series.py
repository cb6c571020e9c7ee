"""Chest CT of the same patients over visits, with a lung tumour that shrinks, stays or grows.

The chest is one drawing; at each visit it lies elsewhere in the scanner, the noise is new and the
tumour has the volume that its rate gives. Masks of heart, aorta, oesophagus and cord are written
for distances. See `transforms/chest_series.py`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from tumorboard.cache import write_text
from tumorboard.errors import StudyError
from tumorboard.formats.csv_writing import write_csv
from tumorboard.formats.dicom_writing import Acquisition, write_ct_series
from tumorboard.formats.nifti_writing import write_nifti
from tumorboard.simulators import Simulator
from tumorboard.transforms.brain_patients import RATES, responses
from tumorboard.transforms.chest_drawing import EXTENT_MM
from tumorboard.transforms.chest_series import (
    SCANNER,
    SeriesPatient,
    draw_series_patient,
    draw_visit,
    note_of,
    place_of,
    reported_of,
)
from tumorboard.transforms.chest_structures import STRUCTURES, structures_of
from tumorboard.transforms.mask_diameter import longest_diameter_mm

_HEADER = ("patient_id", "case", "visit", "age", "sex")
_VISITS = (
    "patient_id", "visit", "case", "date", "days", "tumour_volume_ml", "longest_diameter_mm",
    "reported",
)  # fmt: skip
_TRUTH = ("patient_id", "course", "rate_per_30_days", "side", "zone")
_TRUTH_VISITS = ("patient_id", "case", "response", "report_is_consistent", "moved_mm")
_FIRST_DAY = date(2020, 1, 6)
_README = """\
# A simulated series of chest CT

Nobody here is of flesh and blood. `tumorboard simulate chest_ct_series` wrote this folder.

| file | is |
|---|---|
| patients.csv | one row per examination: patient, record, and `case`, the name of its files |
| ct/, dicom/ | chest CT as NIfTI, as one DICOM series per examination, or both |
| masks/ | the tumour |
| structures/ | heart, aorta, oesophagus and spinal cord |
| notes/ | what was written at the visit |
| visits.csv | date, volume and longest axial diameter as in `follow`, reported outcome |
| study.toml | a study that runs as it is |
| truth.json, truth_* | what everything was drawn from: no input of a model |
"""
_STUDY = """\
# A simulated cohort: nobody of flesh and blood. truth.json beside this file holds what it was drawn
# from.
#     tumorboard evaluate study.toml

[study]
name = "simulated-chest-ct-series"
question = "Does the note of the visit help to outline the lung tumour?"
seed = {seed}

[cohort]
source = "folder"
table = "patients.csv"
patient_id = "patient_id"

[task]
kind = "segmentation"
image = "ct"
mask = "masks/{{case}}.nii.gz"
labels = {{tumour = 1}}

[modalities.ct]
kind = "volume"
files = "{files}"
spacing_mm = {spacing}
size = {size}
window_hu = [-1000, 400]
flip = []                            # a note speaks of left and right
encoder = "unet"

[modalities.note]
kind = "notes"
files = "notes/{{case}}.txt"
encoder = "word_vectors"

[arms]
image = {{modalities = ["ct"]}}
dynamic = {{modalities = ["ct", "note"], fusion = "dynamic_attention"}}

[training]
epochs = 40
batch_size = 2
optimizer = {{name = "adamw", learning_rate = 1e-3, weight_decay = 1e-5}}
schedule = "cosine"

[evaluation]
folds = 5
primary = {{arm = "dynamic", reference = "image", metric = "dice"}}

[report]
population = "simulated patients, nobody of flesh and blood"
"""


class ChestCtSeries(Simulator):
    """Chest CT over visits with a lung tumour that shrinks or grows, masks, structures and notes.

    Args:
        size: Voxels per axis; the chest stays the same (340 x 340 x 240 mm).
        ct: CT as NIfTI, as DICOM series, or both.
        visits: Examinations of each patient, three weeks apart.
        consistent_reports: Share of visits whose note reports an outcome that goes with the change
            of volume.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int, int] = (96, 96, 64),
        ct: Literal["nifti", "dicom", "both"] = "nifti",
        visits: int = 4,
        consistent_reports: float = 0.8,
    ) -> None:
        self.size = (size[0], size[1], size[2])
        self.ct: Literal["nifti", "dicom", "both"] = ct
        self.visits, self.consistent_reports = visits, consistent_reports
        rules = (
            ("size", min(size[:2]) >= 32 and size[2] >= 16, "[32, 32, 16] or more"),
            ("visits", 1 <= visits <= 12, "1 to 12"),
            ("consistent_reports", 0 <= consistent_reports <= 1, "0 to 1"),
        )
        faults = [
            f"chest_ct_series.{key}: found {json.dumps(getattr(self, key))}, expected {expected}."
            for key, is_fine, expected in rules
            if not is_fine
        ]
        if faults:
            raise StudyError(faults)

    def settings(self) -> Mapping[str, object]:
        """Every setting with its value."""
        return {name: getattr(self, name) for name in inspect.signature(ChestCtSeries).parameters}

    def draw(self, number: int, *, seed: int) -> SeriesPatient:
        """Patient `number` without the images."""
        return draw_series_patient(
            number, visits=self.visits, consistent_reports=self.consistent_reports, seed=seed
        )

    def write(self, out: Path, *, n_patients: int, seed: int) -> None:
        """Write a cohort; see `Simulator.write`. One examination is held in memory at a time."""
        tables = _Tables([], [], [], [])
        for number in range(n_patients):
            patient, patient_id = self.draw(number, seed=seed), f"P{number + 1:04d}"
            rows = [
                self._write_case(out, patient, number, visit, seed=seed)
                for visit in range(self.visits)
            ]
            tables.add(patient, patient_id, rows)
        write_csv(out / "patients.csv", _HEADER, tables.patients)
        write_csv(out / "visits.csv", _VISITS, tables.visits)
        write_csv(out / "truth_patients.csv", _TRUTH, tables.truth)
        write_csv(out / "truth_visits.csv", _TRUTH_VISITS, tables.of_visits)
        facts = {
            "simulator": "chest_ct_series", "seed": seed, "n_patients": n_patients,
            "settings": self.settings(), "structures": STRUCTURES, "courses": list(RATES),
            "best_auroc": {},
        }  # fmt: skip
        write_text(out / "truth.json", json.dumps(facts, indent=2) + "\n")
        write_text(out / "README.md", _README)
        write_text(out / "study.toml", self._study(seed))

    def _write_case(
        self, out: Path, patient: SeriesPatient, number: int, visit: int, *, seed: int
    ) -> _Row:
        chest = draw_visit(patient, number, visit, size=self.size, seed=seed)
        patient_id = f"P{number + 1:04d}"
        case = f"{patient_id}_v{visit + 1}"
        day = _FIRST_DAY + timedelta(days=patient.days[visit])
        if self.ct != "dicom":
            write_nifti(out / "ct" / f"{case}.nii.gz", chest.hu, chest.affine)
        if self.ct != "nifti":
            about = _acquisition(patient, patient_id, visit, day)
            place = out / "dicom" / case
            write_ct_series(place, chest.hu, chest.affine, about=about, outside=chest.outside)
        write_nifti(out / "masks" / f"{case}.nii.gz", chest.tumour.astype(np.uint8), chest.affine)
        for name, mask in structures_of(chest).items():
            path = out / "structures" / case / f"{name}.nii.gz"
            write_nifti(path, mask.astype(np.uint8), chest.affine)
        place = place_of(chest)
        note = note_of(patient, number, visit, place, seed=seed)
        write_text(out / "notes" / f"{case}.txt", note + "\n")
        reported = reported_of(patient, visit) if visit else ""
        voxel_ml = float(np.prod(np.diag(chest.affine)[:3])) / 1000
        diameter = longest_diameter_mm(chest.tumour, chest.affine)
        return _Row(case, day, float(chest.tumour.sum()) * voxel_ml, diameter, reported, place)

    def _study(self, seed: int) -> str:
        spacing = [round(e / n, 4) for e, n in zip(EXTENT_MM, self.size, strict=True)]
        files = "dicom/{case}" if self.ct == "dicom" else "ct/{case}.nii.gz"
        return _STUDY.format(seed=seed, files=files, spacing=spacing, size=list(self.size))


@dataclass(frozen=True)
class _Row:
    """What tables say of one examination."""

    case: str
    day: date
    volume_ml: float
    diameter_mm: float
    reported: str
    place: tuple[str, str]


@dataclass(frozen=True)
class _Tables:
    """Rows of every table."""

    patients: list[Sequence[object]]
    visits: list[Sequence[object]]
    truth: list[Sequence[object]]
    of_visits: list[Sequence[object]]

    def add(self, patient: SeriesPatient, patient_id: str, rows: Sequence[_Row]) -> None:
        """The rows of one patient."""
        sex = "male" if patient.is_male else "female"
        found = responses([row.volume_ml for row in rows])
        self.truth.append((patient_id, patient.course, f"{patient.rate:.6f}", *rows[0].place))
        for k, row in enumerate(rows):
            self.patients.append((patient_id, row.case, k + 1, patient.age_years, sex))
            measured = f"{row.volume_ml:.3f}", f"{row.diameter_mm:.1f}"
            self.visits.append(
                (
                    patient_id, k + 1, row.case, row.day.isoformat(), patient.days[k], *measured,
                    row.reported,
                )
            )  # fmt: skip
            moved = " ".join(f"{v:.2f}" for v in patient.moved_mm[k])
            consistent = str(int(patient.is_consistent[k])) if k else ""
            self.of_visits.append((patient_id, row.case, found[k], consistent, moved))


def _acquisition(patient: SeriesPatient, patient_id: str, visit: int, day: date) -> Acquisition:
    return Acquisition(
        patient_id=patient_id, sex="M" if patient.is_male else "F", age_years=patient.age_years,
        maker=SCANNER.maker, model=SCANNER.model, kernel=SCANNER.kernel, kvp=SCANNER.kvp,
        institution="A", examination=f"visit {visit + 1}", day=day.strftime("%Y%m%d"),
    )  # fmt: skip
